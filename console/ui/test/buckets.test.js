import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose, open, put, serve, toast } from './harness.js';

test('create with all constraints, edit, empty and delete, and what the server refuses', async (t) => {
  const server = await serve({ dev: true });
  const page = await open(t, server);
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'New bucket' }).click();
  await dialog.getByLabel('Name').fill('default');
  await dialog.getByRole('button', { name: 'Create bucket' }).click();
  await dialog.getByRole('alert').getByText('Every tenant has its default bucket').waitFor();
  await dialog.getByLabel('Name').fill('Records');
  await dialog.getByRole('button', { name: 'Create bucket' }).click();
  await dialog.getByRole('alert').getByText(/records/i).waitFor();

  await dialog.getByLabel('Name').fill('photos');
  await dialog.getByLabel('Largest file').fill('ten');
  await dialog.getByText('This is not a size such as 10 MB.').waitFor();
  assert.equal(await dialog.getByRole('button', { name: 'Create bucket' }).isDisabled(), true);
  await dialog.getByLabel('Largest file').fill('900 GB');
  await dialog.getByRole('button', { name: 'Create bucket' }).click();
  await dialog.getByRole('alert').getByText(/67108864|64 MiB/).waitFor();
  await dialog.getByLabel('Largest file').fill('512 KiB');
  await dialog.getByLabel('Types that may be stored').fill('image/*, application/pdf');
  await dialog.getByLabel('Public').check();
  await dialog.getByRole('button', { name: 'Create bucket' }).click();
  await toast(page, 'The bucket photos is there.');
  await page.getByRole('heading', { level: 1, name: 'photos' }).waitFor();
  const made = await server.api('GET', '/buckets/photos');
  assert.equal(made.max_file_size, 524288);
  assert.equal(made.public, true);
  assert.deepEqual([...made.allowed_types].sort(), ['application/pdf', 'image/*']);

  await choose(page, 'Bucket photos', 'Settings');
  assert.equal(await dialog.getByLabel('Largest file').inputValue(), '524288');
  await dialog.getByLabel('Largest file').fill('');
  await dialog.getByLabel('Types that may be stored').fill('');
  await dialog.getByLabel('Public').uncheck();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await toast(page, 'The settings of photos are saved.');
  const changed = await server.api('GET', '/buckets/photos');
  assert.deepEqual([changed.max_file_size, changed.allowed_types, changed.public], [null, null, false]);

  await put(server, 'a.txt', 'a', 'text/plain', 'photos');
  await choose(page, 'Bucket photos', 'Delete');
  await dialog.getByRole('button', { name: 'Delete bucket' }).click();
  await dialog.getByRole('alert').getByText(/not empty|object/).waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await choose(page, 'Bucket photos', 'Empty');
  await dialog.getByRole('button', { name: 'Empty bucket' }).click();
  await toast(page, '1 file deleted from photos.');
  await choose(page, 'Bucket photos', 'Delete');
  await dialog.getByRole('button', { name: 'Delete bucket' }).click();
  await toast(page, 'The bucket photos is deleted.');
  await page.getByRole('heading', { level: 1, name: 'default' }).waitFor();

  await page.getByRole('button', { name: 'Bucket default' }).click();
  await page.getByRole('menu').waitFor();
  assert.deepEqual(await page.getByRole('menuitem').allTextContents(), ['Settings…', 'Empty…'], 'the bucket default stays');
});
