import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { open, put, row, serve, toast } from './harness.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** audit has axe look at what is shown. */
async function audit(page, what) {
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]')); // a list is pale while it is read again
  const { violations } = await page.evaluate(`${axe}; axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`);
  const found = violations.map((v) => `${what}: ${v.id}: ${v.help}\n  ${v.nodes.map((n) => n.html).join('\n  ')}`);
  assert.deepEqual(found, []);
}

for (const [name, context] of Object.entries({
  light: {},
  dark: { colorScheme: 'dark' },
  'on a phone': { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true },
})) {
  test(`axe finds nothing, ${name}`, async (t) => {
    const server = await serve({ dev: true });
    await server.api('POST', '/buckets', { name: 'open', public: true });
    await put(server, 'folder/b.txt', 'b');
    await put(server, 'a.txt', 'a');
    await server.api('POST', '/objects/default?path=mine.txt&tier=user', 'mine', { 'Content-Type': 'text/plain' });
    await server.api('PUT', '/records/orders/o1', { value: { n: 1 }, ttl: 9000 });
    const page = await open(t, server, context);
    await row(page, 'a.txt').waitFor();
    await audit(page, 'files');
    await row(page, 'a.txt').getByRole('checkbox').check();
    await audit(page, 'a choice');
    await page.getByRole('button', { name: 'Actions for a.txt' }).click();
    await audit(page, 'menu');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'a.txt', exact: true }).click();
    await page.locator('.stage pre').waitFor();
    await audit(page, 'viewer');
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByRole('button', { name: 'Make and copy link' }).click();
    await page.getByText(/Good until/).first().waitFor();
    await audit(page, 'link');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Rename or move' }).click();
    await audit(page, 'rename');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await toast(page, 'a.txt deleted.');
    await page.locator('[data-pick=files]').setInputFiles({ name: 'mine.txt', mimeType: 'text/plain', buffer: Buffer.from('x') });
    await page.getByRole('heading', { name: '1 file uploaded' }).waitFor();
    await row(page, 'mine.txt').nth(1).waitFor(); // in the shared tier too; the list has been read again
    await audit(page, 'uploads');
    await page.goto(`${server.url}/console/#/trash/default`);
    await row(page, 'a.txt').waitFor();
    await audit(page, 'trash');
    await page.goto(`${server.url}/console/#/files/open/`);
    await page.getByText('Nothing here yet').waitFor();
    await audit(page, 'empty');
    await page.goto(`${server.url}/console/#/records/`);
    await row(page, 'o1').waitFor();
    await audit(page, 'records');
    await page.getByRole('button', { name: 'o1', exact: true }).click();
    await page.getByLabel('Value', { exact: true }).fill('{"a":');
    await audit(page, 'record');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Account of' }).click();
    await page.getByRole('menuitem').click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await audit(page, 'sign in');
  });
}

test('everything with the keyboard', async (t) => {
  const server = await serve({ dev: true });
  await put(server, 'a.txt', 'a');
  await put(server, 'b.txt', 'b');
  const page = await open(t, server);
  await row(page, 'a.txt').waitFor();
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent);
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await press('Tab');
  assert.equal(await focused(), 'Skip to the content');
  await press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  for (let i = 0; i < 30 && (await focused()) !== 'a.txt'; i++) await press('Tab');
  await press('Enter');
  await page.getByRole('dialog', { name: 'a.txt' }).waitFor();
  for (let i = 0; i < 20; i++) await press('Tab');
  assert.ok(await page.evaluate(() => document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)), 'the focus stays in the dialog');
  await press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await focused(), 'a.txt', 'the focus is back where it was');

  await press('Tab', 'Enter');
  await page.getByRole('menu').waitFor();
  assert.equal(await focused(), 'Details');
  await press('ArrowUp');
  assert.equal(await focused(), 'Delete');
  await press('Home', 'r');
  assert.equal(await focused(), 'Rename or move…');
  await press('Escape');
  assert.equal(await focused(), 'Actions for a.txt');
  await press('Enter', 'd', 'd', 'Enter');
  await toast(page, 'a.txt deleted.');
  for (let i = 0; i < 60 && (await focused()) !== 'Undo'; i++) await press('Tab');
  await press('Enter');
  await toast(page, '1 file restored.');
  await row(page, 'a.txt').waitFor();
});

test('the choice of colours is kept', async (t) => {
  const server = await serve({ dev: true });
  const page = await open(t, server);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.getByText('Nothing here yet').waitFor();
  const light = await background();
  await page.getByRole('button', { name: 'Use dark colours' }).click();
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  await page.getByRole('button', { name: 'Use light colours' }).waitFor();
  assert.equal(await background(), dark);
});
