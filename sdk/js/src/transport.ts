import { errorOf, HoldallNetworkError } from "./errors.js";
import { delayBeforeRetry, sleep } from "./retry.js";
import type { CallOptions, Progress } from "./types.js";
import { canUseXhr, counted, isStream, sendByXhr, type UploadBody } from "./uploadbody.js";

/**
 * An access token, or a function that gives one. The function is called for every request, so it keeps the token
 * itself; `refresh` is true after the server refused the last one, and asks for another.
 */
export type Token = string | ((request: { refresh: boolean }) => string | undefined | Promise<string | undefined>);

/** A request, as the calls of the API describe it. */
export interface ApiRequest extends CallOptions {
  method: string;
  url: URL;
  headers?: Headers;
  body?: BodyInit | UploadBody | null;
  /** Whether the token goes with it. */
  authorized: boolean;
  /** Whether doing it twice is the same as doing it once: see {@link delayBeforeRetry}. */
  repeatable: boolean;
  onUpload?: (progress: Progress) => void;
  /** What of fetch's options a caller of `client.fetch` set. */
  init?: RequestInit;
}

/** What a {@link Transport} is made of. */
export interface TransportOptions {
  token?: Token;
  retries?: number;
  fetch?: typeof fetch;
}

/** Sends requests: it adds the token, tries again where that is safe, and turns refusals into errors. */
export class Transport {
  readonly #token: Token | undefined;
  readonly #fetch: typeof fetch | undefined;
  /** How often a request is tried again. */
  readonly retries: number;
  #refreshing: Promise<string | undefined> | undefined;

  constructor(options: TransportOptions) {
    this.#token = options.token;
    this.#fetch = options.fetch;
    this.retries = options.retries ?? 3;
  }

  /** Returns the present token, or undefined when there is none. */
  async token(): Promise<string | undefined> {
    return typeof this.#token === "function" ? this.#token({ refresh: false }) : this.#token;
  }

  /** Sends a request and reads its answer. A body that breaks off while `read` reads it counts as no answer. */
  async send<T>(request: ApiRequest, read: (response: Response) => T | Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(request, read);
      } catch (error) {
        const last = attempt > this.retries || isStream(request.body);
        const delay = last ? null : delayBeforeRetry(error, attempt, request.repeatable);
        if (delay === null) throw error;
        await sleep(delay, request.signal);
      }
    }
  }

  async #attempt<T>(request: ApiRequest, read: (response: Response) => T | Promise<T>): Promise<T> {
    const token = request.authorized ? await this.token() : undefined;
    let response = await this.#exchange(request, token);
    if (response.status === 401 && request.authorized && typeof this.#token === "function" && !isStream(request.body)) {
      const fresh = await this.#refresh(token);
      if (fresh !== undefined && fresh !== token) {
        await response.body?.cancel();
        response = await this.#exchange(request, fresh);
      }
    }
    return orNetworkError(request, async () => {
      if (!response.ok && response.status !== 304) throw await errorOf(response);
      return read(response);
    });
  }

  /** Returns another token than the one that was refused, asking for it once for all requests that wait. */
  async #refresh(refused: string | undefined): Promise<string | undefined> {
    if (!this.#refreshing) {
      const present = await this.token();
      if (present !== refused) return present; // somebody else has refreshed it
      this.#refreshing ??= this.#askAgain().finally(() => (this.#refreshing = undefined));
    }
    return this.#refreshing;
  }

  async #askAgain(): Promise<string | undefined> {
    return typeof this.#token === "function" ? this.#token({ refresh: true }) : undefined;
  }

  #exchange(request: ApiRequest, token: string | undefined): Promise<Response> {
    const headers = new Headers(request.headers);
    if (token !== undefined && !headers.has("Authorization")) headers.set("Authorization", `Bearer ${token}`);
    request.signal?.throwIfAborted();
    return orNetworkError(request, () => {
      const { body, onUpload } = request;
      if (onUpload && !this.#fetch && canUseXhr(body)) return sendByXhr(request, headers, body, onUpload);
      return this.#byFetch(request, headers);
    });
  }

  async #byFetch(request: ApiRequest, headers: Headers): Promise<Response> {
    const init: RequestInit & { duplex?: "half" } = { ...request.init, method: request.method, headers };
    const failed = new AbortController();
    if (isStream(request.body) || request.onUpload) {
      const { stream, size } = counted(request.body as UploadBody, failed.signal, request.onUpload);
      init.body = stream;
      init.duplex = "half"; // required by the Fetch standard for streams
      if (size !== null) headers.set("Content-Length", String(size)); // browsers ignore it
    } else if (request.body !== undefined && request.body !== null) {
      init.body = request.body as BodyInit;
    }
    if (request.signal) init.signal = request.signal;
    if (request.authorized) init.redirect ??= "error"; // the token was meant for this address
    try {
      return await (this.#fetch ?? globalThis.fetch)(request.url, init);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  }
}

/** Runs what talks to the network: an abort rejects with the signal's reason, other failures with {@link HoldallNetworkError}. */
export async function orNetworkError<T>(request: Pick<ApiRequest, "method" | "url" | "signal">, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (request.signal?.aborted) throw request.signal.reason;
    // What fetch and body readers throw is a TypeError or DOMException; our own errors pass.
    if (error instanceof TypeError || error instanceof DOMException) throw new HoldallNetworkError(request.method, request.url, error);
    throw error;
  }
}
