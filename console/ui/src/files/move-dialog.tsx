import { useState } from 'preact/hooks';
import type { StoredObject } from '@holdall/sdk';
import { baseName, count, folderOf, visible } from '../format.ts';
import { buckets } from '../buckets/store.ts';
import { FormDialog } from '../parts/dialog.tsx';
import { notify } from '../parts/toasts.tsx';
import { hasCode, messageOf, permissions, storage } from '../session.ts';
import { changed } from './changes.ts';

interface MoveDialogProps {
  objects: StoredObject[]; // of one bucket
  onClose: () => void;
  onDone: (moved: StoredObject[]) => void;
}

/** MoveDialog renames one file, or moves some, to another folder or bucket. */
export function MoveDialog({ objects, onClose, onDone }: MoveDialogProps) {
  const first = objects[0]!;
  const single = objects.length === 1;
  const [name, setName] = useState(baseName(first.path));
  const [folder, setFolder] = useState(folderOf(first.path).replace(/\/$/, ''));
  const [bucket, setBucket] = useState(first.bucket);
  const targets = buckets.value.list?.filter((b) => permissions.value.may('write', { bucket: b.name })) ?? [];
  const under = folder.trim().replace(/^\/+|\/+$/g, '');
  const pathOf = (o: StoredObject) => (under && under + '/') + (single ? name : baseName(o.path));
  const submit = async () => {
    const moved: StoredObject[] = [];
    try {
      for (const o of objects) {
        const path = pathOf(o);
        if (path === o.path && bucket === o.bucket) continue;
        moved.push(await storage.objects.update(o.bucket, o.id, { path, bucket }, { ifMatch: o.version }).catch((err: unknown) => fail(err, o)));
      }
    } finally {
      if (moved.length > 0) changed.value++;
    }
    onDone(moved);
    onClose();
    if (moved.length > 0) notify(single ? `${visible(name)} is at its new place.` : `${count(moved.length, 'file')} moved.`);
  };
  return (
    <FormDialog
      title={single ? `Rename or move ${visible(baseName(first.path))}` : `Move ${count(objects.length, 'file')}`}
      action={single ? 'Save' : 'Move'}
      onClose={onClose}
      submit={submit}
      disabled={single && !name}
    >
      {single && (
        <div class="field">
          <label for="move-name">Name</label>
          <input id="move-name" data-autofocus required autocomplete="off" spellcheck={false} value={name} onInput={(e) => setName(e.currentTarget.value)} />
        </div>
      )}
      <div class="field">
        <label for="move-folder">Folder</label>
        <input
          id="move-folder"
          autocomplete="off"
          spellcheck={false}
          placeholder="The bucket itself"
          aria-describedby="move-folder-hint"
          value={folder}
          onInput={(e) => setFolder(e.currentTarget.value)}
        />
        <span class="hint" id="move-folder-hint">With / between the levels. A folder that is not there is made.</span>
      </div>
      {targets.length > 1 && (
        <div class="field">
          <label for="move-bucket">Bucket</label>
          <select id="move-bucket" value={bucket} onChange={(e) => setBucket(e.currentTarget.value)}>
            {targets.map((b) => (
              <option key={b.name}>{b.name}</option>
            ))}
          </select>
        </div>
      )}
    </FormDialog>
  );
}

function fail(err: unknown, { path }: StoredObject): never {
  const name = visible(baseName(path));
  if (hasCode(err, 'object_exists')) throw new Error(`There is a file at the new place of ${name} already.`);
  if (hasCode(err, 'precondition_failed')) throw new Error(`Somebody changed ${name} meanwhile. Close this and look again.`);
  throw new Error(`${name}: ${messageOf(err)}`);
}
