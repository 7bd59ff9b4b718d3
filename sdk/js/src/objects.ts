import { conditions, objectPath, segment } from "./address.js";
import type { Api } from "./api.js";
import { download, head, type DownloadOptions, type ObjectHead } from "./download.js";
import { items, pages } from "./pages.js";
import { upload, uploadByLink, type SendOptions, type UploadOptions } from "./upload.js";
import type { UploadBody } from "./uploadbody.js";
import type {
  CallOptions,
  DeleteManyResult,
  DownloadLink,
  ObjectCopy,
  ObjectPage,
  ObjectQuery,
  ObjectUpdate,
  SignDownload,
  SignUpload,
  StoredObject,
  Tier,
  UploadLink,
} from "./types.js";

/** How to delete. */
export interface DeleteOptions extends CallOptions {
  /** Erases at once, for good. Needs the permission `admin` too. */
  purge?: boolean;
  /** Fails with `precondition_failed` unless this is the version (or an object's checksum). */
  ifMatch?: string | number;
}

/** Files, by bucket and id. An object's `bucket` and `id` are the first arguments of what is done to it. */
export class ObjectsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Lists one page of the objects that the caller sees, in one bucket or in all. */
  list({ signal, ...query }: ObjectQuery & CallOptions = {}): Promise<ObjectPage> {
    return this.#api.json("GET", "/storage/objects", { query, ...(signal && { signal }) });
  }

  /** Lists page after page, as they are asked for. */
  pages(options: ObjectQuery & CallOptions = {}): AsyncGenerator<ObjectPage, void, undefined> {
    return pages((cursor) => this.list(continued(options, cursor)), options.cursor);
  }

  /** Lists object after object, over all pages. Nothing is counted unless `total` is true. */
  iterate(options: ObjectQuery & CallOptions = {}): AsyncGenerator<StoredObject, void, undefined> {
    return items(this.pages({ limit: 200, total: false, ...options }));
  }

  /** Returns an object's metadata, or fails with `object_not_found`; with `ifNoneMatch` null while that version stands. */
  get(id: string, options: CallOptions & { ifNoneMatch: string | number }): Promise<StoredObject | null>;
  get(id: string, options?: CallOptions): Promise<StoredObject>;
  get(id: string, options: CallOptions & { ifNoneMatch?: string | number } = {}): Promise<StoredObject | null> {
    return this.#api.json("GET", `/storage/objects/${segment(id)}`, { ...options, headers: conditions(options) });
  }

  /** Returns what a download's headers say. Its errors have no more than a status to go by: 404 is `not_found`. */
  head(bucket: string, id: string, options: CallOptions = {}): Promise<ObjectHead> {
    return head(this.#api.transport, this.#api.url(object(bucket, id)), options);
  }

  /**
   * Uploads a file. It becomes visible all at once, or, when the upload breaks off, not at all. Fails with
   * `object_exists` when the path is taken and `replace` is not set.
   */
  upload(bucket: string, file: File, options?: UploadOptions): Promise<StoredObject>;
  upload(bucket: string, body: UploadBody, options: UploadOptions & { path: string }): Promise<StoredObject>;
  async upload(bucket: string, body: UploadBody, options: UploadOptions = {}): Promise<StoredObject> {
    return upload(this.#api.transport, this.#api.url(`/storage/objects/${segment(bucket)}`), body, options);
  }

  /**
   * Downloads: a `Response` with `body`, `blob()`, `text()` and `headers`. A body that is cut goes on where it was, as
   * long as the bytes are the same; else reading it fails with `precondition_failed`.
   */
  async download(bucket: string, id: string, options: DownloadOptions = {}): Promise<Response> {
    return download(this.#api.transport, this.#api.url(object(bucket, id)), options);
  }

  /** Renames, moves or re-labels an object. What is left out stays. Fails with `object_exists` when the place is taken. */
  async update(
    bucket: string,
    id: string,
    changes: ObjectUpdate,
    options: CallOptions & { ifMatch?: string | number } = {},
  ): Promise<StoredObject> {
    return this.#api.json("PATCH", object(bucket, id), { ...options, headers: conditions(options), json: normalized(changes) });
  }

  /** Copies an object. The copy has an id of its own. */
  async copy(bucket: string, id: string, to: ObjectCopy, options?: CallOptions): Promise<StoredObject> {
    return this.#api.json("POST", `${object(bucket, id)}/copy`, { ...options, json: normalized(to) });
  }

  /** Soft-deletes an object and returns it. A second time fails with `object_not_found`. */
  async delete(bucket: string, id: string, options: DeleteOptions = {}): Promise<StoredObject> {
    return this.#api.json("DELETE", object(bucket, id), deletion(options));
  }

  /** Soft-deletes an object, whichever bucket it is in. */
  async deleteById(id: string, options: DeleteOptions = {}): Promise<StoredObject> {
    return this.#api.json("DELETE", `/storage/objects/${segment(id)}`, deletion(options));
  }

  /** Soft-deletes up to 1000 objects of a bucket. Each is judged by itself. */
  async deleteMany(bucket: string, ids: string[], options?: CallOptions): Promise<DeleteManyResult> {
    return this.#api.json("POST", `/storage/objects/${segment(bucket)}/delete`, { ...options, json: { ids } });
  }

  /** Brings a soft-deleted object back. Fails with `object_exists` when its path was taken meanwhile. */
  async restore(bucket: string, id: string, options?: CallOptions): Promise<StoredObject> {
    return this.#api.json("POST", `${object(bucket, id)}/restore`, options);
  }

  /** Makes a link that downloads an object without a token. */
  async sign(bucket: string, id: string, link: SignDownload, options?: CallOptions): Promise<DownloadLink> {
    return this.#api.json("POST", `${object(bucket, id)}/sign`, { ...options, json: link, repeatable: true });
  }

  /**
   * Makes a link for one upload without a token. With `direct` it leads straight to the blob store, and what was
   * uploaded becomes visible by {@link complete}: `id` is then in the link.
   */
  async signUpload(bucket: string, link: SignUpload, options?: CallOptions): Promise<UploadLink> {
    const call = { ...options, json: normalized(link), repeatable: true };
    return this.#api.json("POST", `/storage/objects/${segment(bucket)}/sign-upload`, call);
  }

  /**
   * Uploads by a link of {@link signUpload}, without a token. The answer is null when the link leads straight to a blob
   * store. For such a link a stream is read into a Blob first, and so is all of a form.
   */
  uploadByLink(link: UploadLink, body: UploadBody, options: SendOptions = {}): Promise<StoredObject | null> {
    return uploadByLink(this.#api.transport, link, new URL(link.url, this.#api.url("")), body, options);
  }

  /** Makes visible what was uploaded by a direct link; `id` is the link's. Called again, it returns the object again. */
  async complete(bucket: string, id: string, options?: CallOptions): Promise<StoredObject> {
    return this.#api.json("POST", `${object(bucket, id)}/complete`, { ...options, repeatable: true });
  }
}

/** Files by bucket and path: what is at the path now. The tier is `shared` unless another is named. */
export class FilesApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Returns the file's address. In a public bucket it needs no token, so it can stand in a page. */
  url(bucket: string, path: string, options: { tier?: Tier; inline?: boolean } = {}): string {
    const query = { tier: options.tier, inline: options.inline ? "1" : undefined };
    return this.#api.url(`/storage/files/${segment(bucket)}/${objectPath(path.normalize("NFC"))}`, query).href;
  }

  /** Downloads, as {@link ObjectsApi.download}. */
  async download(bucket: string, path: string, { tier, ...options }: DownloadOptions & { tier?: Tier } = {}): Promise<Response> {
    return download(this.#api.transport, new URL(this.url(bucket, path, { ...(tier && { tier }) })), options);
  }

  /** Returns what a download's headers say. */
  async head(bucket: string, path: string, { tier, ...options }: CallOptions & { tier?: Tier } = {}): Promise<ObjectHead> {
    return head(this.#api.transport, new URL(this.url(bucket, path, { ...(tier && { tier }) })), options);
  }
}

/** Returns the options of the page at a cursor, which excludes an offset. */
export function continued<O extends { cursor?: string; offset?: number }>(of: O, cursor: string | undefined) {
  const { cursor: _, offset, ...options } = of;
  return { ...options, ...(cursor !== undefined ? { cursor } : offset !== undefined && { offset }) };
}

/** Returns what a DELETE request needs. */
export function deletion(options: DeleteOptions) {
  const { purge, signal } = options;
  return { query: { purge }, headers: conditions(options), ...(signal && { signal }) };
}

function object(bucket: string, id: string): string {
  return `/storage/objects/${segment(bucket)}/${segment(id)}`;
}

function normalized<T extends { path?: string }>(body: T): T {
  return body.path === undefined ? body : { ...body, path: body.path.normalize("NFC") };
}
