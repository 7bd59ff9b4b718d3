import type { components } from "./generated/openapi.js";

/** What went wrong, from the API's closed list. */
export type ErrorCode = components["schemas"]["Code"];

type Problem = components["schemas"]["Problem"];

/**
 * The server's refusal, from its problem document (RFC 9457). Switch on `code`, show `detail`.
 *
 * An error answer that is not such a document comes from something in between, a proxy for example. It gets the code
 * that fits its status best.
 */
export class HoldallError extends Error {
  override readonly name = "HoldallError";
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** The HTTP status. */
  readonly status: number;
  /** What was wrong and what would be right, for people. */
  readonly detail: string;
  /** What the server's log is searched by; null when the answer did not show it. */
  readonly requestId: string | null;
  /** Seconds that the server asks to wait, or null. */
  readonly retryAfter: number | null;

  constructor(problem: Pick<Problem, "code" | "status" | "detail">, requestId: string | null = null, retryAfter: number | null = null) {
    super(`${problem.detail} (${problem.code})`);
    this.code = problem.code;
    this.status = problem.status;
    this.detail = problem.detail;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

/**
 * No answer came, or not all of it: no connection, a cut one, a name that does not resolve, or a browser's refusal
 * (CORS, CSP). What a write did is then unknown. `cause` has what the platform said.
 */
export class HoldallNetworkError extends Error {
  override readonly name = "HoldallNetworkError";
  /** The request's method. */
  readonly method: string;
  /** The request's address, without its query, which may hold a signature. */
  readonly url: string;

  constructor(method: string, url: URL, cause: unknown) {
    const address = url.origin + url.pathname;
    super(`${method} ${address}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.method = method;
    this.url = address;
  }
}

/** The error for what the server would refuse by its name alone, and what must not get into an address. */
export function invalid(code: "invalid_name" | "invalid_path" | "invalid_json", detail: string): HoldallError {
  return new HoldallError({ code, status: 400, detail });
}

/** Reads an error answer. It does not throw, except when the body breaks off. */
export async function errorOf(response: Response): Promise<HoldallError> {
  const requestId = response.headers.get("X-Request-Id");
  const retryAfter = secondsOf(response.headers.get("Retry-After"));
  const text = await response.text();
  if (/^application\/problem\+json\b/i.test(response.headers.get("Content-Type") ?? "")) {
    try {
      const problem = JSON.parse(text) as Problem;
      if (typeof problem.code === "string" && typeof problem.detail === "string") {
        return new HoldallError({ ...problem, status: response.status }, requestId, retryAfter);
      }
    } catch {
      // Not a problem document after all.
    }
  }
  const detail = `HTTP ${response.status} ${response.statusText}`.trim();
  return new HoldallError({ code: codeOf(response.status), status: response.status, detail }, requestId, retryAfter);
}

function codeOf(status: number): ErrorCode {
  return codes[status] ?? (status >= 500 ? "internal" : "invalid_request");
}

const codes: { [status: number]: ErrorCode } = {
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  405: "method_not_allowed",
  406: "not_acceptable",
  409: "version_conflict",
  412: "precondition_failed",
  413: "too_large",
  415: "unsupported_media_type",
  416: "range_not_satisfiable",
  429: "rate_limited",
  502: "unavailable",
  503: "unavailable",
  504: "timeout",
};

/** Reads a Retry-After header: seconds or a date (RFC 9110, section 10.2.3). */
function secondsOf(value: string | null): number | null {
  if (value === null) return null;
  if (/^\d+$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}
