import { useEffect, useState } from 'preact/hooks';
import type { StoredObject } from '@holdall/sdk';
import { date, size, visible } from '../format.ts';
import { useDelayed } from '../parts/delayed.ts';
import { FormDialog, Problem } from '../parts/dialog.tsx';
import { Icon, iconFor } from '../parts/icon.tsx';
import { Empty, Pager, SearchBox } from '../parts/list.tsx';
import { pageSize, usePages } from '../parts/pages.ts';
import { notify } from '../parts/toasts.tsx';
import { href } from '../router.ts';
import { permissions, storage } from '../session.ts';
import { restore } from './actions.ts';
import { changed } from './changes.ts';

/** TrashView is what was deleted from a bucket and has not been swept yet. */
export function TrashView({ bucket }: { bucket: string }) {
  const [query, setQuery] = useState('');
  const [erasing, setErasing] = useState<StoredObject>();
  const q = useDelayed(query.trim());
  const pages = usePages(JSON.stringify([bucket, q]), (cursor, signal) =>
    storage.objects.list({ bucket, deleted: true, sort: '-created_at', limit: pageSize, total: !cursor, ...(q && { q }), ...(cursor && { cursor }), signal }),
  );
  const version = changed.value;
  useEffect(() => {
    if (version > 0) pages.reload();
  }, [version]);
  const scope = { bucket };
  const mayRestore = permissions.value.may('write', scope);
  const mayErase = permissions.value.may('admin', scope);
  return (
    <>
      {pages.loading && <span class="bar" />}
      <div class="page-head">
        <nav class="crumbs" aria-label="Folder">
          <ol>
            <li>
              <a href={href({ view: 'files', bucket, folder: '' })}>{bucket}</a>
              <Icon name="chevron" size={14} />
            </li>
            <li>
              <h1 aria-current="page">Trash</h1>
            </li>
          </ol>
        </nav>
      </div>
      <div class="tools">
        <SearchBox label="Search the trash" value={query} onChange={setQuery} />
      </div>
      <div class="scroll" aria-busy={pages.loading}>
        <Problem text={pages.error} />
        {!pages.fresh && pages.items.length === 0 && !pages.error && (
          <Empty icon="trash" title={q ? 'Nothing found' : 'The trash is empty'}>
            <p>{q ? `No deleted path contains “${q}”.` : 'What is deleted stays here for a while, and can be restored.'}</p>
          </Empty>
        )}
        {pages.items.length > 0 && (
          <table class="list">
            <caption class="hidden">Deleted files</caption>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" class="size">Size</th>
                <th scope="col" class="date">Deleted</th>
                <th scope="col" class="by">By</th>
                <th scope="col" class="act wide">
                  <span class="hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {pages.items.map((o) => (
                <Row key={o.id} object={o} onRestore={mayRestore ? () => void restore(bucket, [o.id]) : undefined} onErase={mayErase ? () => setErasing(o) : undefined} />
              ))}
            </tbody>
          </table>
        )}
      </div>
      {pages.items.length > 0 && <Pager pages={pages} one="deleted file" />}
      {erasing && <EraseDialog object={erasing} onClose={() => setErasing(undefined)} />}
    </>
  );
}

interface RowProps {
  object: StoredObject;
  onRestore: (() => void) | undefined;
  onErase: (() => void) | undefined;
}

function Row({ object: o, onRestore, onErase }: RowProps) {
  const name = visible(o.path);
  const when = o.deleted_at ? date(o.deleted_at) : '';
  return (
    <tr>
      <td>
        <div class="entry">
          <Icon name={iconFor(o.content_type)} />
          <div class="entry-text">
            <span class="title" title={name}>
              {name}
            </span>
            <span class="sub">
              {size(o.size)} · deleted {when}
            </span>
          </div>
        </div>
      </td>
      <td class="size">{size(o.size)}</td>
      <td class="date">{when}</td>
      <td class="by">{visible(o.deleted_by ?? '')}</td>
      <td class="act wide">
        {onRestore && (
          <button type="button" class="small" aria-label={`Restore ${name}`} title="Restore" onClick={onRestore}>
            <Icon name="restore" size={15} />
            <span class="wide-only">Restore</span>
          </button>
        )}{' '}
        {onErase && (
          <button type="button" class="small ghost" aria-label={`Erase ${name} for good`} title="Erase for good" onClick={onErase}>
            <Icon name="close" size={15} />
            <span class="wide-only">Erase</span>
          </button>
        )}
      </td>
    </tr>
  );
}

function EraseDialog({ object, onClose }: { object: StoredObject; onClose: () => void }) {
  const name = visible(object.path);
  const submit = async () => {
    await storage.objects.delete(object.bucket, object.id, { purge: true });
    onClose();
    changed.value++;
    notify(`${name} is erased.`);
  };
  return (
    <FormDialog title="Erase for good?" action="Erase" danger onClose={onClose} submit={submit}>
      <p>
        <b>{name}</b> goes at once and cannot be brought back.
      </p>
    </FormDialog>
  );
}
