import { useState } from 'preact/hooks';
import type { Bucket } from '@holdall/sdk';
import { FormDialog } from '../parts/dialog.tsx';
import { notify } from '../parts/toasts.tsx';
import { count, parseSize, size } from '../format.ts';
import { go, route } from '../router.ts';
import { storage } from '../session.ts';
import { changed } from '../files/changes.ts';
import { asking, loadBuckets } from './store.ts';

const close = () => (asking.value = undefined);

/** BucketDialogs shows whichever dialog is asked for. */
export function BucketDialogs() {
  const ask = asking.value;
  if (!ask) return null;
  switch (ask.what) {
    case 'create':
      return <SettingsDialog />;
    case 'edit':
      return <SettingsDialog bucket={ask.bucket} />;
    case 'empty':
      return <EmptyDialog bucket={ask.bucket} />;
    case 'delete':
      return <DeleteDialog bucket={ask.bucket} />;
  }
}

/** exact writes a limit so that it is read back as the same number. */
function exact(bytes: number): string {
  const short = size(bytes);
  return parseSize(short) === bytes ? short : String(bytes);
}

function SettingsDialog({ bucket }: { bucket?: Bucket }) {
  const [name, setName] = useState(bucket?.name ?? '');
  const [open, setOpen] = useState(bucket?.public ?? false);
  const [limit, setLimit] = useState(bucket?.max_file_size ? exact(bucket.max_file_size) : '');
  const [types, setTypes] = useState(bucket?.allowed_types?.join(', ') ?? '');
  const bytes = limit.trim() ? parseSize(limit) : null;
  const badLimit = bytes !== null && !(bytes >= 1);
  const submit = async () => {
    const allowed = types.split(/[\s,]+/).filter(Boolean);
    const rules = { public: open, max_file_size: bytes, allowed_types: allowed.length > 0 ? allowed : null };
    if (bucket) await storage.buckets.update(bucket.name, rules);
    else await storage.buckets.create({ name, ...rules });
    close();
    await loadBuckets();
    notify(bucket ? `The settings of ${name} are saved.` : `The bucket ${name} is there.`);
    if (!bucket) go({ view: 'files', bucket: name, folder: '' });
  };
  return (
    <FormDialog
      title={bucket ? `Settings of ${bucket.name}` : 'New bucket'}
      action={bucket ? 'Save' : 'Create bucket'}
      onClose={close}
      submit={submit}
      disabled={!name || badLimit}
    >
      {!bucket && (
        <div class="field">
          <label for="bucket-name">Name</label>
          <input
            id="bucket-name"
            data-autofocus
            required
            maxLength={63}
            pattern="[A-Za-z0-9_\-]+"
            title="Letters, digits, - and _"
            spellcheck={false}
            autocomplete="off"
            aria-describedby="bucket-name-hint"
            value={name}
            onInput={(e) => setName(e.currentTarget.value)}
          />
          <span class="hint" id="bucket-name-hint">Letters, digits, - and _, at most 63. It cannot be changed later.</span>
        </div>
      )}
      <div class="field">
        <label for="bucket-limit">Largest file</label>
        <input
          id="bucket-limit"
          placeholder="The server's limit"
          autocomplete="off"
          aria-describedby="bucket-limit-hint"
          aria-invalid={badLimit}
          value={limit}
          onInput={(e) => setLimit(e.currentTarget.value)}
        />
        {badLimit ? (
          <span class="slip" id="bucket-limit-hint">This is not a size such as 10 MB.</span>
        ) : (
          <span class="hint" id="bucket-limit-hint">For example 10 MB or 512 KiB. Empty for no limit of its own.</span>
        )}
      </div>
      <div class="field">
        <label for="bucket-types">Types that may be stored</label>
        <input
          id="bucket-types"
          placeholder="Any"
          spellcheck={false}
          autocomplete="off"
          aria-describedby="bucket-types-hint"
          value={types}
          onInput={(e) => setTypes(e.currentTarget.value)}
        />
        <span class="hint" id="bucket-types-hint">Media types with commas between: image/*, application/pdf. Empty for any.</span>
      </div>
      <label class="check">
        <input type="checkbox" checked={open} onChange={(e) => setOpen(e.currentTarget.checked)} />
        <span>
          Public
          <span class="hint">Anyone who knows the address of a shared file can read it, without signing in.</span>
        </span>
      </label>
    </FormDialog>
  );
}

function EmptyDialog({ bucket: { name } }: { bucket: Bucket }) {
  const submit = async () => {
    const { deleted } = await storage.buckets.empty(name);
    close();
    changed.value++;
    notify(`${count(deleted, 'file')} deleted from ${name}.`);
  };
  return (
    <FormDialog title={`Empty ${name}?`} action="Empty bucket" danger onClose={close} submit={submit}>
      <p>
        Every file in <b>{name}</b> is deleted, of all people and apps. Yours and the shared ones stay in the trash until it is swept.
      </p>
    </FormDialog>
  );
}

function DeleteDialog({ bucket: { name } }: { bucket: Bucket }) {
  const submit = async () => {
    await storage.buckets.delete(name);
    close();
    const to = route.value;
    if ('bucket' in to && to.bucket === name) go({ view: 'home' });
    await loadBuckets();
    notify(`The bucket ${name} is deleted.`);
  };
  return (
    <FormDialog title={`Delete ${name}?`} action="Delete bucket" danger onClose={close} submit={submit}>
      <p>
        The bucket <b>{name}</b> goes, and what is in its trash with it. It must be empty: the server refuses while a file of anyone is in it.
      </p>
    </FormDialog>
  );
}
