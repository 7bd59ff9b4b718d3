import { HoldallNetworkError } from "./errors.js";
import { delayBeforeRetry, sleep } from "./retry.js";
import { orNetworkError, type ApiRequest, type Transport } from "./transport.js";
import { conditions } from "./address.js";
import type { CallOptions, Progress } from "./types.js";

/** How to download. */
export interface DownloadOptions extends CallOptions {
  /** The part that is wanted, `end` included; or the text of a Range header, such as `bytes=-500`. */
  range?: { start: number; end?: number } | string;
  /** Asks for `Content-Disposition: inline`, which the server grants to types that cannot run script. */
  inline?: boolean;
  /** Fails with `precondition_failed` unless this is the checksum of the bytes. */
  ifMatch?: string;
  /** Answers 304, without a body, when this is the checksum of the bytes. */
  ifNoneMatch?: string;
  /** Told after each chunk that was read. */
  onProgress?: (progress: Progress) => void;
}

/** What a HEAD request tells of an object's bytes. */
export interface ObjectHead {
  /** Bytes. */
  size: number;
  /** The media type. */
  contentType: string;
  /** The SHA-256 of the bytes, in hex. */
  checksum: string;
  /** When the object last changed, to the second. */
  lastModified: Date;
}

/** Fetches bytes. */
export async function download(transport: Transport, url: URL, options: DownloadOptions): Promise<Response> {
  const headers = conditions(options);
  const { range, signal, onProgress } = options;
  if (range !== undefined) headers.set("Range", typeof range === "string" ? range : `bytes=${range.start}-${range.end ?? ""}`);
  if (options.inline) url.searchParams.set("inline", "1");
  const request: ApiRequest = { method: "GET", url, headers, authorized: true, repeatable: true, ...(signal && { signal }) };
  const response = await transport.send(request, (response) => response);
  if (response.body === null || response.status === 304) return response;
  const body = new Body(transport, request, response, onProgress).stream();
  return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });
}

/** Fetches the headers of bytes. */
export async function head(transport: Transport, url: URL, options: CallOptions): Promise<ObjectHead> {
  const response = await transport.send({ method: "HEAD", url, authorized: true, repeatable: true, ...options }, (response) => response);
  const { headers } = response;
  return {
    size: Number(headers.get("Content-Length")),
    contentType: headers.get("Content-Type") ?? "",
    checksum: (headers.get("ETag") ?? "").replaceAll('"', ""),
    lastModified: new Date(headers.get("Last-Modified") ?? NaN),
  };
}

/** A body that goes on where it was cut, as long as the bytes are still the same ones. */
class Body {
  readonly #transport: Transport;
  readonly #request: ApiRequest;
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  readonly #etag: string | null;
  readonly #start: number | null; // where in the object the body begins; null when it cannot be resumed
  readonly #total: number | null;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #loaded = 0;
  #failures = 0; // since the last byte

  constructor(transport: Transport, request: ApiRequest, response: Response, onProgress?: (progress: Progress) => void) {
    const { headers } = response;
    this.#transport = transport;
    this.#request = request;
    this.#onProgress = onProgress;
    this.#etag = headers.get("ETag");
    const length = headers.has("Content-Encoding") ? null : headers.get("Content-Length");
    this.#total = length === null ? null : Number(length);
    this.#start = response.status === 200 ? 0 : startOf(headers);
    this.#reader = response.body!.getReader();
  }

  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) => this.#pull(controller),
        cancel: (reason) => this.#reader.cancel(reason),
      },
      { highWaterMark: 0 }, // nothing is read before it is asked for
    );
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const { done, value } = await this.#read();
    if (done) return controller.close();
    this.#failures = 0;
    this.#loaded += value.byteLength;
    controller.enqueue(value);
    this.#onProgress?.({ loaded: this.#loaded, total: this.#total });
  }

  async #read(): Promise<ReadableStreamReadResult<Uint8Array>> {
    for (;;) {
      try {
        return await orNetworkError(this.#request, () => this.#reader.read());
      } catch (error) {
        if (!(error instanceof HoldallNetworkError)) throw error;
        await this.#resume(error);
      }
    }
  }

  /** Asks for the rest, or throws. */
  async #resume(error: HoldallNetworkError): Promise<void> {
    const delay = ++this.#failures > this.#transport.retries ? null : delayBeforeRetry(error, this.#failures, true);
    if (delay === null || this.#etag === null || this.#start === null || this.#total === null || this.#loaded >= this.#total) throw error;
    await sleep(delay, this.#request.signal);
    const next = this.#start + this.#loaded;
    const headers = new Headers({ Range: `bytes=${next}-${this.#start + this.#total - 1}`, "If-Match": this.#etag });
    const rest = await this.#transport.send({ ...this.#request, headers }, (response) => response);
    if (rest.status !== 206 || startOf(rest.headers) !== next || rest.body === null) throw error;
    this.#reader = rest.body.getReader();
  }
}

/** Reads where a single range begins. */
function startOf(headers: Headers): number | null {
  const range = /^bytes (\d+)-\d+\//.exec(headers.get("Content-Range") ?? "");
  return range ? Number(range[1]) : null;
}
