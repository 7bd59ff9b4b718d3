import { segment } from "./address.js";
import type { Api } from "./api.js";
import type { Bucket, BucketCreate, BucketList, BucketUpdate, CallOptions } from "./types.js";

/** Rules for groups of objects. What changes a bucket needs the permission `admin`. */
export class BucketsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Lists the buckets that the caller may read in, by name. There are no pages. */
  list(options?: CallOptions): Promise<BucketList> {
    return this.#api.json("GET", "/storage/buckets", options);
  }

  /** Returns a bucket, or fails with `bucket_not_found`. */
  get(name: string, options?: CallOptions): Promise<Bucket> {
    return this.#api.json("GET", `/storage/buckets/${segment(name)}`, options);
  }

  /** Makes a bucket, or fails with `bucket_exists`. */
  create(bucket: BucketCreate, options?: CallOptions): Promise<Bucket> {
    return this.#api.json("POST", "/storage/buckets", { json: bucket, ...options });
  }

  /** Changes a bucket's rules for what comes in from now on. Null clears a limit. */
  update(name: string, changes: BucketUpdate, options?: CallOptions): Promise<Bucket> {
    return this.#api.json("PATCH", `/storage/buckets/${segment(name)}`, { json: changes, ...options });
  }

  /** Soft-deletes every object in a bucket, everyone's, in every tier, and says how many there were. */
  empty(name: string, options?: CallOptions): Promise<{ deleted: number }> {
    return this.#api.json("POST", `/storage/buckets/${segment(name)}/empty`, options);
  }

  /** Deletes a bucket, or fails with `bucket_not_empty`, or with `bucket_protected` for `default`. */
  async delete(name: string, options?: CallOptions): Promise<void> {
    await this.#api.json("DELETE", `/storage/buckets/${segment(name)}`, options);
  }
}
