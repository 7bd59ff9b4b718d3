import { invalid } from "./errors.js";

/** Encodes one segment of an address. "." and ".." would be taken for steps, so they never get that far. */
export function segment(name: string): string {
  if (name === "" || name === "." || name === "..") throw invalid("invalid_name", `${JSON.stringify(name)} is not a name`);
  return encode(name);
}

/** Encodes an object's path: its "/" stay. */
export function objectPath(path: string): string {
  const segments = path.split("/");
  if (segments.some((s) => s === "" || s === "." || s === "..")) {
    throw invalid("invalid_path", `a path has no empty, "." or ".." segment: ${JSON.stringify(path)}`);
  }
  return segments.map(encode).join("/");
}

/** Encodes a record's key. A key may hold what an address may not, an empty segment for example; its "/" are then encoded too. */
export function recordKey(key: string): string {
  const segments = key.split("/");
  return segments.some((s) => s === "" || s === "." || s === "..") ? segment(key) : segments.map(encode).join("/");
}

function encode(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    throw invalid("invalid_name", "a name is well-formed Unicode: half of a surrogate pair has no UTF-8");
  }
}

/** Writes query parameters; what is null or undefined is left out, what is no scalar becomes JSON. */
export function query(parameters: object): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === null) continue;
    search.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  const text = search.toString();
  return text && `?${text}`;
}

/** Writes an entity tag for If-Match: a version as "v3", a checksum or a bare tag in quotes. */
export function entityTag(tag: string | number): string {
  if (typeof tag === "number") return `"v${tag}"`;
  return /^(W\/)?"|^\*$/.test(tag) ? tag : `"${tag}"`;
}

/** Builds conditional headers. */
export function conditions(options: { ifMatch?: string | number; ifNoneMatch?: string | number }): Headers {
  const headers = new Headers();
  if (options.ifMatch !== undefined) headers.set("If-Match", entityTag(options.ifMatch));
  if (options.ifNoneMatch !== undefined) headers.set("If-None-Match", entityTag(options.ifNoneMatch));
  return headers;
}
