import { segment } from "./address.js";
import type { Api } from "./api.js";
import { download, type DownloadOptions } from "./download.js";
import { HoldallError } from "./errors.js";
import { continued, deletion, type DeleteOptions } from "./objects.js";
import { items, pages } from "./pages.js";
import { upload, type UploadOptions } from "./upload.js";
import type { UploadBody } from "./uploadbody.js";
import type { AppData, AppFile, AppQuery, CallOptions, ObjectPage, StoredObject } from "./types.js";

/** How to upload a file of an app: its tier is `private`. */
export type AppUploadOptions = Omit<UploadOptions, "tier">;

/**
 * The files of one app: objects of tier `private` in the bucket `default`. The token's `app_id` must be this app, else
 * all is `not_found`.
 */
export class AppApi {
  readonly #api: Api;
  readonly #appId: string;
  readonly #base: string;

  constructor(api: Api, appId: string) {
    this.#api = api;
    this.#appId = appId;
    this.#base = `/apps/${segment(appId)}/storage`;
  }

  /** Uploads a file, as `objects.upload` does. */
  upload(file: File, options?: AppUploadOptions): Promise<AppFile>;
  upload(body: UploadBody, options: AppUploadOptions & { path: string }): Promise<AppFile>;
  async upload(body: UploadBody, options: AppUploadOptions = {}): Promise<AppFile> {
    return upload(this.#api.transport, this.#api.url(`${this.#base}/upload`), body, options);
  }

  /** Lists one page of the app's files. */
  list({ signal, ...query }: AppQuery & CallOptions = {}): Promise<ObjectPage> {
    return this.#api.json("GET", this.#base, { query, ...(signal && { signal }) });
  }

  /** Lists page after page, as they are asked for. */
  pages(options: AppQuery & CallOptions = {}): AsyncGenerator<ObjectPage, void, undefined> {
    return pages((cursor) => this.list(continued(options, cursor)), options.cursor);
  }

  /** Lists file after file, over all pages. Nothing is counted unless `total` is true. */
  iterate(options: AppQuery & CallOptions = {}): AsyncGenerator<StoredObject, void, undefined> {
    return items(this.pages({ limit: 200, total: false, ...options }));
  }

  /** Returns a file's metadata, or fails with `object_not_found`. */
  async get(id: string, options?: CallOptions): Promise<StoredObject> {
    const object = await this.#api.json<StoredObject>("GET", `/storage/objects/${segment(id)}`, options);
    if (object.tier === "private" && object.app_id === this.#appId && object.bucket === "default") return object;
    throw new HoldallError({ code: "object_not_found", status: 404, detail: "this object is not a file of the app" });
  }

  /** Downloads a file, as `objects.download` does. */
  async download(id: string, options: DownloadOptions = {}): Promise<Response> {
    return download(this.#api.transport, this.#api.url(`${this.#base}/${segment(id)}`), options);
  }

  /** Soft-deletes a file and returns it. */
  async delete(id: string, options: DeleteOptions = {}): Promise<StoredObject> {
    return this.#api.json("DELETE", `${this.#base}/${segment(id)}`, deletion(options));
  }

  /** Erases all the app's files and records of tier `private`, for good. Needs the permission `admin`. */
  deleteAll(options?: CallOptions): Promise<AppData> {
    return this.#api.json("DELETE", this.#base, options);
  }
}
