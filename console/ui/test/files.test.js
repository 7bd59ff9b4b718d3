import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { choose, open, put, row, serve, toast } from './harness.js';

const text = (name, content = name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });

test('folders, breadcrumbs, search and sorting', async (t) => {
  const server = await serve({ dev: true });
  await put(server, 'offers/2026/oranges.txt', 'ten crates');
  await put(server, 'big.txt', 'b'.repeat(5000));
  await put(server, 'small.txt', 's');
  const page = await open(t, server);
  await page.getByRole('link', { name: 'offers' }).click();
  await page.getByRole('link', { name: '2026' }).click();
  await row(page, 'oranges.txt').waitFor();
  assert.match(await page.title(), /default\/offers\/2026\//);
  await page.getByRole('navigation', { name: 'Folder' }).getByRole('link', { name: 'default' }).click();

  const names = () => page.locator('tbody .title').allTextContents();
  await row(page, 'big.txt').waitFor();
  assert.deepEqual(await names(), ['offers', 'big.txt', 'small.txt']);
  await page.getByRole('button', { name: 'Size' }).click();
  await page.locator('th[aria-sort=ascending]', { hasText: 'Size' }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('tbody .title')[1]?.textContent === 'small.txt');
  await page.getByRole('button', { name: 'Size' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody .title')[1]?.textContent === 'big.txt');
  await page.getByRole('button', { name: 'Added' }).click();
  await page.locator('th[aria-sort=ascending]', { hasText: 'Added' }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('tbody .title')[1]?.textContent === 'big.txt');

  await page.getByRole('searchbox').fill('ORANGE');
  await row(page, 'oranges.txt').getByText('offers/2026/').waitFor();
  assert.deepEqual(await names(), ['oranges.txt']);
  await page.getByRole('searchbox').fill('no such thing');
  await page.getByText('Nothing found').waitFor();
});

test('upload by the picker, with progress, cancel, retry and replace', async (t) => {
  const server = await serve({ dev: true });
  await put(server, 'taken.txt', 'old');
  const page = await open(t, server);
  await row(page, 'taken.txt').waitFor();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Network.enable');
  const throttle = (bytesPerSecond) =>
    cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond });
  await throttle(40_000); // so that there are minutes to cancel it in
  const big = { name: 'big.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(8_000_000, 7) };
  await page.locator('[data-pick=files]').setInputFiles([text('taken.txt', 'new'), text('fresh.txt'), big]);

  const panel = page.getByRole('region', { name: 'Uploads' });
  const bar = panel.getByRole('progressbar', { name: 'big.bin' });
  await page.waitForFunction(() => {
    const [all, one] = ['All uploads', 'big.bin'].map((n) => document.querySelector(`progress[aria-label="${n}"]`));
    return all && one && one.value > 0 && one.value < one.max && all.value > 0 && all.value < all.max;
  });
  await panel.getByRole('button', { name: 'Cancel big.bin' }).click();
  await panel.getByText('Cancelled').waitFor();
  await throttle(-1);
  await panel.getByRole('button', { name: 'Try big.bin again' }).click();
  await panel.getByText('8.0 MB in default').waitFor();
  await bar.waitFor({ state: 'detached' });

  await panel.getByText('There is a file at this path already.').waitFor();
  await panel.getByRole('button', { name: 'Replace taken.txt' }).click();
  await panel.getByRole('heading', { name: '3 files uploaded' }).waitFor();
  await row(page, 'big.bin').waitFor();
  await row(page, 'fresh.txt').waitFor();
  assert.equal(await server.api('GET', '/files/default/taken.txt'), 'new');
  await panel.getByRole('button', { name: 'Close' }).click();
  await panel.waitFor({ state: 'detached' });
});

test('a refused upload says what the server said', async (t) => {
  const server = await serve({ dev: true });
  await server.api('POST', '/buckets', { name: 'photos', allowed_types: ['image/*'], max_file_size: 1_000_000 });
  const page = await open(t, server, { path: '#/files/photos/' });
  await page.getByText('Nothing here yet').waitFor();
  await page.locator('[data-pick=files]').setInputFiles([
    text('notes.txt'),
    { name: 'huge.png', mimeType: 'image/png', buffer: Buffer.alloc(6_000_000, 1) },
  ]);
  const panel = page.getByRole('region', { name: 'Uploads' });
  await panel.getByRole('heading', { name: '2 uploads failed' }).waitFor();
  await panel.getByText('takes image/*, not text/plain').waitFor();
  await panel.getByText('at most 1000000 bytes').waitFor();
});

test('upload by drop, folders too', async (t) => {
  const server = await serve({ dev: true });
  const page = await open(t, server, { path: '#/files/default/inbox' });
  await page.getByText('Nothing here yet').waitFor();
  const dir = mkdtempSync(join(tmpdir(), 'drop-'));
  t.after(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, 'album', 'deep'), { recursive: true });
  for (let i = 0; i < 120; i++) writeFileSync(join(dir, 'album', `p${i}.txt`), `photo ${i}`);
  writeFileSync(join(dir, 'album', 'deep', 'z.txt'), 'deep');
  writeFileSync(join(dir, 'cafe\u0301.txt'), 'decomposed');

  const cdp = await page.context().newCDPSession(page);
  const data = { items: [], files: [join(dir, 'album'), join(dir, 'cafe\u0301.txt')], dragOperationsMask: 1 };
  const drag = (type) => cdp.send('Input.dispatchDragEvent', { type, x: 700, y: 400, data });
  await drag('dragEnter');
  await drag('dragOver');
  await page.getByText('Drop to upload into default/inbox/').waitFor();
  await drag('drop');
  await page.getByRole('heading', { name: '122 files uploaded' }).waitFor();
  await page.getByRole('link', { name: 'album' }).waitFor();
  await row(page, 'caf\u00e9.txt').waitFor();
  const { data: all } = await server.api('GET', '/objects/default?prefix=inbox/&limit=1000');
  assert.equal(all.length, 122);
  assert.ok(all.some((o) => o.path === 'inbox/album/deep/z.txt'));
  assert.ok(all.some((o) => o.path === 'inbox/caf\u00e9.txt'), 'names are sent in NFC');
});

test('rename, move to another bucket, and a place that is taken', async (t) => {
  const server = await serve({ dev: true });
  await server.api('POST', '/buckets', { name: 'archive' });
  await put(server, 'a.txt', 'a');
  await put(server, 'b.txt', 'b');
  const page = await open(t, server);
  await choose(page, 'Actions for a.txt', 'Rename');
  const dialog = page.getByRole('dialog');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'move-name', 'the focus is in the first field');
  await dialog.getByLabel('Name').fill('b.txt');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('There is a file at the new place').waitFor();
  await dialog.getByLabel('Name').fill('c.txt');
  await dialog.getByLabel('Folder').fill('/new/place/');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await toast(page, 'c.txt is at its new place.');
  await page.getByRole('link', { name: 'new' }).waitFor();
  assert.equal(await server.api('GET', '/files/default/new/place/c.txt'), 'a');

  await row(page, 'b.txt').getByRole('checkbox').check();
  await page.getByRole('toolbar').getByRole('button', { name: 'Move' }).click();
  await dialog.getByLabel('Bucket').selectOption('archive');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await toast(page, 'b.txt is at its new place.');
  assert.equal(await server.api('GET', '/files/archive/b.txt'), 'b');
});

