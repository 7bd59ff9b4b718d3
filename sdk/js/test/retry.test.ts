import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { HoldallError, HoldallNetworkError, type HoldallClient } from "@holdall/sdk";
import { cutting, misbehaving, nobody, type Deed } from "./proxy.js";
import { clientOf, rejection, startServer } from "./server.js";

const baseUrl = await startServer();
const direct = clientOf(baseUrl).storage;
const unavailable: Deed = { status: 503 };

/** Runs a call through a proxy, and says what it came to and how many requests that took. */
async function through(deeds: Deed[], call: (client: HoldallClient) => Promise<unknown>, retries = 3) {
  const proxy = await misbehaving(baseUrl, deeds);
  const outcome = await call(clientOf(proxy.url, { retries })).then(
    () => "done",
    (error: unknown) => (error instanceof HoldallError ? error.code : (error as Error).name),
  );
  return [outcome, proxy.count];
}

test("reads are sent again when no answer comes, or one that says later", async () => {
  const list = (client: HoldallClient) => client.storage.objects.list();
  assert.deepEqual(await through([unavailable, { status: 502 }, { status: 504 }], list), ["done", 4]);
  assert.deepEqual(await through(["lose", "lose"], list), ["done", 3]);
  assert.deepEqual(await through(["lose", "lose"], list, 1), ["HoldallNetworkError", 2]);
  assert.deepEqual(await through([unavailable], list, 0), ["unavailable", 1]);
  assert.deepEqual(await through([{ status: 500 }], list), ["internal", 1]);
});

test("Retry-After is kept to, and not when it is long", async () => {
  const list = (client: HoldallClient) => client.storage.buckets.list();
  const start = performance.now();
  assert.deepEqual(await through([{ status: 503, retryAfter: "1" }], list), ["done", 2]);
  assert.ok(performance.now() - start >= 990); // timers may be a little early
  assert.deepEqual(await through([{ status: 503, retryAfter: new Date(Date.now() - 1000).toUTCString() }], list), ["done", 2]);
  assert.deepEqual(await through([{ status: 503, retryAfter: "86400" }], list), ["unavailable", 1]);
});

test("a wait ends with the signal", async () => {
  const proxy = await misbehaving(baseUrl, [{ status: 429, retryAfter: "30" }]);
  const abort = new AbortController();
  const call = clientOf(proxy.url).storage.objects.list({ signal: abort.signal });
  while (proxy.count === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  abort.abort();
  assert.equal(((await rejection(call)) as Error).name, "AbortError");
});

test("a write is not sent again when it may have happened", async () => {
  const create = (path: string) => (client: HoldallClient) => client.storage.objects.upload("default", "x", { path });
  assert.deepEqual(await through(["lose"], create("lost")), ["HoldallNetworkError", 1]);
  assert.equal((await direct.objects.list({ prefix: "lost" })).data.length, 1); // it did happen
  assert.deepEqual(await through([unavailable], create("unavailable")), ["unavailable", 1]);
  assert.deepEqual(await through([{ status: 429, retryAfter: "0" }], create("limited")), ["done", 2]);

  const made = await direct.objects.upload("default", "x", { path: "once" });
  const record = await direct.records.put("once", "k", 1);
  const calls: ((client: HoldallClient) => Promise<unknown>)[] = [
    ({ storage }) => storage.objects.delete("default", made.id),
    ({ storage }) => storage.objects.restore("default", made.id),
    ({ storage }) => storage.objects.update("default", made.id, { path: "moved" }),
    ({ storage }) => storage.objects.copy("default", made.id, { path: "copied" }),
    ({ storage }) => storage.records.put("once", "k", 2, { ifMatch: record.version }),
    ({ storage }) => storage.records.patch("once", "k", {}),
    ({ storage }) => storage.records.batch([]),
    ({ storage }) => storage.buckets.create({ name: "once" }),
    ({ storage }) => storage.buckets.empty("once"),
  ];
  for (const call of calls) assert.deepEqual(await through(["lose"], call), ["HoldallNetworkError", 1], call.toString());
});

test("what replaces whatever is there, and what only makes a link, is sent again", async () => {
  const made = await direct.objects.upload("default", "x", { path: "again" });
  const calls: ((client: HoldallClient) => Promise<unknown>)[] = [
    ({ storage }) => storage.objects.upload("default", "y", { path: "again", replace: true }),
    ({ storage }) => storage.objects.upload("default", new Uint8Array(5), { path: "again", replace: true, onProgress: () => {} }),
    ({ storage }) => storage.objects.sign("default", made.id, { expires_in: 5 }),
    ({ storage }) => storage.records.put("again", "k", 1),
  ];
  for (const call of calls) assert.deepEqual(await through(["lose", unavailable], call), ["done", 3], call.toString());
});

test("a stream is never sent twice, and is let go of", async () => {
  let cancel = () => {};
  const canceled = new Promise<void>((resolve) => (cancel = resolve));
  const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1000)), cancel });
  const stream = new Blob(["x"]).stream() as ReadableStream<Uint8Array>;
  const upload = (body: ReadableStream<Uint8Array>) => (client: HoldallClient) => client.storage.objects.upload("default", body, { path: "s", replace: true });
  assert.deepEqual(await through([{ status: 429 }], upload(stream)), ["rate_limited", 1]);
  const error = await rejection(upload(endless)(clientOf(nobody)));
  assert.ok(error instanceof HoldallNetworkError);
  assert.deepEqual([error.method, error.url], ["POST", `${nobody}/api/v1/storage/objects/default`]);
  await canceled;
});

