import { query } from "./address.js";
import { quoteValues } from "./json.js";
import type { ApiRequest, Transport } from "./transport.js";
import type { CallOptions, StoredRecord } from "./types.js";

/** A call of the API that answers JSON. */
export interface Call extends CallOptions {
  headers?: Headers;
  /** Query parameters. */
  query?: object;
  /** A value for a JSON body. */
  json?: unknown;
  /** A body that is written already; `type` is its media type. */
  body?: { text: string; type: string };
  /** See {@link ApiRequest}; reading calls are always. */
  repeatable?: boolean;
}

/** The API below one base path. */
export class Api {
  readonly transport: Transport;
  readonly #base: string;

  constructor(transport: Transport, base: string) {
    this.transport = transport;
    this.#base = base;
  }

  /** Returns the address of an encoded path. */
  url(path: string, parameters: object = {}): URL {
    return new URL(this.#base + path + query(parameters));
  }

  /** Calls, and returns the parsed answer, or null for 304. */
  async json<T>(method: string, path: string, call: Call = {}): Promise<T> {
    return JSON.parse(await this.#text(method, path, call)) as T;
  }

  /**
   * Calls, and returns an answer with records in it, whose values went through `parse`.
   *
   * @param recordsOf finds them in the parsed answer
   */
  async withRecords<T>(
    method: string,
    path: string,
    call: Call & { parse?: ((text: string) => unknown) | undefined },
    recordsOf: (answer: T) => StoredRecord<unknown>[],
  ): Promise<T> {
    const text = await this.#text(method, path, call);
    if (!call.parse) return JSON.parse(text) as T;
    const answer = JSON.parse(quoteValues(text)) as T;
    if (answer !== null) for (const record of recordsOf(answer)) record.value = call.parse(record.value as string);
    return answer;
  }

  #text(method: string, path: string, call: Call): Promise<string> {
    const headers = new Headers(call.headers);
    const body = call.json === undefined ? call.body : { text: JSON.stringify(call.json), type: "application/json" };
    if (body) headers.set("Content-Type", body.type);
    const request: ApiRequest = {
      method,
      url: this.url(path, call.query),
      headers,
      authorized: true,
      repeatable: method === "GET" || call.repeatable === true,
      ...(body && { body: body.text }),
      ...(call.signal && { signal: call.signal }),
    };
    return this.transport.send(request, (response) => (response.status === 304 ? "null" : response.text()));
  }
}
