import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { HoldallError, type Progress, type StoredObject } from "@holdall/sdk";
import { clientOf, mint, rejection, startServer } from "./server.js";

const baseUrl = await startServer();
const client = clientOf(baseUrl);
const { objects, files, buckets } = client.storage;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("a file goes up, is listed, changed, copied, deleted and restored", async () => {
  const made = await objects.upload("default", "ten crates", { path: "offers/oranges.txt", content_type: "text/plain", metadata: { state: "draft" }, source_type: "frontend" });
  assert.equal(made.path, "offers/oranges.txt");
  assert.equal(made.content_type, "text/plain");
  assert.deepEqual(made.metadata, { state: "draft" });
  assert.equal(made.source_type, "frontend");
  assert.deepEqual(await objects.get(made.id), made);
  assert.equal(await objects.get(made.id, { ifNoneMatch: made.version }), null);
  assert.equal(await (await objects.download("default", made.id)).text(), "ten crates");

  const head = await objects.head("default", made.id);
  assert.deepEqual([head.size, head.contentType, head.checksum], [10, "text/plain", made.checksum]);
  assert.ok(Math.abs(head.lastModified.getTime() - Date.parse(made.updated_at)) < 1000);

  const moved = await objects.update("default", made.id, { path: "offers/blood-oranges.txt" }, { ifMatch: made.version });
  assert.equal(moved.version, 2);
  const stale = await rejection(objects.update("default", made.id, { metadata: {} }, { ifMatch: made.version }));
  assert.ok(stale instanceof HoldallError);
  assert.equal(stale.code, "precondition_failed");

  const copy = await objects.copy("default", made.id, { path: "offers/copy.txt" });
  assert.notEqual(copy.id, made.id);
  const page = await objects.list({ bucket: "default", prefix: "offers/" });
  assert.deepEqual(page.data.map((o) => o.path), ["offers/blood-oranges.txt", "offers/copy.txt"]);
  assert.equal(page.total, 2);
  assert.deepEqual((await objects.list({ bucket: "default", delimiter: "/" })).folders, ["offers/"]);

  const gone = await objects.delete("default", made.id);
  assert.equal(gone.is_deleted, true);
  assert.deepEqual((await objects.list({ deleted: true, prefix: "offers/" })).data.map((o) => o.id), [made.id]);
  assert.equal((await objects.restore("default", made.id)).is_deleted, false);

  const many = await objects.deleteMany("default", [made.id, "obj_00000000000000000000000000"]);
  assert.deepEqual(many.deleted, [made.id]);
  assert.equal(many.errors[0]?.code, "object_not_found");
  assert.equal((await objects.deleteById(copy.id, { purge: true })).id, copy.id);
  assert.equal(((await rejection(objects.get(copy.id))) as HoldallError).code, "object_not_found");
});

test("every kind of body goes up whole, and says how far it is", async () => {
  const bytes = new Uint8Array(randomBytes(300_000));
  const stream = () => new Blob([bytes]).stream() as ReadableStream<Uint8Array>;
  const bodies = { blob: new Blob([bytes]), bytes, view: new DataView(bytes.buffer), buffer: bytes.buffer, stream: stream() };
  for (const [path, body] of Object.entries(bodies)) {
    assert.equal((await objects.upload("default", body, { path: `bodies/${path}` })).checksum, sha256(bytes), path);
  }
  for (const [path, body] of Object.entries({ ...bodies, stream: stream() })) {
    const seen: Progress[] = [];
    const made = await objects.upload("default", body, { path: `counted/${path}`, onProgress: (p) => seen.push(p) });
    assert.equal(made.checksum, sha256(bytes), path);
    assert.deepEqual(seen.at(-1), { loaded: bytes.length, total: path === "stream" ? null : bytes.length });
    assert.ok(seen.every((p, i) => p.loaded > (seen[i - 1]?.loaded ?? 0)));
  }
});

test("a File brings its name and type, in NFC", async () => {
  const file = new File(["x"], "u\u0308bersicht.md", { type: "text/markdown" });
  const made = await objects.upload("default", file);
  assert.equal(made.path, "\u00fcbersicht.md");
  assert.equal(made.content_type, "text/markdown");
  assert.equal(await (await files.download("default", "u\u0308bersicht.md")).text(), "x");
  const moved = await objects.update("default", made.id, { path: "e\u0301" });
  assert.equal(moved.path, "\u00e9");
  await assert.rejects(objects.upload("default", new Blob(["x"]) as File), TypeError);
});

test("a taken path is refused, unless it is to be replaced", async () => {
  const first = await objects.upload("default", "one", { path: "taken" });
  for (const size of [10, 3_000_000]) {
    const error = await rejection(objects.upload("default", new Uint8Array(size), { path: "taken" }));
    assert.ok(error instanceof HoldallError, String(error));
    assert.equal(error.code, "object_exists");
    assert.equal(error.status, 409);
    assert.match(error.requestId ?? "", /./);
  }
  const second = await objects.upload("default", "two", { path: "taken", replace: true });
  assert.equal(second.id, first.id);
  const third = await objects.upload("default", "three", { path: "taken", ifMatch: second.checksum });
  assert.equal(third.id, first.id);
  assert.equal(((await rejection(objects.upload("default", "four", { path: "taken", ifMatch: second.checksum }))) as HoldallError).code, "precondition_failed");
});

test("a checksum is computed and checked", async () => {
  const made = await objects.upload("default", "sum", { path: "sum", checksum: true });
  assert.equal(made.checksum, sha256(Buffer.from("sum")));
  const error = await rejection(objects.upload("default", "other", { path: "wrong", checksum: made.checksum }));
  assert.equal((error as HoldallError).code, "checksum_mismatch");
  await assert.rejects(objects.upload("default", new Blob(["s"]).stream() as ReadableStream<Uint8Array>, { path: "s", checksum: true }), TypeError);
});

