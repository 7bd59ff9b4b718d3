import assert from "node:assert/strict";
import { test } from "node:test";
import type { HoldallError, UploadBody } from "@holdall/sdk";
import { clientOf, rejection, startMinIO, startServer } from "./server.js";

const { CI, HOLDALL_TEST_SERVERS } = process.env;
const skip = CI === undefined && HOLDALL_TEST_SERVERS !== "1" && "MinIO takes minutes to build: set HOLDALL_TEST_SERVERS=1";

test("direct links lead past the server", { skip }, async () => {
  const baseUrl = await startServer("--blobs", await startMinIO());
  const { objects } = clientOf(baseUrl).storage;
  const anonymous = clientOf(baseUrl, { token: undefined }).storage.objects;
  const text = "straight to the store";
  const checksum = Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toString("hex");

  const bodies: { [name: string]: () => UploadBody } = {
    text: () => text,
    blob: () => new Blob([text]),
    stream: () => new Response(text).body as ReadableStream<Uint8Array>,
  };
  const ways = { put: { size: text.length, checksum }, form: { max_size: 100 } };
  for (const [kind, way] of Object.entries(ways)) {
    for (const [name, body] of Object.entries(bodies)) {
      const path = `${kind}/${name}.txt`;
      const link = await objects.signUpload("default", { path, content_type: "text/plain", expires_in: 60, direct: true, ...way });
      let loaded = 0;
      assert.equal(await anonymous.uploadByLink(link, body(), { onProgress: (progress) => (loaded = progress.loaded) }), null);
      assert.ok(loaded >= text.length, path);
      const made = await objects.complete("default", link.id as string);
      assert.deepEqual([made.path, made.checksum], [path, checksum]);
      assert.deepEqual(await objects.complete("default", made.id), made);
      const { url } = await objects.sign("default", made.id, { expires_in: 60, direct: true });
      assert.notEqual(new URL(url).origin, new URL(baseUrl).origin);
      assert.equal(await (await fetch(url)).text(), text);
    }
  }

  const link = await objects.signUpload("default", { path: "other.txt", expires_in: 60, direct: true, size: text.length, checksum });
  const early = await rejection(objects.complete("default", link.id as string));
  assert.equal((early as HoldallError).code, "invalid_request");
  const wrong = await rejection(anonymous.uploadByLink(link, text.toUpperCase()));
  assert.equal((wrong as HoldallError).status, 400);
});
