import { useState } from 'preact/hooks';
import { baseName, count, visible } from '../format.ts';
import { FormDialog } from '../parts/dialog.tsx';
import { go } from '../router.ts';
import { everythingIn, remove } from './actions.ts';

interface FolderDialogProps {
  bucket: string;
  folder: string;
  onClose: () => void;
}

/** NewFolderDialog goes into a folder that is there as soon as something is in it. */
export function NewFolderDialog({ bucket, folder, onClose }: FolderDialogProps) {
  const [name, setName] = useState('');
  const clean = name.trim().replace(/^\/+|\/+$/g, '');
  const submit = async () => {
    onClose();
    go({ view: 'files', bucket, folder: `${folder}${clean.normalize('NFC')}/` });
  };
  return (
    <FormDialog title="New folder" action="Open folder" onClose={onClose} submit={submit} disabled={!clean}>
      <div class="field">
        <label for="folder-name">Name</label>
        <input
          id="folder-name"
          data-autofocus
          autocomplete="off"
          spellcheck={false}
          aria-describedby="folder-name-hint"
          value={name}
          onInput={(e) => setName(e.currentTarget.value)}
        />
        <span class="hint" id="folder-name-hint">A folder lives by the files in it: it is kept once the first is uploaded.</span>
      </div>
    </FormDialog>
  );
}

/** DeleteFolderDialog deletes all files below a folder. */
export function DeleteFolderDialog({ bucket, folder, onClose }: FolderDialogProps) {
  const name = visible(baseName(folder).replace(/\/$/, ''));
  const [found, setFound] = useState<number>();
  const submit = async () => {
    const objects = await everythingIn(bucket, folder);
    setFound(objects.length);
    await remove(bucket, objects);
    onClose();
  };
  return (
    <FormDialog title={`Delete the folder ${name}?`} action="Delete folder" danger onClose={onClose} submit={submit}>
      <p>Every file in it that you see is deleted, those in its own folders too. You can bring them back from the trash.</p>
      {found !== undefined && <p role="status">Deleting {count(found, 'file')}…</p>}
    </FormDialog>
  );
}
