import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { clientOf, mint, startServer } from "./server.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const baseUrl = await startServer();

test("the worker does what its caller may do, and nothing more", async () => {
  const { records, files } = clientOf(baseUrl).storage;
  await records.put("orders", "1001", { state: "open", total: 120 });
  await records.put("orders", "1002", { state: "paid", total: 1 });
  await records.put("orders", "1003", { state: "open", total: 30 });

  const worker = spawn(process.execPath, ["examples/report-worker.js"], {
    cwd: root,
    env: { ...process.env, HOLDALL_URL: baseUrl, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  after(() => worker.kill());
  const [line] = await worker.stdout.take(1).toArray();
  const call = async (token?: string) => {
    const headers = new Headers(token === undefined ? {} : { Authorization: `Bearer ${token}` });
    const response = await fetch(String(line).trim(), { method: "POST", headers });
    return [response.status, ((await response.json()) as { code?: string }).code];
  };

  assert.deepEqual(await call(mint()), [201, undefined]);
  assert.deepEqual(await call(mint()), [201, undefined]);
  assert.equal(await (await files.download("default", "reports/open-orders.csv")).text(), "order,total\n1001,120\n1003,30\nsum,150\n");
  assert.deepEqual(await call(mint({ permissions: ["storage:read"] })), [403, "permission_denied"]);
  assert.deepEqual(await call(mint({ exp: 1000 })), [401, "unauthenticated"]);
  assert.deepEqual(await call(), [401, "unauthenticated"]);
  assert.deepEqual(await call(mint({ tenant_id: "other" })), [201, undefined]);
  assert.equal(await (await files.download("default", "reports/open-orders.csv")).text(), "order,total\n1001,120\n1003,30\nsum,150\n");
});

test("the README's code runs", async () => {
  const readme = await readFile(`${root}README.md`, "utf8");
  const blocks = Array.from(readme.matchAll(/<!-- run -->\n```js\n(.*?)```/gs), (match) => match[1] ?? "");
  assert.ok(blocks.length > 5);
  const imports = blocks.join("").match(/^import .*$/gm) ?? [];
  const [first = "", ...rest] = blocks.map((block) => block.replaceAll(/^import .*$/gm, ""));
  const script = `${root}build/readme.mjs`;
  await writeFile(script, [...imports, first, ...rest.map((block) => `{\n${block}\n}`)].join("\n"));
  const env = { ...process.env, HOLDALL_URL: baseUrl, HOLDALL_TOKEN: mint({ tenant_id: "readme" }) };
  await promisify(execFile)(process.execPath, [script], { env });
});
