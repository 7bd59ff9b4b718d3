#!/usr/bin/env bash
# Runs every fuzz target of the module for a while: fuzz.sh 4s [package pattern]
# The targets are asked for, not listed here, so that none is forgotten.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
time=${1:-4s}
pattern=${2:-./...}

listed=$(go test -list '^Fuzz' "$pattern")
targets=$(awk '/^Fuzz/ {names = names " " $1} /^ok/ {split(names, n, " "); for (i in n) print $2, n[i]; names = ""}' <<<"$listed")
if [[ -z $targets ]]; then
	echo "no fuzz target found in $pattern" >&2
	exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
fuzz() { go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 5s "$1" >"$log" 2>&1; }

# Whether all that failed is that the time was up: the fuzzer of the Go
# distribution takes its own end for an error when it races with its workers.
ended() { grep -qx '    context deadline exceeded' "$log" && ! grep -qi 'failing input' "$log"; }

count=0
while read -r package name; do
	echo "fuzz $package $name"
	if ! fuzz "$package" "$name" && ! ended; then
		cat "$log"
		exit 1
	fi
	count=$((count + 1))
done <<<"$targets"
echo "$count fuzz targets passed, $time each"
