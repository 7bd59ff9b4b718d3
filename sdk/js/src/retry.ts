import { HoldallError, HoldallNetworkError } from "./errors.js";

const firstDelay = 250; // milliseconds; doubles with each attempt
const longestDelay = 8_000;
const longestRetryAfter = 60_000;

/**
 * Says how many milliseconds to wait before a request is sent again, or null when it must not be.
 *
 * A repeat must not do twice what the first request may have done. `repeatable` says that it cannot: the request reads,
 * or replaces something whatever is there. Without it only what is known not to have happened is repeated: 429, which
 * is answered before anything is done, and a connection that was never made. A 503 does not say that: a write whose
 * outcome the server does not know is one.
 *
 * @param error what the attempt ended with
 * @param attempt how many attempts there were, 1 after the first
 */
export function delayBeforeRetry(error: unknown, attempt: number, repeatable: boolean): number | null {
  let retryAfter: number | null = null;
  if (error instanceof HoldallError) {
    const passing = [502, 503, 504].includes(error.status);
    if (error.status !== 429 && !(passing && repeatable)) return null;
    retryAfter = error.retryAfter;
  } else if (!(error instanceof HoldallNetworkError) || !(repeatable || neverConnected(error.cause))) {
    return null;
  }
  if (retryAfter !== null) {
    const wait = retryAfter * 1000;
    return wait > longestRetryAfter ? null : wait + Math.random() * firstDelay; // clients told the same time spread out
  }
  return Math.random() * Math.min(longestDelay, firstDelay * 2 ** (attempt - 1));
}

/** Node says in the cause of fetch's error why a connection could not be made; browsers do not. */
function neverConnected(error: unknown): boolean {
  const code = (error as { cause?: { code?: unknown } } | null)?.cause?.code;
  return ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"].includes(String(code));
}

/** Waits, and rejects with the signal's reason when that fires first. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
