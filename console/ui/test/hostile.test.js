import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { mint, open, put, serve } from './harness.js';

// What an attacker would run: each sets a mark on the page, or on its opener.
const script = 'for (const w of [self, parent, top]) { try { w.marked = true } catch {} }; alert(1)';

test('an uploaded page, picture or PDF runs nothing', async (t) => {
  const server = await serve({ dev: true });
  const html = `<!doctype html><script>${script}</script><img src=x onerror="${script}">`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="${script}"><script>${script}</script><rect width="9" height="9"/></svg>`;
  await put(server, 'page.html', html, 'text/html');
  await put(server, 'page.xhtml', html, 'application/xhtml+xml');
  await put(server, 'picture.svg', svg, 'image/svg+xml');
  await put(server, 'picture.png', html, 'image/png');
  await put(server, 'paper.pdf', html, 'application/pdf');
  await put(server, 'film.mp4', html, 'video/mp4');
  const page = await open(t, server);
  let dialogs = 0;
  page.on('dialog', (d) => (dialogs++, d.dismiss()));
  const stage = page.locator('.stage');
  const shows = {
    'page.html': stage.locator('pre').getByText('<!doctype html>'),
    'page.xhtml': stage.locator('pre').getByText('<!doctype html>'),
    'picture.svg': stage.locator('img'),
    'picture.png': stage.getByText('is not what its type says'),
    'paper.pdf': stage.getByText('It says that it is a PDF, and is none.'),
    'film.mp4': stage.getByText('is not what its type says'),
  };
  for (const [name, shown] of Object.entries(shows)) {
    await page.getByRole('button', { name, exact: true }).click();
    await shown.waitFor();
    if (name === 'picture.svg') await page.waitForFunction(() => document.querySelector('.stage img').naturalWidth > 0);
    assert.equal(await stage.locator('iframe').count(), 0, name);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }

  // The link itself, opened as a document, runs nothing either.
  const { id } = (await server.api('GET', '/objects/default?prefix=page.html')).data[0];
  const { url } = await server.api('POST', `/objects/default/${id}/sign`, { expires_in: 60, inline: true });
  const headers = (await fetch(url)).headers;
  assert.match(headers.get('content-disposition'), /^attachment/);
  assert.equal(dialogs, 0);
  assert.equal(await page.evaluate(() => 'marked' in window), false);
});

test('a PDF is shown', async (t) => {
  const server = await serve({ dev: true });
  await put(server, 'paper.pdf', '%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF', 'application/pdf');
  const page = await open(t, server);
  await page.getByRole('button', { name: 'paper.pdf', exact: true }).click();
  const src = await page.locator('.stage iframe').getAttribute('src');
  assert.match(src, /^blob:/);
});

/** wav is a second of silence. */
function wav() {
  const bytes = Buffer.alloc(44 + 8000, 128);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  for (const [at, n] of [[16, 16], [24, 8000], [28, 8000], [40, 8000]]) bytes.writeUInt32LE(n, at);
  for (const [at, n] of [[20, 1], [22, 1], [32, 1], [34, 8]]) bytes.writeUInt16LE(n, at);
  bytes.write('data', 36);
  return bytes;
}

for (const links of [true, false]) {
  test(`sound plays, and a file is downloaded, ${links ? 'by a signed link' : 'where the server signs none'}`, async (t) => {
    const server = await serve({ links });
    await put(server, 'silence.wav', wav(), 'audio/wav');
    const page = await open(t, server, { token: mint() });
    await page.getByRole('button', { name: 'silence.wav', exact: true }).click();
    await page.waitForFunction(() => document.querySelector('.stage audio')?.duration === 1);
    const src = await page.locator('.stage audio').getAttribute('src');
    assert.match(src, links ? /^http:.*sig/ : /^blob:/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
    assert.equal(download.suggestedFilename(), 'silence.wav');
    assert.equal(readFileSync(await download.path()).length, 8044);
    if (links) return;
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByRole('button', { name: 'Make and copy link' }).click();
    await page.getByText('This server makes no signed links').waitFor();
  });
}

test('hostile names are text', async (t) => {
  const server = await serve({ dev: true });
  const names = [
    '<img src=x onerror=alert(1)>.txt',
    '"\'><script>alert(1)<script>',
    '{{constructor}} ${alert(1)}.txt',
    '%2e%2e%2fetc%2fpasswd',
    '?deleted=true&x=#fragment',
    'invoice\u202Efdp.exe',
    'a'.repeat(900),
    ' leading and trailing ',
    '日本語 и русский.txt',
  ];
  for (const name of names) await put(server, `odd/${name}`, name);
  const page = await open(t, server, { path: '#/files/default/odd/' });
  let dialogs = 0;
  page.on('dialog', (d) => (dialogs++, d.dismiss()));

  await page.getByText('9 files').waitFor();
  const shown = await page.locator('tbody .title').allTextContents();
  assert.deepEqual(shown.sort(), names.map((n) => n.replace('\u202E', '\uFFFD')).sort());
  for (const name of shown) {
    await page.locator('tbody .title').filter({ hasText: name }).first().click();
    await page.locator('.stage pre').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }
  assert.equal(dialogs, 0);

  // A folder's name goes through the address and back.
  await put(server, '<b>&"\'%41 #?\u00e9/inside.txt', 'x');
  await page.goto(`${server.url}/console/#/files/default/`);
  await page.getByRole('link', { name: '<b>&"\'%41 #?\u00e9' }).click();
  await page.getByRole('button', { name: 'inside.txt', exact: true }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'inside.txt', exact: true }).waitFor();
  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), '<b>&"\'%41 #?\u00e9');
});
