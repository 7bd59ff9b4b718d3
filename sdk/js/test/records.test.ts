import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldallError, JsonText, parseExact } from "@holdall/sdk";
import { clientOf, mint, rejection, startServer } from "./server.js";

const baseUrl = await startServer();
const { records } = clientOf(baseUrl).storage;

interface Order {
  state: string;
  total: number;
  note?: string;
}

test("a record is put, read, patched and deleted", async () => {
  const made = await records.put<Order>("orders", "2026/1001", { state: "open", total: 120 }, { ttl: 3600 });
  assert.equal(made.version, 1);
  assert.equal(made.ttl, 3600);
  assert.deepEqual(await records.get<Order>("orders", "2026/1001"), made);
  assert.deepEqual(await records.getById<Order>(made.id), made);
  assert.equal(await records.get("orders", "2026/1001", { ifNoneMatch: 1 }), null);

  const paid = await records.patch<Order>("orders", "2026/1001", { state: "paid" }, { ifMatch: 1 });
  assert.deepEqual(paid.value, { state: "paid", total: 120 });
  for (const late of [
    () => records.put("orders", "2026/1001", {}, { ifMatch: 1 }),
    () => records.patch("orders", "2026/1001", {}, { ifMatch: 1 }),
    () => records.delete("orders", "2026/1001", { ifMatch: 1 }),
    () => records.put("orders", "2026/1001", {}, { ifNoneMatch: "*" }),
  ]) {
    assert.equal(((await rejection(late())) as HoldallError).code, "precondition_failed");
  }
  assert.equal((await records.delete("orders", "2026/1001", { ifMatch: 2 })).is_deleted, true);
  assert.equal(((await rejection(records.get("orders", "2026/1001"))) as HoldallError).code, "record_not_found");
  const again = await records.put("orders", "2026/1001", null);
  assert.equal(again.value, null);
  assert.equal((await records.deleteById(again.id, { purge: true })).id, again.id);
});

test("lists filter, sort and go page by page", async () => {
  for (let i = 0; i < 12; i++) await records.put("list", `k${i}`, { n: i, tags: [i % 2 ? "odd" : "even"] });
  const page = await records.list<{ n: number }>({ collection: "list", where: { n: { gte: 4 }, tags: { contains: "odd" } }, limit: 2, sort: "-key" });
  assert.deepEqual(page.data.map((r) => r.value.n), [9, 7]);
  assert.equal(page.total, 4);
  const seen: string[] = [];
  for await (const record of records.iterate({ collection: "list", limit: 5 })) seen.push(record.key);
  assert.deepEqual(seen, Array.from({ length: 12 }, (_, i) => `k${i}`).sort());
  const where = '{"n":{"gt":9007199254740993}}';
  assert.deepEqual((await records.list({ collection: "list", where })).data, []);
  assert.equal(((await rejection(records.list({ where: { n: { near: 1 } } }))) as HoldallError).code, "invalid_filter");
});

test("awkward keys reach their own record", async () => {
  for (const key of ["a//b", "/a", "a/", "a/../b", "ü ?#%&+", "a/./b"]) {
    await records.put("keys", key, key);
    assert.equal((await records.get("keys", key)).value, key);
    assert.equal((await records.patch("keys", key, "patched")).key, key);
    assert.equal((await records.delete("keys", key)).key, key);
  }
  const dots = await records.put("keys", "..", 1);
  assert.equal(((await rejection(records.delete("keys", ".."))) as HoldallError).code, "invalid_name");
  assert.equal((await records.deleteById(dots.id)).key, "..");
});