/** Returns a stream without an end, and a promise that it was let go of. */
function endless() {
  let cancel = () => {};
  const canceled = new Promise<void>((resolve) => (cancel = resolve));
  return { body: new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)), cancel }), canceled };
}

test("an aborted upload rejects with the reason and leaves nothing", async () => {
  for (const reason of [new Error("enough"), new DOMException("no more", "AbortError"), new TypeError("odd")]) {
    const abort = new AbortController();
    const { body, canceled } = endless();
    const upload = objects.upload("default", body, {
      path: "aborted",
      signal: abort.signal,
      onProgress: ({ loaded }) => loaded > 1_000_000 && abort.abort(reason),
    });
    assert.equal(await rejection(upload), reason);
    await canceled;
  }
  assert.deepEqual((await objects.list({ prefix: "aborted" })).data, []);
  assert.equal(((await rejection(objects.list({ signal: AbortSignal.abort() }))) as Error).name, "AbortError");
});

test("a refusal stops a stream that is still going out", async () => {
  await objects.upload("default", "x", { path: "refused" });
  const { body, canceled } = endless();
  assert.equal(((await rejection(objects.upload("default", body, { path: "refused" }))) as HoldallError).code, "object_exists");
  await canceled;
});

test("downloads have ranges, conditions and progress", async () => {
  const bytes = new Uint8Array(randomBytes(500_000));
  const { id, checksum } = await objects.upload("default", bytes, { path: "bytes" });
  const seen: Progress[] = [];
  const whole = await objects.download("default", id, { onProgress: (p) => seen.push(p) });
  assert.equal(whole.status, 200);
  assert.equal(sha256(new Uint8Array(await whole.arrayBuffer())), checksum);
  assert.deepEqual(seen.at(-1), { loaded: bytes.length, total: bytes.length });

  const part = await objects.download("default", id, { range: { start: 10, end: 19 } });
  assert.equal(part.status, 206);
  assert.deepEqual(new Uint8Array(await part.arrayBuffer()), bytes.slice(10, 20));
  const tail = await objects.download("default", id, { range: "bytes=-5" });
  assert.deepEqual(new Uint8Array(await tail.arrayBuffer()), bytes.slice(-5));
  assert.equal(((await rejection(objects.download("default", id, { range: { start: bytes.length } }))) as HoldallError).code, "range_not_satisfiable");

  assert.equal((await objects.download("default", id, { ifNoneMatch: checksum })).status, 304);
  assert.equal(((await rejection(objects.download("default", id, { ifMatch: "0".repeat(64) }))) as HoldallError).code, "precondition_failed");
  const image = await objects.upload("default", new Uint8Array([1]), { path: "a.png", content_type: "image/png" });
  assert.match((await objects.download("default", image.id, { inline: true })).headers.get("Content-Disposition") ?? "", /^inline/);
});

test("iterators walk every page once", async () => {
  const paths = Array.from({ length: 25 }, (_, i) => `many/${String(i).padStart(2, "0")}`);
  await Promise.all(paths.map((path) => objects.upload("default", path, { path })));
  const seen: string[] = [];
  for await (const object of objects.iterate({ bucket: "default", prefix: "many/", limit: 7 })) seen.push(object.path);
  assert.deepEqual(seen, paths);

  const sizes: number[] = [];
  for await (const page of objects.pages({ prefix: "many/", limit: 10, offset: 5, sort: "-path" })) {
    assert.equal(page.total, 25);
    sizes.push(page.data.length);
  }
  assert.deepEqual(sizes, [10, 10]);
});

test("links work without a token", async () => {
  const made = await objects.upload("default", "linked", { path: "linked" });
  const { url } = await objects.sign("default", made.id, { expires_in: 60 });
  assert.equal(await (await fetch(url)).text(), "linked");

  const link = await objects.signUpload("default", { path: "by-link", content_type: "text/plain", expires_in: 60 });
  const anonymous = clientOf(baseUrl, { token: undefined });
  const uploaded = await anonymous.storage.objects.uploadByLink(link, "by link");
  assert.equal((uploaded as StoredObject).path, "by-link");
  const used = await rejection(anonymous.storage.objects.uploadByLink(link, "again"));
  assert.equal((used as HoldallError).code, "permission_denied");
});

test("public files have an address, and hostile names none", async () => {
  await buckets.create({ name: "logos", public: true });
  await objects.upload("logos", "<svg/>", { path: "a b/ü?#%.svg" });
  const address = files.url("logos", "a b/ü?#%.svg", { inline: true });
  assert.equal(await (await fetch(address)).text(), "<svg/>");
  assert.equal((await files.head("logos", "a b/ü?#%.svg")).size, 6);
  for (const path of ["../secret", "a//b", ".", "", "a/.."]) {
    assert.throws(() => files.url("logos", path), { code: "invalid_path" });
  }
  assert.equal(((await rejection(objects.delete("..", ".."))) as HoldallError).code, "invalid_name");
});

test("tiers keep files apart", async () => {
  await objects.upload("default", "mine", { path: "same", tier: "user" });
  await objects.upload("default", "ours", { path: "same" });
  assert.equal(await (await files.download("default", "same", { tier: "user" })).text(), "mine");
  assert.equal(await (await files.download("default", "same")).text(), "ours");
  const other = clientOf(baseUrl, { token: mint({ sub: "bob" }) });
  assert.equal(((await rejection(other.storage.files.download("default", "same", { tier: "user" }))) as HoldallError).code, "object_not_found");
});
