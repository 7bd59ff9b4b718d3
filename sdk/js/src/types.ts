import type { components, operations } from "./generated/openapi.js";

type Schemas = components["schemas"];
type Query<O extends keyof operations> = NonNullable<operations[O]["parameters"]["query"]>;

/** Who shares a thing within its tenant. */
export type Tier = Schemas["Tier"];
/** What kind of program an object came from. */
export type SourceType = Schemas["SourceType"];
/** Labels of an object. */
export type Metadata = Schemas["Metadata"];

/** Rules for a group of objects. */
export type Bucket = Schemas["Bucket"];
/** Every bucket that the caller may read in, by name. */
export type BucketList = Schemas["BucketList"];
/** What a bucket is made with. */
export type BucketCreate = Schemas["BucketCreate"];
/** What of a bucket to change; null clears a limit. */
export type BucketUpdate = Schemas["BucketUpdate"];

/** The metadata of a stored file. */
export type StoredObject = Schemas["Object"];
/** A page of objects; `folders` is there when `delimiter` was asked for. */
export type ObjectPage = Schemas["ObjectList"];
/** What of an object to change; what is left out stays. */
export type ObjectUpdate = Schemas["ObjectUpdate"];
/** Where a copy goes; what is left out is as in the original. */
export type ObjectCopy = Schemas["ObjectCopy"];
/** Which objects to list, in which order, and which page of them. */
export type ObjectQuery = Query<"listAllObjects">;
/** What {@link ObjectsApi.deleteMany} did: the ids that are gone, and why others are not. */
export type DeleteManyResult = operations["deleteObjects"]["responses"]["200"]["content"]["application/json"];

/** What a link for a download allows, and for how many seconds. */
export type SignDownload = Schemas["SignDownload"];
/** A link that downloads one object without a token. */
export type DownloadLink = Schemas["DownloadLink"];
/** What a link for one upload allows, and for how many seconds. */
export type SignUpload = Schemas["SignUpload"];
/** A link for one upload without a token. */
export type UploadLink = Schemas["UploadLink"];

/** What the upload of an app's file answers. */
export type AppFile = Schemas["AppFile"];
/** How much was erased with an app. */
export type AppData = Schemas["AppData"];
/** Which files of an app to list. */
export type AppQuery = Query<"listAppFiles">;

/** A JSON value under a key, with its stamps. */
export type StoredRecord<T = unknown> = Omit<Schemas["Record"], "value"> & {
  /** The value as it was put. */
  value: T;
};
/** A page of records. */
export type RecordPage<T = unknown> = Omit<Schemas["RecordList"], "data"> & { data: StoredRecord<T>[] };
/** A filter on records' values, such as `{ status: "open", total: { gt: 100 } }`. */
export type Filter = { [memberOrCombinator: string]: unknown };
/** Which records to list, in which order, and which page of them. */
export type RecordQuery = Omit<Query<"listAllRecords">, "where"> & {
  /** A filter, or its JSON text, which keeps every digit of a number. */
  where?: Filter | string;
};
/** One step of {@link RecordsApi.batch}. A `value` may be a `JsonText`. */
export type BatchOperation = Schemas["BatchOperation"];
/** What became of one step: a record, or the code of what went wrong. */
export type BatchResult<T = unknown> =
  | { status: 200 | 201; record: StoredRecord<T> }
  | { status: number; code: Schemas["Code"]; record?: never };

/** How far a transfer is. */
export interface Progress {
  /** Bytes so far. It begins again at 0 when a transfer is repeated. */
  loaded: number;
  /** Bytes in all, or null when that is not known. */
  total: number | null;
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason, as `fetch` does. */
  signal?: AbortSignal;
}