test("a write is sent again when no connection was made", async () => {
  let calls = 0;
  const flaky: typeof fetch = (input, init) => fetch(calls++ < 2 ? nobody : input, init);
  const client = clientOf(baseUrl, { fetch: flaky });
  assert.equal((await client.storage.objects.upload("default", "x", { path: "third-time" })).size, 1);
  assert.equal(calls, 3);
});

test("an answer that is cut is asked for again, wherever the cut is", async () => {
  for (const cut of [0, 40, 300, 600]) {
    const proxy = await cutting(baseUrl, [cut, cut]);
    assert.ok((await clientOf(proxy.url).storage.objects.list({ prefix: "again" })).data.length === 1);
    assert.equal(proxy.count, 3, `cut at ${cut}`);
  }
});

test("a download that is cut goes on where it was", async () => {
  const bytes = new Uint8Array(randomBytes(2_000_000));
  const { id, checksum } = await direct.objects.upload("default", bytes, { path: "large" });
  const proxy = await cutting(baseUrl, [200_000, 10, 300_000, 100_000, 200_000, 200_000, 300_000]);
  const seen: number[] = [];
  const response = await clientOf(proxy.url).storage.objects.download("default", id, { onProgress: (p) => seen.push(p.loaded) });
  const got = new Uint8Array(await response.arrayBuffer());
  assert.equal(createHash("sha256").update(got).digest("hex"), checksum);
  assert.equal(proxy.count, 8);
  assert.equal(seen.at(-1), bytes.length);

  const ranged = await cutting(baseUrl, [50_000]);
  const part = await clientOf(ranged.url).storage.objects.download("default", id, { range: { start: 1000, end: 199_999 } });
  assert.deepEqual(new Uint8Array(await part.arrayBuffer()), bytes.slice(1000, 200_000));
  assert.equal(ranged.count, 2);
});

test("a cut download fails when the bytes have changed, or when it must not go on", async () => {
  const { id } = await direct.objects.upload("default", new Uint8Array(2_000_000), { path: "changing" });
  const proxy = await cutting(baseUrl, [300_000]);
  const response = await clientOf(proxy.url).storage.objects.download("default", id);
  const reader = response.body!.getReader();
  await reader.read();
  await direct.objects.upload("default", new Uint8Array(randomBytes(2_000_000)), { path: "changing", replace: true });
  const drained = async () => {
    while (!(await reader.read()).done);
  };
  const changed = await rejection(drained());
  assert.ok(changed instanceof HoldallError, String(changed));
  assert.equal(changed.code, "precondition_failed");

  const once = await cutting(baseUrl, [300_000]);
  const whole = await clientOf(once.url, { retries: 0 }).storage.objects.download("default", id);
  assert.ok((await rejection(whole.arrayBuffer())) instanceof HoldallNetworkError);
});
