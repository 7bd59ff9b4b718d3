import type { ApiRequest } from "./transport.js";
import type { Progress } from "./types.js";

/** What can be uploaded. A stream can be sent once, so an upload of one is never repeated. */
export type UploadBody = Blob | ArrayBuffer | ArrayBufferView | string | ReadableStream<Uint8Array>;

/** Whether a body can be read only once. */
export function isStream(body: unknown): body is ReadableStream<Uint8Array> {
  return typeof ReadableStream !== "undefined" && body instanceof ReadableStream;
}

/**
 * Returns a body that this platform can send. Pages and Safari's and Firefox's workers cannot send a stream, so it is
 * read into a Blob there, which the browser may keep on disk.
 */
export async function sendable(body: UploadBody): Promise<UploadBody> {
  return isStream(body) && !sendsStreams() ? new Response(body).blob() : body;
}

/** Chrome's pages send streams over HTTP/2 only, so a page counts as not able to. */
function sendsStreams(): boolean {
  if (typeof XMLHttpRequest !== "undefined") return false;
  let asked = false; // a platform that knows nothing of streams makes a string of it, with a Content-Type
  const init = {
    method: "POST",
    body: new ReadableStream(),
    get duplex() {
      asked = true;
      return "half";
    },
  };
  return !new Request("https://localhost/", init).headers.has("Content-Type") && asked;
}

/** Returns the SHA-256 of a body, in hex. It has all of the body in memory at once. */
export async function sha256(body: UploadBody): Promise<string> {
  if (isStream(body)) throw new TypeError("the checksum of a stream is not known before it is sent: give it as text");
  if (!globalThis.crypto?.subtle) throw new TypeError("there is no crypto.subtle here, browsers have it on https: pages only");
  const digest = await crypto.subtle.digest("SHA-256", await blobOf(body).arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Wraps bytes. Memory that threads share is not taken, but its type cannot be told from that which is. */
function blobOf(body: Exclude<UploadBody, ReadableStream>): Blob {
  return new Blob([body as BlobPart]);
}

/** Whether progress of this body is best told by XMLHttpRequest: fetch has none for uploads. */
export function canUseXhr(body: unknown): body is Exclude<UploadBody, ReadableStream> {
  return typeof XMLHttpRequest !== "undefined" && !isStream(body);
}

/** Sends by XMLHttpRequest, and answers as fetch would. */
export function sendByXhr(
  request: ApiRequest,
  headers: Headers,
  body: Exclude<UploadBody, ReadableStream>,
  onUpload: (progress: Progress) => void,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    xhr.open(request.method, request.url.href);
    headers.forEach((value, name) => xhr.setRequestHeader(name, value));
    xhr.upload.onprogress = (event) => onUpload({ loaded: event.loaded, total: event.lengthComputable ? event.total : null });
    xhr.onload = () => resolve(responseOf(xhr));
    xhr.onerror = () => reject(new TypeError("the request failed"));
    xhr.onabort = () => reject(new TypeError("the request was aborted"));
    xhr.onloadend = () => request.signal?.removeEventListener("abort", abort);
    request.signal?.addEventListener("abort", abort, { once: true });
    xhr.send(body as XMLHttpRequestBodyInit);
  });
}

function responseOf(xhr: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const line of xhr.getAllResponseHeaders().trim().split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const body = [204, 205, 304].includes(xhr.status) ? null : xhr.responseText;
  return new Response(body, { status: xhr.status, statusText: xhr.statusText, headers });
}

/**
 * Returns the body as a stream that tells how much of it was taken, and its size in bytes, or null when it was a stream
 * already. The signal is for when the request has failed: Node's fetch would read on.
 */
export function counted(body: UploadBody, failed: AbortSignal, onUpload?: (progress: Progress) => void) {
  const bytes = isStream(body) ? body : blobOf(body);
  const size = bytes instanceof Blob ? bytes.size : null;
  const reader = (bytes instanceof Blob ? (bytes.stream() as ReadableStream<Uint8Array>) : bytes).getReader();
  failed.addEventListener("abort", () => void reader.cancel(failed.reason).catch(() => {}), { once: true });
  let loaded = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        controller.enqueue(value);
        loaded += value.byteLength;
        onUpload?.({ loaded, total: size });
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { stream, size };
}
