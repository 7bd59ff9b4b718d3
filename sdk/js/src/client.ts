import { Api } from "./api.js";
import { AppApi } from "./apps.js";
import { BucketsApi } from "./buckets.js";
import { FilesApi, ObjectsApi } from "./objects.js";
import { RecordsApi } from "./records.js";
import { Transport, type TransportOptions } from "./transport.js";
import type { CallOptions } from "./types.js";

/** What a {@link HoldallClient} is made with. */
export interface HoldallClientOptions extends TransportOptions {
  /** The server's address, such as `https://files.example.com`. In a page it may be relative to the page. */
  baseUrl: string;
  /**
   * A JWT, or a function that gives one, for each request. When the server refuses a token, the function is asked once
   * with `refresh: true`, and the request is sent again if it gives another. Without a token only what is public can be read.
   */
  token?: TransportOptions["token"];
  /** Where the server has the API, below its address: `/api/v1` unless the host chose another place. */
  basePath?: string;
  /** How often a request is tried again where that is safe: 3 unless set; 0 is never. */
  retries?: number;
  /** Used instead of the platform's `fetch`. Upload progress then comes from a counted stream, not from XMLHttpRequest. */
  fetch?: typeof fetch;
}

/** The parts of the API. */
export interface StorageApi {
  /** Files by bucket and id. */
  readonly objects: ObjectsApi;
  /** Files by bucket and path. */
  readonly files: FilesApi;
  /** JSON values under keys. */
  readonly records: RecordsApi;
  /** Rules for groups of objects. */
  readonly buckets: BucketsApi;
  /** The files of one app. */
  apps(appId: string): AppApi;
}

/** A caller of one Holdall server. It holds no connection and no state but its token, so it needs no closing. */
export class HoldallClient {
  /** The API, part by part. */
  readonly storage: StorageApi;
  readonly #base: URL;
  readonly #transport: Transport;
  readonly #api: Api;

  constructor(options: HoldallClientOptions) {
    const page = (globalThis as { location?: { href: string } }).location?.href;
    this.#base = new URL(options.baseUrl.replace(/\/*$/, "/"), page);
    this.#transport = new Transport(options);
    const basePath = (options.basePath ?? "/api/v1").replace(/^\/*|\/*$/g, "");
    const api = new Api(this.#transport, this.getBaseUrl() + (basePath && `/${basePath}`));
    this.#api = api;
    this.storage = {
      objects: new ObjectsApi(api),
      files: new FilesApi(api),
      records: new RecordsApi(api),
      buckets: new BucketsApi(api),
      apps: (appId) => new AppApi(api, appId),
    };
  }

  /** Returns the server's address, whole and without a slash at its end. */
  getBaseUrl(): string {
    return this.#base.href.replace(/\/$/, "");
  }

  /** Returns the present token, for requests of your own; undefined when the client has none. */
  getAccessToken(): Promise<string | undefined> {
    return this.#transport.token();
  }

  /** Resolves when every backend of the server answers; else it fails, with `unavailable` where the server can say so. */
  async health({ signal }: CallOptions = {}): Promise<{ status: "ok" }> {
    const url = this.#api.url("/storage/healthz");
    const request = { method: "GET", url, authorized: false, repeatable: false, ...(signal && { signal }) };
    return JSON.parse(await this.#transport.send(request, (response) => response.text())) as { status: "ok" };
  }

  /**
   * The platform's `fetch` with the token, for addresses that are relative to the server's. It fails with a
   * `HoldallError` unless the answer is 2xx or 304. GET and HEAD are tried again. The token goes to the server's own
   * origin only: to another one the request goes without it.
   */
  fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    return this.#send(url, init, (response) => response);
  }

  /** As {@link fetch}, and returns the parsed JSON; undefined for an empty answer. */
  async fetchJson<T = unknown>(url: string | URL, init: RequestInit = {}): Promise<T> {
    const text = await this.#send(url, init, (response) => response.text());
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async #send<T>(address: string | URL, init: RequestInit, read: (response: Response) => T | Promise<T>): Promise<T> {
    const url = new URL(address, this.#base);
    const method = init.method?.toUpperCase() ?? "GET";
    return this.#transport.send(
      {
        method,
        url,
        headers: new Headers(init.headers),
        authorized: url.origin === this.#base.origin,
        repeatable: method === "GET" || method === "HEAD",
        init,
        ...(init.body != null && { body: init.body }),
        ...(init.signal && { signal: init.signal }),
      },
      read,
    );
  }
}
