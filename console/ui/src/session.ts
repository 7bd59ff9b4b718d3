// Who is signed in, and the client that speaks for them. The token is kept in
// this tab only, and goes nowhere but to the API.
import { computed, signal } from '@preact/signals';
import { HoldallClient, HoldallError, HoldallNetworkError } from '@holdall/sdk';
import { Permissions } from './permissions.ts';

export interface Caller {
  tenant: string;
  user: string;
  app: string | undefined;
  permissions: Permissions;
}

interface Claims {
  tenant_id: string;
  sub: string;
  app_id?: string;
  exp?: number;
  permissions?: string[];
  roles?: string[];
}

/** Undefined until it is known; null is nobody. */
export const caller = signal<Caller | null | undefined>(undefined);
/** Whether the token has run out while somebody was at work. */
export const expired = signal(false);
/** What the signed-in caller may do. */
export const permissions = computed(() => caller.value?.permissions ?? new Permissions([]));

const storageKey = 'holdall-token';
const signedOutKey = 'holdall-signed-out'; // so that the host does not sign in at once who has just left
let token = '';
let waiting: ((token: string) => void)[] = [];

const apiBase = new URL(document.querySelector<HTMLMetaElement>('meta[name=holdall-api-base]')!.content, location.href);

/** The origins that the page's policy lets media come from. */
export const mediaOrigins: readonly string[] = [location.origin, apiBase.origin];

const address = { baseUrl: apiBase.origin, basePath: apiBase.pathname.replace(/\/storage\/?$/, '') };
const client = new HoldallClient({ ...address, token: ({ refresh }) => (refresh ? renew() : token) });

export const { storage } = client;

/** start signs in who is known already: from this tab, or to the host. */
export async function start(): Promise<void> {
  const kept = sessionStorage.getItem(storageKey);
  const known = kept && !isOver(kept) ? kept : await hostToken();
  if (known) await adopt(known).catch(() => undefined); // then it is asked for
  caller.value ??= null;
}

function isOver(text: string): boolean {
  try {
    return (readClaims(text).exp ?? 0) * 1000 < Date.now();
  } catch {
    return true;
  }
}

/** hostToken asks the host that serves this page for a token. */
async function hostToken(): Promise<string> {
  if (sessionStorage.getItem(signedOutKey)) return '';
  const answer = await fetch('session', { method: 'POST' }).catch(() => undefined);
  if (!answer?.ok) return '';
  return ((await answer.json()) as { token: string }).token;
}

/** signIn tries a token out and keeps it; it throws when the server refuses it. */
export async function signIn(candidate: string): Promise<void> {
  const text = candidate.trim().replace(/^Bearer\s+/i, '');
  readClaims(text);
  const trial = new HoldallClient({ ...address, token: text });
  await trial.storage.buckets.list().catch((err: unknown) => {
    if (!(err instanceof HoldallError && err.code === 'permission_denied')) throw err; // known, but without buckets
  });
  await adopt(text);
}

/** adopt signs in with a token that need not be tried out first. */
async function adopt(text: string): Promise<void> {
  const claims = readClaims(text);
  const next: Caller = { tenant: claims.tenant_id, user: claims.sub, app: claims.app_id, permissions: await permissionsOf(claims) };
  token = text;
  sessionStorage.setItem(storageKey, text);
  sessionStorage.removeItem(signedOutKey);
  const was = caller.value;
  if (was && (was.tenant !== next.tenant || was.user !== next.user || was.app !== next.app)) {
    location.reload(); // nothing that was shown to one is left for the other
    return;
  }
  caller.value = next;
  expired.value = false;
  for (const resolve of waiting) resolve(text);
  waiting = [];
}

/** signOut forgets who was there, and all that was shown to them. */
export function signOut(): void {
  sessionStorage.clear();
  sessionStorage.setItem(signedOutKey, 'yes');
  history.replaceState(null, '', '#/');
  location.reload();
}

/** renew is for a token that the server no longer takes: what needs it waits until there is another. */
async function renew(): Promise<string | undefined> {
  if (!caller.value) return undefined;
  const fresh = await hostToken();
  if (fresh) {
    await adopt(fresh).catch(() => undefined);
    if (token === fresh) return fresh;
  }
  expired.value = true;
  return new Promise((resolve) => waiting.push(resolve));
}

/** readClaims reads what a JSON Web Token (RFC 7519) says. Whether it is true the server decides. */
function readClaims(text: string): Claims {
  try {
    const payload = text.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Claims;
    if (typeof claims.sub === 'string' && typeof claims.tenant_id === 'string') return claims;
  } catch {
    // said below
  }
  throw new Error('This is not a token of the API: it has three parts with dots between, and names a user and a tenant.');
}

async function permissionsOf(claims: Claims): Promise<Permissions> {
  const keys = strings(claims.permissions);
  const roles = strings(claims.roles);
  if (roles.length > 0) {
    const query = new URLSearchParams(roles.map((role) => ['role', role]));
    const answer = await fetch(`permissions?${query}`);
    if (answer.ok) keys.push(...((await answer.json()) as { permissions: string[] }).permissions);
  }
  return new Permissions(keys);
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((v) => typeof v === 'string') : [];
}

/** messageOf says to people what went wrong. */
export function messageOf(err: unknown): string {
  if (err instanceof HoldallNetworkError) return 'The server cannot be reached. Check the connection and try again.';
  if (err instanceof HoldallError) {
    const text = err.detail.charAt(0).toUpperCase() + err.detail.slice(1);
    return /[.!?]$/.test(text) ? text : text + '.';
  }
  return err instanceof Error ? err.message : String(err);
}

export function hasCode(err: unknown, ...codes: string[]): boolean {
  return err instanceof HoldallError && codes.includes(err.code);
}
