// A backend service that works in the name of whoever calls it: the caller's token goes on to Holdall with every
// request, so the service can do what its caller may do and nothing more. It has no token of its own.
//
//   HOLDALL_URL=http://127.0.0.1:8080 PORT=9000 node examples/report-worker.js
//   curl -X POST -H "Authorization: Bearer $HOLDALL_TOKEN" http://127.0.0.1:9000/reports
import { createServer } from "node:http";
import { HoldallClient, HoldallError } from "@holdall/sdk";

const baseUrl = process.env["HOLDALL_URL"] ?? "http://127.0.0.1:8080";

/**
 * Adds up the caller's open orders and stores the sums as a file.
 *
 * @param {string} token the caller's
 * @param {AbortSignal} signal ends the work when the caller goes away
 */
async function report(token, signal) {
  const { objects, records } = new HoldallClient({ baseUrl, token }).storage;
  let csv = "order,total\n";
  let sum = 0;
  for await (const order of records.iterate({ collection: "orders", where: { state: "open" }, signal })) {
    const { total } = /** @type {{ total: number }} */ (order.value);
    csv += `${order.key},${total}\n`;
    sum += total;
  }
  csv += `sum,${sum}\n`;
  return objects.upload("default", csv, { path: "reports/open-orders.csv", content_type: "text/csv", source_type: "backend", replace: true, signal });
}

const server = createServer((request, response) => {
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  /** @type {(status: number, body: object) => void} */
  const answer = (status, body) => void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));

  if (request.method !== "POST" || request.url !== "/reports") return answer(404, { detail: "POST /reports" });
  if (token === undefined) return answer(401, { code: "unauthenticated", detail: "a bearer token is needed" });
  report(token, gone.signal).then(
    ({ path, checksum }) => answer(201, { path, checksum }),
    (error) => {
      if (error instanceof HoldallError) return answer(error.status, { code: error.code, detail: error.detail });
      if (!gone.signal.aborted) console.error(error);
      answer(502, { code: "unavailable", detail: "the storage did not answer" });
    },
  );
});

server.listen(Number(process.env["PORT"] ?? 9000), "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") console.log(`http://127.0.0.1:${address.port}/reports`);
});
