import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { HoldallClient, HoldallError, HoldallNetworkError } from "@holdall/sdk";
import { clientOf, mint, rejection, startServer } from "./server.js";

const baseUrl = await startServer();
const client = clientOf(baseUrl);

/** Starts an HTTP server that is not Holdall, and returns its address. */
async function foreign(handler: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: 0 }, handler).listen(0, "127.0.0.1"); // only the client ends connections
  await new Promise((resolve) => server.once("listening", resolve));
  after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("buckets are made, changed, emptied and deleted", async () => {
  const { buckets, objects } = client.storage;
  const made = await buckets.create({ name: "photos", max_file_size: 100, allowed_types: ["image/*"] });
  assert.deepEqual(await buckets.get("photos"), made);
  assert.deepEqual((await buckets.list()).data.map((b) => b.name), ["default", "photos"]);
  assert.equal(((await rejection(buckets.create({ name: "photos" }))) as HoldallError).code, "bucket_exists");
  assert.equal(((await rejection(objects.upload("photos", "<p>", { path: "p", content_type: "text/html" }))) as HoldallError).code, "type_not_allowed");
  assert.equal(((await rejection(objects.upload("photos", new Uint8Array(101), { path: "p", content_type: "image/png" }))) as HoldallError).code, "too_large");
  assert.equal((await buckets.update("photos", { max_file_size: null })).max_file_size, null);
  await objects.upload("photos", new Uint8Array(101), { path: "p", content_type: "image/png" });
  assert.equal(((await rejection(buckets.delete("photos"))) as HoldallError).code, "bucket_not_empty");
  assert.deepEqual(await buckets.empty("photos"), { deleted: 1 });
  await buckets.delete("photos");
  assert.equal(((await rejection(buckets.get("photos"))) as HoldallError).code, "bucket_not_found");
  assert.equal(((await rejection(buckets.delete("default"))) as HoldallError).code, "bucket_protected");
});

test("a refusal is a HoldallError with all that the server said", async () => {
  const reader = clientOf(baseUrl, { token: mint({ permissions: ["storage:read"] }) });
  const error = await rejection(reader.storage.buckets.create({ name: "x" }));
  assert.ok(error instanceof HoldallError && error instanceof Error);
  assert.equal(error.name, "HoldallError");
  assert.equal(error.code, "permission_denied");
  assert.equal(error.status, 403);
  assert.ok(error.detail.length > 0 && error.message.includes(error.detail));
  assert.match(error.requestId ?? "", /./);
  assert.equal(error.retryAfter, null);
});

test("a token function is asked once for another token, however many requests wait for it", async () => {
  const expired = mint({ exp: 1000 });
  let token = expired;
  let refreshes = 0;
  let refreshed = () => {};
  const afterRefresh = new Promise<void>((resolve) => (refreshed = resolve));
  const latecomer: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (String(input).includes("records") && response.status === 401) await afterRefresh;
    return response;
  };
  const refreshing = clientOf(baseUrl, {
    fetch: latecomer,
    token: async ({ refresh }) => {
      if (refresh) {
        refreshes++;
        token = mint();
        setTimeout(refreshed, 20);
      }
      return token;
    },
  });
  const { buckets, records, objects } = refreshing.storage;
  await Promise.all([buckets.list(), buckets.list(), objects.upload("default", "x", { path: "refreshed" }), records.list()]);
  assert.equal(refreshes, 1);

  const stubborn = clientOf(baseUrl, { token: () => expired });
  assert.equal(((await rejection(stubborn.storage.buckets.list())) as HoldallError).code, "unauthenticated");
  const fixed = clientOf(baseUrl, { token: expired });
  assert.equal(((await rejection(fixed.storage.buckets.list())) as HoldallError).code, "unauthenticated");
  const broken = clientOf(baseUrl, { token: () => Promise.reject(new Error("signed out")) });
  assert.equal(((await rejection(broken.storage.buckets.list())) as Error).message, "signed out");
});

