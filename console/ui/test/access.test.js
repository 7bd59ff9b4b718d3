import assert from 'node:assert/strict';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mint, open, put, row, serve } from './harness.js';

test('signing in and out', async (t) => {
  const server = await serve();
  const page = await open(t, server, { token: 'nonsense' });
  await page.getByText('This is not a token of the API').waitFor();
  const [head, payload] = mint().split('.');
  await page.getByLabel('Access token').fill(`${head}.${payload}.forged`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('The server does not take this token').waitFor();

  await page.getByLabel('Access token').fill(`Bearer ${mint({ tenant: 'acme', user: 'ann' })}`);
  await page.getByLabel('Access token').press('Enter');
  await page.getByText('Nothing here yet').waitFor();
  await page.getByText('acme', { exact: true }).waitFor();
  const kept = await page.evaluate(() => [JSON.stringify(localStorage), document.cookie]);
  assert.deepEqual(kept, ['{}', ''], 'the token is in this tab only');
  await page.reload();
  await page.getByText('Nothing here yet').waitFor();

  await page.getByRole('button', { name: 'Account of ann in acme' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem('holdall-token')), null);
});

test('--dev signs in by itself, but not over another name of this machine', async (t) => {
  const server = await serve({ dev: true });
  const page = await open(t, server);
  await page.getByText('Nothing here yet').waitFor();
  const rebound = { url: server.url.replace('127.0.0.1', 'rebound.localhost') };
  const other = await open(t, rebound);
  await other.getByRole('heading', { name: 'Sign in' }).waitFor();
});

test('what a reader may not do is not offered', async (t) => {
  const server = await serve();
  await server.api('POST', '/buckets', { name: 'secret' });
  await server.api('POST', '/buckets', { name: 'open' });
  await put(server, 'a.txt', 'a', 'text/plain', 'open');
  const page = await open(t, server, { token: mint({ permissions: 'storage:open:read' }) });
  await row(page, 'a.txt').waitFor();
  const buckets = page.getByRole('navigation', { name: 'Buckets' });
  assert.deepEqual(await buckets.getByRole('listitem').allTextContents(), ['open']);
  for (const name of ['Upload', 'New bucket', 'Bucket open', 'More ways to add']) {
    assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name);
  }
  assert.equal(await page.getByRole('link', { name: /Trash|Records/ }).count(), 0);
  assert.equal(await page.getByRole('checkbox').count(), 0);
  await page.getByRole('button', { name: 'Actions for a.txt' }).click();
  await page.getByRole('menu').waitFor();
  assert.deepEqual(await page.getByRole('menuitem').allTextContents(), ['Details', 'Download', 'Copy link…']);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'a.txt', exact: true }).click();
  await page.getByRole('dialog').getByText('SHA-256').waitFor();
  assert.equal(await page.getByRole('dialog').getByRole('button', { name: /Rename|Delete|Add/ }).count(), 0);
});

test('roles are resolved, and records may be all that is allowed', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'roles-'));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'roles.json'), '{"clerk":["storage:records:orders:read"]}');
  const server = await serve({ args: ['--roles', join(dir, 'roles.json')] });
  await server.api('PUT', '/records/orders/o1', { value: { n: 1 } });
  await server.api('PUT', '/records/secret/s1', { value: 1 });
  const page = await open(t, server, { token: mint({ roles: 'clerk' }) });
  await row(page, 'o1').waitFor();
  assert.equal(await page.getByText('s1', { exact: true }).count(), 0);
  assert.equal(await page.getByRole('link', { name: 'Files' }).count(), 0);
  assert.equal(await page.getByRole('button', { name: 'New record' }).count(), 0);
  await page.getByRole('button', { name: 'o1', exact: true }).click();
  assert.equal(await page.getByRole('dialog').getByLabel('Value', { exact: true }).getAttribute('readonly'), '');
});

test('nothing allowed', async (t) => {
  const server = await serve();
  const page = await open(t, server, { token: mint({ permissions: 'other:read' }) });
  await page.getByText('There is nothing here that you may see').waitFor();
});

test('a token that runs out is asked for anew, and the work goes on', async (t) => {
  const server = await serve();
  await put(server, 'keep/a.txt', 'a');
  const page = await open(t, server, { token: mint() });
  await page.getByRole('link', { name: 'keep' }).click();
  await row(page, 'a.txt').waitFor();

  // From here on the server refuses the token that the tab has, as after its exp.
  const old = await page.evaluate(() => sessionStorage.getItem('holdall-token'));
  const expiredToken = old.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A'));
  await page.route('**/api/v1/**', (route) => {
    if (route.request().headers().authorization !== `Bearer ${old}`) return route.continue();
    return route.continue({ headers: { ...route.request().headers(), authorization: `Bearer ${expiredToken}` } });
  });
  await page.locator('[data-pick=files]').setInputFiles({ name: 'b.txt', mimeType: 'text/plain', buffer: Buffer.from('b') });
  const dialog = page.getByRole('dialog', { name: 'Your token has expired' });
  await dialog.getByLabel('Access token').fill(mint({ ttl: '25h' })); // of the same second it would be the old one
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('heading', { name: '1 file uploaded' }).waitFor();
  await row(page, 'b.txt').waitFor();
  assert.match(page.url(), /files\/default\/keep\/$/, 'still at the same place');
});

test('somebody else signs in after the first has left: nothing of the first is shown', async (t) => {
  const server = await serve({ dev: true });
  await put(server, 'mine.txt', 'a');
  const page = await open(t, server);
  await row(page, 'mine.txt').waitFor();
  await page.locator('[data-pick=files]').setInputFiles({ name: 'sent.txt', mimeType: 'text/plain', buffer: Buffer.from('b') });
  await page.getByRole('heading', { name: '1 file uploaded' }).waitFor();
  await page.getByRole('button', { name: 'Account of dev' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('Access token').fill(mint({ tenant: 'other' }));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Nothing here yet').waitFor();
  assert.equal(await page.getByText(/mine.txt|sent.txt/).count(), 0);
});

test('a server that is gone is said so', async (t) => {
  const server = await serve({ dev: true });
  const page = await open(t, server, { expected: /ERR_FAILED/ });
  await page.getByText('Nothing here yet').waitFor();
  await page.route('**/api/v1/**', (route) => route.abort());
  await page.getByRole('searchbox').fill('x');
  await page.getByText('The server cannot be reached').waitFor();
  await page.goto('about:blank');
  await page.goto(`${server.url}/console/`);
  await page.getByRole('heading', { name: 'The buckets cannot be listed' }).waitFor();
  await page.unroute('**/api/v1/**');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('Nothing here yet').waitFor();
});
