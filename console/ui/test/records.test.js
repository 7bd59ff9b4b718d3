import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose, open, row, serve, toast } from './harness.js';

const digits = '12345678901234567890.12345678901234567890';
const json = { 'Content-Type': 'application/json' };

test('create, edit with every digit, validate, expire', async (t) => {
  const server = await serve({ dev: true });
  const page = await open(t, server);
  await page.getByRole('link', { name: 'Records' }).click();
  await page.getByText('No records yet').waitFor();
  await page.getByRole('button', { name: 'New record' }).click();
  const dialog = page.getByRole('dialog');
  const value = dialog.getByLabel('Value', { exact: true });
  const save = dialog.getByRole('button', { name: /^(Save|Create record)$/ });
  await dialog.getByLabel('Collection').fill('orders');
  await dialog.getByLabel('Key').fill('2026/o 1?#%');
  for (const [bad, says] of [
    ['{"a": 1,}', 'Line 1, column 9: Expected a name'],
    ['{"a": 1,\n "a": 2}', 'Line 2, column 2: The name "a" is there twice.'],
    ['{"a": 01}', 'Line 1, column 7'],
    ['[1] x', 'something after the end'],
  ]) {
    await value.fill(bad);
    await dialog.getByText(says).waitFor();
    assert.equal(await save.isDisabled(), true, bad);
  }
  await value.fill(`{"total": ${digits}, "tiny": 1.0e-40, "status": "open"}`);
  await dialog.getByLabel('Time to live').fill('soon');
  await dialog.getByText('This is not a time').waitFor();
  await dialog.getByLabel('Time to live').fill('2 h 30 min');
  await save.click();
  await toast(page, '2026/o 1?#% is saved as version 1.');
  const stored = await server.api('GET', '/records/orders');
  assert.equal(stored.data[0].ttl, 9000);

  await page.getByRole('navigation', { name: 'Collections' }).getByRole('link', { name: 'orders' }).click();
  await page.getByRole('button', { name: '2026/o 1?#%', exact: true }).click();
  const text = await value.inputValue();
  assert.ok(text.includes(`"total": ${digits}`), text);
  assert.equal(await dialog.getByLabel('Time to live').inputValue(), '2 h 30 min');
  await value.fill(text.replace('"open"', '"paid"'));
  await dialog.getByLabel('Time to live').fill('');
  await save.click();
  await toast(page, 'saved as version 2');
  const raw = await (await fetch(`${server.url}/api/v1/storage/records/orders`, { headers: { Authorization: `Bearer ${await tokenOf(page)}` } })).text();
  assert.ok(raw.includes(digits) && raw.includes('"paid"') && raw.includes('"ttl":null'), raw);
});

const tokenOf = (page) => page.evaluate(() => sessionStorage.getItem('holdall-token'));

test('a conflict shows both versions', async (t) => {
  const server = await serve({ dev: true });
  await server.api('PUT', '/records/orders/o1', `{"value":{"n":${digits}}}`, json);
  const page = await open(t, server, { path: '#/records/orders' });
  const editor = page.getByRole('dialog', { name: 'o1' });
  const conflict = page.getByRole('dialog', { name: 'Somebody changed this record' });
  const edit = async (text) => {
    await page.getByRole('button', { name: 'o1', exact: true }).click();
    await editor.getByLabel('Value', { exact: true }).fill(text);
  };
  await edit('{"mine": 1}');
  await server.api('PUT', '/records/orders/o1', `{"value":{"theirs":${digits}}}`, json);
  await editor.getByRole('button', { name: 'Save' }).click();
  assert.match(await conflict.getByLabel('Your version').textContent(), /"mine": 1/);
  assert.ok((await conflict.getByLabel('Their version').textContent()).includes(digits));
  await conflict.getByText('You began with version 1; the store has version 2 now.').waitFor();
  await conflict.getByRole('button', { name: 'Keep editing' }).click();
  assert.equal(await editor.getByLabel('Value', { exact: true }).inputValue(), '{"mine": 1}');
  await editor.getByRole('button', { name: 'Save' }).click();
  await conflict.getByRole('button', { name: 'Take theirs' }).click();
  assert.ok((await editor.getByLabel('Value', { exact: true }).inputValue()).includes(digits));
  await editor.getByLabel('Value', { exact: true }).fill('{"mine": 2}');
  await server.api('PUT', '/records/orders/o1', '{"value":3}', json);
  await editor.getByRole('button', { name: 'Save' }).click();
  await conflict.getByRole('button', { name: 'Overwrite with mine' }).click();
  await toast(page, 'o1 is saved as version 4.');

  await edit('{"mine": 3}');
  await server.api('DELETE', '/records/orders/o1');
  await editor.getByRole('button', { name: 'Save' }).click();
  await conflict.getByText('Theirs: deleted').waitFor();
  await conflict.getByRole('button', { name: 'Save mine again' }).click();
  await toast(page, 'o1 is saved as version 1.');
  assert.deepEqual((await server.api('GET', '/records/orders/o1')).value, { mine: 3 });

  await page.getByRole('button', { name: 'New record' }).click();
  await page.getByRole('dialog').getByLabel('Key').fill('o1');
  await page.getByRole('button', { name: 'Create record' }).click();
  await page.getByRole('dialog', { name: 'This key is taken' }).waitFor();
});

test('filter, search, sort, delete and undo', async (t) => {
  const server = await serve({ dev: true });
  for (let i = 0; i < 5; i++) {
    await server.api('PUT', `/records/orders/o${i}`, `{"value":{"status":"${i % 2 ? 'open' : 'done'}","total":${i * 100}}}`, json);
  }
  const page = await open(t, server, { path: '#/records/orders' });
  const keys = () => page.locator('tbody .title').allTextContents();
  const until = (...want) => page.waitForFunction((w) => [...document.querySelectorAll('tbody .title')].map((e) => e.textContent).join() === w, want.join());
  await until('o0', 'o1', 'o2', 'o3', 'o4');
  const filter = page.getByLabel(/^Filter by value/);
  await filter.fill('{"status":"open","total":{"gt":100}}');
  await until('o3');
  await filter.fill('{"status":');
  await page.getByText(/^Not JSON: Expected a value, found the end/).waitFor();
  await filter.fill('{"total":{"above":100}}');
  await page.getByRole('alert').getByText(/above/).waitFor();
  await filter.fill('');
  await page.getByRole('button', { name: 'Key' }).click();
  await until('o4', 'o3', 'o2', 'o1', 'o0');
  await page.getByRole('searchbox').fill('o2');
  await until('o2');

  await choose(page, 'Actions for o2', 'Delete');
  await toast(page, 'o2 deleted.');
  await page.getByText('Nothing found').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await toast(page, 'o2 is back.');
  await until('o2');
  assert.deepEqual((await server.api('GET', '/records/orders/o2')).value, { status: 'done', total: 200 });
  assert.deepEqual(await keys(), ['o2']);

  await page.getByLabel('Name of a collection').fill('empty.one');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'empty.one' }).waitFor();
  await page.getByText('No records yet').waitFor();
});