test("the plain way: fetch, FormData and the client's address and token", async () => {
  const form = new FormData();
  form.append("file", new Blob(["plain"], { type: "text/plain" }), "plain.txt");
  form.append("path", "forms/plain.txt");
  const response = await fetch(`${client.getBaseUrl()}/api/v1/storage/objects/default`, {
    method: "POST",
    headers: { Authorization: `Bearer ${await client.getAccessToken()}` },
    body: form,
  });
  assert.equal(response.status, 201);
  const { id } = (await response.json()) as { id: string };
  for (const url of [`/api/v1/storage/objects/${id}`, `api/v1/storage/objects/${id}`, `${baseUrl}/api/v1/storage/objects/${id}`]) {
    assert.equal((await client.fetchJson<{ path: string }>(url)).path, "forms/plain.txt");
  }
  const second = new FormData();
  second.append("file", new Blob(["2"]), "second.txt");
  assert.equal((await client.fetchJson<{ path: string }>("/api/v1/storage/objects", { method: "POST", body: second })).path, "second.txt");
  assert.equal(((await rejection(client.fetchJson("/api/v1/storage/objects/obj_00000000000000000000000000"))) as HoldallError).code, "object_not_found");
  assert.equal(await (await client.fetch("/api/v1/storage/files/default/forms/plain.txt")).text(), "plain");
});

test("the token goes to the server's own origin only", async () => {
  const seen: (string | undefined)[] = [];
  const other = await foreign((request, response) => {
    seen.push(request.headers.authorization);
    response.setHeader("Content-Type", "application/json").end("{}");
  });
  assert.deepEqual(await client.fetchJson(`${other}/x`), {});
  assert.deepEqual(await client.fetchJson(other.replace("http:", "") + "/x"), {}); // as //host/x
  assert.deepEqual(seen, [undefined, undefined]);

  const redirecting = await foreign((_, response) => response.writeHead(302, { Location: `${other}/stolen` }).end());
  const redirected = clientOf(redirecting, { retries: 0 });
  assert.ok((await rejection(redirected.storage.buckets.list())) instanceof HoldallNetworkError);
  assert.equal(seen.length, 2);
});

test("addresses are put together as they were given", () => {
  const of = (baseUrl: string, basePath?: string) => new HoldallClient({ baseUrl, ...(basePath !== undefined && { basePath }) });
  assert.equal(of("https://a.example/").getBaseUrl(), "https://a.example");
  assert.equal(of("https://a.example/files//").getBaseUrl(), "https://a.example/files");
  assert.equal(of("https://a.example/files").storage.files.url("b", "p"), "https://a.example/files/api/v1/storage/files/b/p");
  assert.equal(of("https://a.example", "/store/").storage.files.url("b", "p"), "https://a.example/store/storage/files/b/p");
  assert.equal(of("https://a.example", "").storage.files.url("b", "p", { tier: "user" }), "https://a.example/storage/files/b/p?tier=user");
});

test("an answer of something in between still has a code", async () => {
  const proxy = await foreign((request, response) => {
    const status = Number(/code=(\d+)/.exec(request.url ?? "")?.[1]);
    response.writeHead(status, { "Content-Type": "text/html" }).end("<h1>No</h1>");
  });
  const behind = clientOf(proxy, { retries: 0 });
  const codes = { 400: "invalid_request", 401: "unauthenticated", 403: "permission_denied", 413: "too_large", 500: "internal", 502: "unavailable", 504: "timeout" };
  for (const [status, code] of Object.entries(codes)) {
    const error = await rejection(behind.fetchJson(`/?code=${status}`));
    assert.ok(error instanceof HoldallError);
    assert.deepEqual([error.code, error.status, error.requestId], [code, Number(status), null]);
  }
});

test("health says that the server is well, or why not", async () => {
  assert.deepEqual(await clientOf(baseUrl, { token: undefined }).health(), { status: "ok" });
  const down = await foreign((_, response) => response.writeHead(503, { "Retry-After": "5" }).end());
  const error = await rejection(clientOf(down).health());
  assert.ok(error instanceof HoldallError);
  assert.deepEqual([error.code, error.retryAfter], ["unavailable", 5]);
});
