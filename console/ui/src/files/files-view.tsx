import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { StoredObject, Tier } from '@holdall/sdk';
import { count } from '../format.ts';
import { useDelayed } from '../parts/delayed.ts';
import { Problem } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { Empty, Pager, SearchBox } from '../parts/list.tsx';
import type { MenuItem } from '../parts/menu.tsx';
import { pageSize, usePages } from '../parts/pages.ts';
import { href } from '../router.ts';
import { caller, permissions, storage } from '../session.ts';
import { download, remove } from './actions.ts';
import { Breadcrumbs } from './breadcrumbs.tsx';
import { changed } from './changes.ts';
import { useDropZone } from './drop-zone.ts';
import type { Incoming } from './dropped.ts';
import { FileTable } from './file-table.tsx';
import { DeleteFolderDialog, NewFolderDialog } from './folder-dialogs.tsx';
import { LinkDialog } from './link-dialog.tsx';
import { MoveDialog } from './move-dialog.tsx';
import { UploadButtons } from './upload-buttons.tsx';
import { enqueue } from './uploads.ts';
import { Viewer } from './viewer.tsx';

type Asking =
  | { what: 'view' | 'link'; object: StoredObject }
  | { what: 'move'; objects: StoredObject[] }
  | { what: 'new folder' }
  | { what: 'delete folder'; folder: string };

interface FilesViewProps {
  bucket: string;
  folder: string;
}

/** FilesView is one folder of a bucket. */
export function FilesView({ bucket, folder }: FilesViewProps) {
  const [query, setQuery] = useState('');
  const [sort, setSort] = useState('path');
  const [tier, setTier] = useState<Tier | ''>('');
  const [asking, setAsking] = useState<Asking>();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const q = useDelayed(query.trim());
  useEffect(() => {
    setQuery('');
    setChosen(new Set());
  }, [folder]);

  const pages = usePages(JSON.stringify([bucket, folder, q, sort, tier]), (cursor, signal) =>
    storage.objects.list({
      bucket,
      prefix: folder,
      sort: sort as 'path',
      limit: pageSize,
      total: !cursor,
      ...(q ? { q } : { delimiter: '/' as const }),
      ...(tier && { tier }),
      ...(cursor && { cursor }),
      signal,
    }),
  );
  const version = changed.value;
  useEffect(() => {
    if (version > 0) pages.reload();
  }, [version]);

  const scope = { bucket };
  const mayWrite = permissions.value.may('write', scope);
  const mayDelete = permissions.value.may('delete', scope);
  const upload = useCallback((incoming: Incoming[]) => enqueue(bucket, folder, incoming, tier || undefined), [bucket, folder, tier]);
  const over = useDropZone(mayWrite ? upload : undefined);

  const ask = (a: Asking) => () => setAsking(a);
  const actionsOf = (object: StoredObject): MenuItem[] => [
    { label: 'Details', icon: 'info', run: ask({ what: 'view', object }) },
    { label: 'Download', icon: 'download', run: () => void download(object) },
    { label: 'Copy link…', icon: 'link', run: ask({ what: 'link', object }) },
    ...(mayWrite ? [{ label: 'Rename or move…', icon: 'edit', run: ask({ what: 'move', objects: [object] }) } as const] : []),
    ...(mayDelete ? [{ label: 'Delete', icon: 'trash', run: () => void remove(bucket, [object]), danger: true } as const] : []),
  ];
  const folderActionsOf = (f: string): MenuItem[] =>
    mayDelete ? [{ label: 'Delete folder…', icon: 'trash', run: ask({ what: 'delete folder', folder: f }), danger: true }] : [];
  const picked = useMemo(() => pages.items.filter((o) => chosen.has(o.id)), [pages.items, chosen]);
  const shownEmpty = !pages.fresh && pages.items.length === 0 && pages.folders.length === 0;

  return (
    <>
      {pages.loading && <span class="bar" />}
      <div class="page-head">
        <Breadcrumbs bucket={bucket} folder={folder} />
        {mayDelete && (
          <a class="button" href={href({ view: 'trash', bucket })} aria-label="Trash">
            <Icon name="trash" />
            <span class="wide-only">Trash</span>
          </a>
        )}
        {mayWrite && <UploadButtons onFiles={upload} onNewFolder={ask({ what: 'new folder' })} />}
      </div>
      <div class="tools">
        {picked.length > 0 ? (
          <div class="selection" role="toolbar" aria-label="What is chosen">
            <span role="status">{count(picked.length, 'file')} chosen</span>
            {mayWrite && (
              <button type="button" onClick={ask({ what: 'move', objects: picked })}>
                <Icon name="move" />
                Move
              </button>
            )}
            {mayDelete && (
              <button
                type="button"
                onClick={() => {
                  setChosen(new Set());
                  void remove(bucket, picked);
                }}
              >
                <Icon name="trash" />
                Delete
              </button>
            )}
            <button type="button" class="ghost" onClick={() => setChosen(new Set())}>
              Clear
            </button>
          </div>
        ) : (
          <>
            <SearchBox label={folder ? 'Search this folder' : 'Search this bucket'} value={query} onChange={setQuery} />
            <TierSelect value={tier} onChange={setTier} />
          </>
        )}
      </div>
      <div class={pages.loading && !pages.fresh ? 'scroll loading' : 'scroll'} aria-busy={pages.loading}>
        <Problem text={pages.error} />
        {shownEmpty && !pages.error && <Nothing q={q} tier={tier} mayWrite={mayWrite} />}
        {!pages.fresh && !shownEmpty && (
          <FileTable
            bucket={bucket}
            folders={pages.folders}
            objects={pages.items}
            deep={q !== ''}
            sort={sort}
            onSort={setSort}
            chosen={chosen}
            onChoose={mayWrite || mayDelete ? setChosen : undefined}
            onOpen={(object) => setAsking({ what: 'view', object })}
            actionsOf={actionsOf}
            folderActionsOf={folderActionsOf}
          />
        )}
      </div>
      {!pages.fresh && !shownEmpty && <Pager pages={pages} one="file" />}
      {over && (
        <div class="drop-target" aria-hidden="true">
          <p>
            <Icon name="upload" size={24} />
            Drop to upload into {bucket}/{folder}
          </p>
        </div>
      )}
      <Dialogs asking={asking} setAsking={setAsking} objects={pages.items} bucket={bucket} folder={folder} />
    </>
  );
}

