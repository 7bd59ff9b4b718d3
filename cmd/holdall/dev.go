package main

import (
	"fmt"
	"net"
	"time"
)

const devTokenLife = 24 * time.Hour

// printDev prints a token for everything in tenant dev, and commands that
// work as they are.
func (a *app) printDev(listens net.Addr, secret []byte) error {
	address := "http://" + listens.String()
	if tcp, ok := listens.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		address = fmt.Sprintf("http://localhost:%d", tcp.Port)
	}
	token, err := mintDev(secret)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, `
The console, in a browser on this machine: %[3]s/console/

A token for tenant %[1]s, user %[1]s, everything allowed, good for %[2]d hours:

export HOLDALL_URL=%[3]s
export HOLDALL_TOKEN=%[4]s

Try:

echo hello | curl -sS -H "Authorization: Bearer $HOLDALL_TOKEN" -H 'Content-Type: text/plain' --data-binary @- "$HOLDALL_URL/api/v1/storage/objects/default?path=notes/hello.txt&replace=true"
curl -sS -H "Authorization: Bearer $HOLDALL_TOKEN" "$HOLDALL_URL/api/v1/storage/files/default/notes/hello.txt"
curl -sS -H "Authorization: Bearer $HOLDALL_TOKEN" "$HOLDALL_URL/api/v1/storage/objects/default?delimiter=/"
curl -sS -H "Authorization: Bearer $HOLDALL_TOKEN" -X PUT -H 'Content-Type: application/json' -d '{"value":{"theme":"dark"}}' "$HOLDALL_URL/api/v1/storage/records/settings/ui"
curl -sS -H "Authorization: Bearer $HOLDALL_TOKEN" "$HOLDALL_URL/api/v1/storage/records/settings/ui"

`, dev, int(devTokenLife.Hours()), address, token)
	return err
}
