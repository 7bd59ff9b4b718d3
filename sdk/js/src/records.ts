import { conditions, recordKey, segment } from "./address.js";
import type { Api, Call } from "./api.js";
import { stringify, stringifyWithValue, type JsonText } from "./json.js";
import { continued, deletion, type DeleteOptions } from "./objects.js";
import { items, pages } from "./pages.js";
import type { BatchOperation, BatchResult, CallOptions, RecordPage, RecordQuery, StoredRecord, Tier } from "./types.js";

/** What every call that answers records takes. */
export interface ParseOptions<T> extends CallOptions {
  /**
   * Makes a value from its JSON text. `JSON.parse` when left out, which rounds numbers to the nearest double: give
   * `parseExact` to fail instead, `(text) => text` to have the text, or a parser of your own.
   */
  parse?: (text: string) => T;
}

/** Where a key is looked up. */
export interface KeyOptions {
  /** `private` for a token with an `app_id`, else `shared`, when left out. */
  tier?: Tier;
}

/** How to put a record. */
export interface PutOptions<T> extends ParseOptions<T>, KeyOptions {
  /** How long it lives, in seconds; for ever when left out. */
  ttl?: number | null;
  /** Only over this version; else `precondition_failed`. */
  ifMatch?: string | number;
  /** `*`: only when the key is free; else `precondition_failed`. */
  ifNoneMatch?: "*";
}

/** How to patch a record. */
export interface PatchOptions<T> extends ParseOptions<T>, KeyOptions {
  /** Only this version; else `precondition_failed`. */
  ifMatch?: string | number;
}

/** How to read a record. */
export interface GetOptions<T> extends ParseOptions<T>, KeyOptions {
  /** Answers null while this version stands. */
  ifNoneMatch?: string | number;
}

/** JSON values under keys, in collections that need no making. */
export class RecordsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Lists one page of the records that the caller sees, in one collection or in all. */
  list<T = unknown>({ signal, parse, ...query }: RecordQuery & ParseOptions<T> = {}): Promise<RecordPage<T>> {
    const call = { query, parse, ...(signal && { signal }) };
    return this.#api.withRecords<RecordPage<T>>("GET", "/storage/records", call, (page) => page.data);
  }

  /** Lists page after page, as they are asked for. */
  pages<T = unknown>(options: RecordQuery & ParseOptions<T> = {}): AsyncGenerator<RecordPage<T>, void, undefined> {
    return pages((cursor) => this.list<T>(continued(options, cursor)), options.cursor);
  }

  /** Lists record after record, over all pages. Nothing is counted unless `total` is true. */
  iterate<T = unknown>(options: RecordQuery & ParseOptions<T> = {}): AsyncGenerator<StoredRecord<T>, void, undefined> {
    return items(this.pages<T>({ limit: 200, total: false, ...options }));
  }

  /** Returns a record, or fails with `record_not_found`; with `ifNoneMatch` null while that version stands. */
  get<T = unknown>(
    collection: string,
    key: string,
    options: GetOptions<T> & { ifNoneMatch: string | number },
  ): Promise<StoredRecord<T> | null>;
  get<T = unknown>(collection: string, key: string, options?: GetOptions<T>): Promise<StoredRecord<T>>;
  async get<T = unknown>(collection: string, key: string, options: GetOptions<T> = {}): Promise<StoredRecord<T> | null> {
    return this.#one("GET", record(collection, key), { ...options, query: { tier: options.tier }, headers: conditions(options) });
  }

  /** Returns a record by its id, or fails with `record_not_found`. */
  async getById<T = unknown>(id: string, options: ParseOptions<T> = {}): Promise<StoredRecord<T>> {
    return this.#one("GET", `/storage/records/${segment(id)}`, options);
  }

  /** Puts a value under a key, over what is there unless a condition is set. */
  async put<T = unknown>(collection: string, key: string, value: T | JsonText, options: PutOptions<T> = {}): Promise<StoredRecord<T>> {
    const { ttl, tier, ifMatch, ifNoneMatch } = options;
    return this.#one("PUT", "/storage/records", {
      ...options,
      headers: conditions(options),
      body: { text: stringifyWithValue({ value, collection, key, ttl, tier }), type: "application/json" },
      repeatable: ifMatch === undefined && ifNoneMatch === undefined,
    });
  }

  /** Merges a patch into the value (RFC 7396): members are set, null removes one. No write of somebody else in between is lost. */
  async patch<T = unknown>(collection: string, key: string, patch: unknown, options: PatchOptions<T> = {}): Promise<StoredRecord<T>> {
    return this.#one("PATCH", record(collection, key), {
      ...options,
      query: { tier: options.tier },
      headers: conditions(options),
      body: { text: stringify(patch), type: "application/merge-patch+json" },
    });
  }

  /** Soft-deletes a record and returns it; its key is free again. */
  async delete<T = unknown>(
    collection: string,
    key: string,
    options: DeleteOptions & ParseOptions<T> & KeyOptions = {},
  ): Promise<StoredRecord<T>> {
    const call = deletion(options);
    return this.#one("DELETE", record(collection, key), { ...call, query: { ...call.query, tier: options.tier }, parse: options.parse });
  }

  /** Soft-deletes a record by its id and returns it. */
  async deleteById<T = unknown>(id: string, options: DeleteOptions & ParseOptions<T> = {}): Promise<StoredRecord<T>> {
    return this.#one("DELETE", `/storage/records/${segment(id)}`, { ...deletion(options), parse: options.parse });
  }

  /**
   * Puts and deletes up to 1000 records. Each step is judged by itself and has its own result, in order. With `atomic`
   * all happen or none; the call then fails with what the first bad step failed with.
   */
  async batch<T = unknown>(operations: BatchOperation[], options: ParseOptions<T> & { atomic?: boolean } = {}): Promise<BatchResult<T>[]> {
    const { atomic = false, ...rest } = options;
    const text = `{"atomic":${atomic},"operations":[${operations.map(stringifyWithValue).join(",")}]}`;
    const call = { ...rest, body: { text, type: "application/json" } };
    const recordsOf = (answer: { results: BatchResult<T>[] }) => answer.results.flatMap((result) => result.record ?? []);
    return (await this.#api.withRecords("POST", "/storage/records/batch", call, recordsOf)).results;
  }

  #one<T>(method: string, path: string, call: Call & { parse?: ((text: string) => T) | undefined }): Promise<StoredRecord<T>> {
    return this.#api.withRecords<StoredRecord<T>>(method, path, call, (record) => [record]);
  }
}

function record(collection: string, key: string): string {
  return `/storage/records/${segment(collection)}/${recordKey(key)}`;
}