test('delete and undo, trash, erase', async (t) => {
  const server = await serve({ dev: true });
  for (const name of ['one.txt', 'two.txt', 'folder/three.txt', 'folder/four.txt']) await put(server, name, name);
  const page = await open(t, server);
  await choose(page, 'Actions for one.txt', 'Delete');
  await toast(page, 'one.txt deleted.');
  await row(page, 'one.txt').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  await toast(page, '1 file restored.');
  await row(page, 'one.txt').waitFor();

  await choose(page, 'Actions for folder folder', 'Delete folder');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete folder' }).click();
  await toast(page, '2 files deleted.');
  await page.getByRole('checkbox', { name: 'Choose all' }).check();
  await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Nothing here yet').waitFor();

  await page.getByRole('link', { name: 'Trash' }).click();
  await page.getByRole('button', { name: 'Restore one.txt' }).click();
  await page.getByRole('button', { name: 'Restore one.txt' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Erase two.txt' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click();
  await toast(page, 'two.txt is erased.');
  await row(page, 'two.txt').waitFor({ state: 'detached' });
  assert.equal((await server.api('GET', '/objects/default?deleted=true')).total, 2);
  assert.equal(await server.api('GET', '/files/default/one.txt'), 'one.txt');
});

test('details, metadata, a link for anyone, and a download', async (t) => {
  const server = await serve({ dev: true });
  const object = await put(server, 'notes/letter.txt', 'Dear Ann');
  const page = await open(t, server, { path: '#/files/default/notes/', permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByRole('button', { name: 'letter.txt', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'letter.txt' });
  await dialog.getByText('Dear Ann').waitFor();
  await dialog.getByText(object.checksum).waitFor();
  await dialog.getByText('shared: everyone in the tenant').waitFor();
  await dialog.getByRole('button', { name: 'Add' }).click();
  await dialog.getByPlaceholder('Name').fill('state');
  await dialog.getByPlaceholder('Value').fill('draft');
  await dialog.getByRole('button', { name: 'Save metadata' }).click();
  await toast(page, 'Metadata saved.');
  assert.deepEqual((await server.api('GET', `/objects/${object.id}`)).metadata, { state: 'draft' });

  await dialog.getByRole('button', { name: 'Copy link' }).click();
  await page.getByLabel('Good for').selectOption('1 hour');
  await page.getByRole('button', { name: 'Make and copy link' }).click();
  await page.getByText(/^Copied. Good until/).waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const answer = await fetch(link); // without a token
  assert.equal(await answer.text(), 'Dear Ann');
  const left = Number(new URL(link).searchParams.get('expires') ?? 0) - Date.now() / 1000;
  if (left > 0) assert.ok(left <= 3600 && left > 3500, `${left} s`);
  await page.getByRole('dialog', { name: 'Link to' }).getByRole('button', { name: 'Close', exact: true }).first().click();

  const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Download' }).click()]);
  assert.equal(download.suggestedFilename(), 'letter.txt');
  assert.equal(readFileSync(await download.path(), 'utf8'), 'Dear Ann');
});