test("no digit is lost on the way in or out", async () => {
  const text = '{"big":9007199254740993,"value":[1.10,{"value":"\\"}"}],"tiny":1.0000000000000000000001}';
  await records.put("exact", "k", new JsonText(text));
  const whole = (text: string) => text;
  const compact = (text: string) => text.replaceAll(/\s/g, "");
  const { value } = await records.get("exact", "k", { parse: whole });
  assert.match(value, /"big":\s*9007199254740993\b/);
  assert.deepEqual(JSON.parse(value), JSON.parse(text));
  const page = await records.list({ collection: "exact", parse: compact });
  assert.deepEqual(page.data.map((r) => r.value), [compact(value)]);
  assert.equal(page.data[0]?.key, "k");

  assert.ok((await rejection(records.get("exact", "k", { parse: parseExact }))) instanceof RangeError);
  assert.equal((await records.get<{ big: number }>("exact", "k")).value.big, 9007199254740992);
  const patched = await records.patch("exact", "k", new JsonText('{"big":12345678901234567890,"tiny":null}'), { parse: whole });
  assert.match(patched.value, /12345678901234567890/);

  const results = await records.batch([{ op: "put", collection: "exact", key: "b", value: new JsonText("1.000000000000000000001") }], { parse: whole });
  assert.equal(results[0]?.record?.value, "1.000000000000000000001");
  await records.put("value", "value", { value: 1.5 });
  assert.equal((await records.get("value", "value", { parse: compact })).value, '{"value":1.5}');
  assert.throws(() => new JsonText('1,"tier":"user"'), SyntaxError);
});

test("parseExact takes what a double holds, and nothing else", () => {
  const fits = '[0,-0,1.50,0.1,1e3,1E+3,9007199254740992,0.30000000000000004,1e-7,123456789012345680000,-2.5e-300,"9007199254740993","\\"1e999"]';
  assert.deepEqual(parseExact(fits), JSON.parse(fits));
  for (const text of ["9007199254740993", "[1e400]", '{"a":0.1000000000000000055}', "1e-400", "-123456789012345678901"]) {
    assert.throws(() => parseExact(text), RangeError, text);
  }
  assert.throws(() => parseExact("{"), SyntaxError);
});

test("a batch answers for each step, or for none", async () => {
  await records.put("batch", "there", 1);
  const results = await records.batch([
    { op: "put", collection: "batch", key: "new", value: { n: 1 } },
    { op: "put", collection: "batch", key: "there", value: 2, if_none_match: "*" },
    { op: "delete", collection: "batch", key: "missing" },
  ]);
  assert.deepEqual(results.map((r) => r.status), [201, 412, 404]);
  assert.deepEqual(results[0]?.record?.value, { n: 1 });
  assert.equal("code" in results[1]! && results[1].code, "precondition_failed");

  const operations = [
    { op: "put" as const, collection: "batch", key: "half", value: 1 },
    { op: "put" as const, collection: "batch", key: "there", value: 2, if_none_match: "*" as const },
  ];
  assert.equal(((await rejection(records.batch(operations, { atomic: true }))) as HoldallError).code, "precondition_failed");
  assert.equal(((await rejection(records.get("batch", "half"))) as HoldallError).code, "record_not_found");
});

test("a value that is no JSON is refused, not sent as something else", async () => {
  assert.equal(((await rejection(records.put("bad", "k", undefined))) as HoldallError).status, 400);
  assert.equal(((await rejection(records.patch("bad", "k", undefined))) as HoldallError).code, "invalid_json");
  assert.ok((await rejection(records.put("bad", "k", 1n))) instanceof TypeError);
});

test("the files and records of an app belong to its token", async () => {
  const client = clientOf(baseUrl, { token: mint({ app_id: "crm" }) });
  const app = client.storage.apps("crm");
  const made = await app.upload("hello", { path: "a/hello.txt", content_type: "text/plain" });
  assert.deepEqual([made.name, made.size, made.content_type], ["hello.txt", 5, "text/plain"]);
  await app.upload(new File(["x"], "x.txt"), { metadata: { a: "b" } });
  assert.deepEqual((await app.list()).data.map((o) => o.path), ["a/hello.txt", "x.txt"]);
  const seen: string[] = [];
  for await (const file of app.iterate({ limit: 1 })) seen.push(file.path);
  assert.deepEqual(seen, ["a/hello.txt", "x.txt"]);
  assert.equal((await app.get(made.file_id)).path, "a/hello.txt");
  assert.equal(await (await app.download(made.file_id)).text(), "hello");
  const shared = await client.storage.objects.upload("default", "s", { path: "s", tier: "shared" });
  assert.equal(((await rejection(app.get(shared.id))) as HoldallError).code, "object_not_found");
  assert.equal((await app.delete(made.file_id)).is_deleted, true);
  await client.storage.records.put("settings", "theme", "dark");
  const erased = await app.deleteAll();
  assert.equal(erased.records, 1);
  assert.deepEqual((await app.list()).data, []);
  assert.equal(((await rejection(client.storage.apps("other").list())) as HoldallError).code, "not_found");
});
