// A real server and a real browser for the tests.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const program = fileURLToPath(new URL('../build/holdall', import.meta.url)); // npm test builds it
const scratch = mkdtempSync(join(tmpdir(), 'holdall-console-'));
const secrets = {
  HOLDALL_JWT_SECRET: 'a secret for tests, 32 bytes or more',
  HOLDALL_SIGNING_KEY: 'a signing key for tests, 32 or more',
};

after(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 }));

/** serve starts a server; one with dev signs in by itself whoever opens the page, one without links signs none. */
export async function serve({ dev = false, local = false, links = true, args = [] } = {}) {
  const catalog = local ? `local:${mkdtempSync(join(scratch, 'store-'))}` : 'memory:';
  const flags = ['serve', '--listen', '127.0.0.1:0', '--log', 'json', '--catalog', catalog, ...args];
  if (dev) flags.push('--dev');
  const child = spawn(program, flags, { env: { ...process.env, ...secrets, ...(links ? {} : { HOLDALL_SIGNING_KEY: '' }) }, stdio: ['ignore', 'ignore', 'pipe'] });
  const url = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const { msg, address } = JSON.parse(line);
      if (msg === 'serving') resolve(`http://${address}`);
    });
  });
  after(() => stop(child));
  return { url, api: api(url, mint()) };
}

function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL'); // nothing of it is needed any more
  return ended;
}

/** mint makes a token: { permissions, roles, user, tenant, app, ttl }. */
export function mint(claims = {}) {
  const flags = Object.entries(claims).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return execFileSync(program, ['token', ...flags], { env: { ...process.env, ...secrets }, encoding: 'utf8' }).trim();
}

/** api calls the server without the console, to prepare and to check. */
function api(url, token) {
  return async (method, path, body, headers = {}) => {
    const init = { method, headers: { Authorization: `Bearer ${token}`, ...headers } };
    if (typeof body === 'string' || body instanceof Uint8Array) init.body = body;
    else if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers['Content-Type'] = 'application/json';
    }
    const answer = await fetch(`${url}/api/v1/storage${path}`, init);
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text && /json/.test(answer.headers.get('content-type') ?? '') ? JSON.parse(text) : text;
  };
}

export function put({ api: call }, path, content, type = 'text/plain', bucket = 'default') {
  return call('POST', `/objects/${bucket}?path=${encodeURIComponent(path)}&replace=true`, content, { 'Content-Type': type });
}

function executable() {
  const found = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => p && existsSync(p));
  if (!found) throw new Error('there is no Chromium: install it, or name it in the environment variable CHROMIUM');
  return found;
}

const patience = 180_000; // milliseconds; only what hangs takes so long

const browser = await chromium.launch({
  executablePath: executable(),
  timeout: patience,
  env: { ...process.env, LC_ALL: 'C.UTF-8' }, // in the locale C it opens no file with a name that is not ASCII
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
after(() => browser.close());

/**
 * open opens the console in a profile of its own. What the page complains of
 * fails the test: errors, and whatever the Content-Security-Policy stopped,
 * unless expected matches it.
 */
export async function open(t, server, { token, path = '', expected, onRequest, ...context } = {}) {
  const profile = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', reducedMotion: 'reduce', acceptDownloads: true, ...context });
  // What the console says in passing stays: a slow machine may need longer than that to come to it.
  await profile.addInitScript(() => {
    const { setTimeout } = window;
    window.setTimeout = (run, ms, ...more) => (ms >= 10_000 ? 0 : setTimeout(run, ms, ...more));
  });
  const page = await profile.newPage();
  page.setDefaultTimeout(patience);
  if (onRequest) page.on('request', onRequest);
  const complaints = [];
  page.on('pageerror', (err) => complaints.push(String(err)));
  page.on('console', (m) => {
    // The browser reports every answer of 4xx itself; those are looked at where they matter.
    if (m.type() === 'error' && !/^Failed to load resource/.test(m.text())) complaints.push(m.text());
  });
  t.after(async () => {
    await profile.close();
    assert.deepEqual(complaints.filter((c) => !expected?.test(c)), []);
  });
  await page.goto(`${server.url}/console/${path}`);
  if (token) {
    await page.getByLabel('Access token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }
  return page;
}

/** toast waits for what the console says in passing. */
export function toast(page, text) {
  return page.getByRole('region', { name: 'Notifications' }).getByText(text).waitFor();
}

export function row(page, name) {
  return page.getByRole('row').filter({ has: page.getByText(name, { exact: true }) });
}

/** choose picks an item of the menu of a row. */
export async function choose(page, label, item) {
  await page.getByRole('button', { name: label, exact: true }).click();
  await page.getByRole('menuitem', { name: item }).click();
}