function TierSelect({ value, onChange }: { value: Tier | ''; onChange: (tier: Tier | '') => void }) {
  return (
    <select aria-label="Tier" title="Which files are shown, and where uploads go" value={value} onChange={(e) => onChange(e.currentTarget.value as Tier)}>
      <option value="">All tiers</option>
      <option value="shared">Shared</option>
      <option value="user">Mine (user)</option>
      {caller.value?.app && <option value="private">This app (private)</option>}
    </select>
  );
}

function Nothing({ q, tier, mayWrite }: { q: string; tier: string; mayWrite: boolean }) {
  if (q) {
    return (
      <Empty icon="search" title="Nothing found">
        <p>No path here contains “{q}”.</p>
      </Empty>
    );
  }
  return (
    <Empty icon="folder" title={tier ? `Nothing in tier ${tier} here` : 'Nothing here yet'}>
      <p>{mayWrite ? 'Drop files or folders here, or use Upload.' : 'What is uploaded will show up here.'}</p>
    </Empty>
  );
}

interface DialogsProps extends FilesViewProps {
  asking: Asking | undefined;
  setAsking: (asking: Asking | undefined) => void;
  objects: StoredObject[];
}

function Dialogs({ asking, setAsking, objects, bucket, folder }: DialogsProps) {
  const close = () => setAsking(undefined);
  switch (asking?.what) {
    case 'view': {
      const { object } = asking;
      const at = objects.findIndex((o) => o.id === object.id);
      const step = (by: 1 | -1) => {
        const next = objects.at((at + by) % objects.length);
        if (next) setAsking({ what: 'view', object: next });
      };
      return (
        <Viewer
          object={object}
          onClose={close}
          onChange={(o) => setAsking({ what: 'view', object: o })}
          onStep={at >= 0 && objects.length > 1 ? step : undefined}
        />
      );
    }
    case 'link':
      return <LinkDialog object={asking.object} onClose={close} />;
    case 'move':
      return <MoveDialog objects={asking.objects} onClose={close} onDone={() => undefined} />;
    case 'new folder':
      return <NewFolderDialog bucket={bucket} folder={folder} onClose={close} />;
    case 'delete folder':
      return <DeleteFolderDialog bucket={bucket} folder={asking.folder} onClose={close} />;
    default:
      return null;
  }
}
