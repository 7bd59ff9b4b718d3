// What is done to files from more than one place.
import type { StoredObject } from '@holdall/sdk';
import { baseName, count, visible } from '../format.ts';
import { complain, notify } from '../parts/toasts.tsx';
import { hasCode, messageOf, permissions, storage } from '../session.ts';
import { focusMain } from '../parts/focus.ts';
import { changed } from './changes.ts';

const batch = 1000; // ids in one call

/** remove soft-deletes objects of one bucket and offers to undo that. */
export async function remove(bucket: string, objects: StoredObject[]): Promise<void> {
  focusMain(); // what has the focus goes away
  const gone: string[] = [];
  const failures: string[] = [];
  try {
    for (let i = 0; i < objects.length; i += batch) {
      const answer = await storage.objects.deleteMany(bucket, objects.slice(i, i + batch).map((o) => o.id));
      gone.push(...answer.deleted);
      failures.push(...answer.errors.map((e) => e.code));
    }
  } catch (err) {
    complain(messageOf(err));
  }
  changed.value++;
  if (failures.length > 0) complain(`${count(failures.length, 'file')} could not be deleted: ${[...new Set(failures)].join(', ')}.`);
  if (gone.length === 0) return;
  const what = objects.length === 1 ? visible(baseName(objects[0]!.path)) : count(gone.length, 'file');
  const undo = { label: 'Undo', run: () => void restore(bucket, gone) };
  notify(`${what} deleted.`, permissions.value.may('write', { bucket }) ? undo : undefined);
}

/** restore brings objects back, and says which could not be. */
export async function restore(bucket: string, ids: string[]): Promise<void> {
  focusMain();
  let back = 0;
  let taken = 0;
  for (const id of ids) {
    try {
      await storage.objects.restore(bucket, id);
      back++;
    } catch (err) {
      if (!hasCode(err, 'object_exists')) {
        complain(messageOf(err));
        break;
      }
      taken++;
    }
  }
  changed.value++;
  if (taken > 0) complain(`${count(taken, 'file')} could not be restored: another file has taken the place.`);
  if (back > 0) notify(`${count(back, 'file')} restored.`);
}

/** everythingIn lists all files below a folder. */
export async function everythingIn(bucket: string, folder: string): Promise<StoredObject[]> {
  const all: StoredObject[] = [];
  for await (const o of storage.objects.iterate({ bucket, prefix: folder, limit: 1000 })) all.push(o);
  return all;
}

/**
 * download saves a file. A signed link leaves the transfer to the browser,
 * whatever the size; a server that signs none has it go through this page.
 */
export async function download(object: StoredObject): Promise<void> {
  const { bucket, id, path } = object;
  try {
    const { url } = await storage.objects.sign(bucket, id, { expires_in: 300 });
    save(url, path);
  } catch (err) {
    if (!hasCode(err, 'not_found', 'method_not_allowed')) {
      complain(messageOf(err));
      return;
    }
    try {
      const blob = await (await storage.objects.download(bucket, id)).blob();
      const url = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
      save(url, path);
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (error) {
      complain(messageOf(error));
    }
  }
}

function save(url: string, path: string) {
  const a = document.createElement('a');
  a.href = url;
  a.download = baseName(path);
  a.rel = 'noreferrer';
  a.click();
}
