import { conditions, query } from "./address.js";
import { orNetworkError, type ApiRequest, type Transport } from "./transport.js";
import type { CallOptions, Metadata, Progress, SourceType, Tier, UploadLink } from "./types.js";
import { isStream, sendable, sha256, type UploadBody } from "./uploadbody.js";

/** How to watch an upload. */
export interface SendOptions extends CallOptions {
  /** Told how much was sent. In Node it is what the connection took, in browsers what went out. */
  onProgress?: (progress: Progress) => void;
}

/** What comes with a file. */
export interface UploadOptions extends SendOptions {
  /** Where to put it; the file's name when left out. It is sent in Unicode's form NFC. */
  path?: string;
  /** `private` for a token with an `app_id`, else `shared`, when left out. */
  tier?: Tier;
  /** Labels. */
  metadata?: Metadata;
  /** The media type; the body's own when left out. Where neither says, the server looks at the bytes. */
  content_type?: string;
  /** The SHA-256 of the bytes in hex, which the server then checks; `true` computes it, from all bytes in memory. */
  checksum?: string | true;
  /** Replaces the bytes of the object at the path, if there is one. Needs the permission `delete` too. */
  replace?: boolean;
  /** Replaces, and only the bytes with this checksum; else `precondition_failed`. */
  ifMatch?: string;
  /** Which program it comes from. */
  source?: string;
  /** What kind of program it comes from. */
  source_type?: SourceType;
}

/** Uploads a body as it is. */
export async function upload<T>(transport: Transport, url: URL, body: UploadBody, options: UploadOptions): Promise<T> {
  const { content_type, ifMatch, onProgress, signal, checksum, ...fields } = options;
  const path = options.path ?? (body as { name?: string }).name;
  if (path === undefined) throw new TypeError("an upload needs a path, unless it is of a File");
  const ready = await prepared(body, url, signal);
  const sum = checksum === true ? await sha256(ready) : checksum;
  url.search = query({ ...fields, path: path.normalize("NFC"), checksum: sum });
  const headers = conditions({ ...(ifMatch !== undefined && { ifMatch }) });
  headers.set("Content-Type", content_type ?? typeOf(body));
  return send(transport, {
    method: "POST",
    url,
    headers,
    body: ready,
    authorized: true,
    repeatable: options.replace === true && ifMatch === undefined,
    ...(signal && { signal }),
    ...(onProgress && { onUpload: onProgress }),
  });
}

/** Uploads by a signed link, without a token. A blob store's answer is no JSON, and says nothing. */
export async function uploadByLink<T>(transport: Transport, link: UploadLink, url: URL, body: UploadBody, options: SendOptions): Promise<T | null> {
  const { onProgress, signal } = options;
  let sent = await prepared(body, url, signal);
  const direct = link.id !== undefined;
  if (direct && isStream(sent)) sent = await new Response(sent).blob(); // a blob store wants to know the length
  const headers = new Headers("headers" in link ? link.headers : {});
  if ("fields" in link) {
    const form = new Response(formOf(link.fields, sent));
    headers.set("Content-Type", form.headers.get("Content-Type") ?? "");
    sent = await form.blob();
  } else if (!headers.has("Content-Type")) {
    headers.set("Content-Type", typeOf(body));
  }
  const request: ApiRequest = {
    method: link.method,
    url,
    headers,
    body: sent,
    authorized: false,
    repeatable: false,
    ...(signal && { signal }),
    ...(onProgress && { onUpload: onProgress }),
  };
  if (!direct) return send(transport, request);
  await transport.send(request, (response) => response.text());
  return null;
}

/** Returns a form with the fields and then, last, the file, as a blob store wants it. */
function formOf(fields: { [name: string]: string }, file: UploadBody): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", new Blob([file as BlobPart]), "file");
  return form;
}

async function send<T>(transport: Transport, request: ApiRequest): Promise<T> {
  const text = await transport.send(request, (response) => response.text());
  return (text === "" ? null : JSON.parse(text)) as T;
}

function prepared(body: UploadBody, url: URL, signal?: AbortSignal): Promise<UploadBody> {
  return orNetworkError({ method: "POST", url, ...(signal && { signal }) }, () => sendable(body));
}

function typeOf(body: UploadBody): string {
  if (typeof body === "string") return "text/plain; charset=utf-8";
  return (!isStream(body) && "type" in body && body.type) || "application/octet-stream";
}
