import { useLayoutEffect } from 'preact/hooks';
import type { StoredObject } from '@holdall/sdk';
import { baseName, date, folderOf, size, visible } from '../format.ts';
import { Icon, iconFor } from '../parts/icon.tsx';
import { SortHead } from '../parts/list.tsx';
import { Menu, type MenuItem } from '../parts/menu.tsx';
import { href } from '../router.ts';

interface FileTableProps {
  bucket: string;
  folders: string[];
  objects: StoredObject[];
  /** Whether objects of several folders are listed, so that theirs are named. */
  deep: boolean;
  sort: string;
  onSort: (sort: string) => void;
  chosen: ReadonlySet<string>;
  /** Undefined where nothing could be done to what is chosen. */
  onChoose: ((ids: ReadonlySet<string>) => void) | undefined;
  onOpen: (object: StoredObject) => void;
  actionsOf: (object: StoredObject) => MenuItem[];
  folderActionsOf: (folder: string) => MenuItem[];
}

/** FileTable is one page of a folder. */
export function FileTable(props: FileTableProps) {
  useLayoutEffect(() => void performance.mark('first-list'), []);
  const { objects, folders, chosen, onChoose, sort, onSort } = props;
  const all = objects.length > 0 && objects.every((o) => chosen.has(o.id));
  const some = !all && objects.some((o) => chosen.has(o.id));
  return (
    <table class="list">
      <caption class="hidden">Files</caption>
      <thead>
        <tr>
          {onChoose && (
            <td class="pick">
              <input
                type="checkbox"
                aria-label="Choose all files of this page"
                checked={all}
                indeterminate={some}
                disabled={objects.length === 0}
                onChange={() => onChoose(new Set(all ? [] : objects.map((o) => o.id)))}
              />
            </td>
          )}
          <SortHead label="Name" field="path" sort={sort} onSort={onSort} />
          <SortHead label="Size" field="size" sort={sort} onSort={onSort} class="size" />
          <SortHead label="Added" field="created_at" sort={sort} onSort={onSort} class="date" />
          <th scope="col" class="act">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {folders.map((folder) => (
          <FolderRow key={folder} folder={folder} {...props} />
        ))}
        {objects.map((object) => (
          <FileRow key={object.id} object={object} {...props} />
        ))}
      </tbody>
    </table>
  );
}

function FolderRow({ folder, bucket, onChoose, folderActionsOf }: FileTableProps & { folder: string }) {
  const name = visible(baseName(folder).replace(/\/$/, ''));
  const actions = folderActionsOf(folder);
  return (
    <tr>
      {onChoose && <td class="pick" />}
      <td>
        <div class="entry">
          <span class="folder">
            <Icon name="folder" />
          </span>
          <div class="entry-text">
            <a class="title" href={href({ view: 'files', bucket, folder })} title={name}>
              {name}
            </a>
          </div>
        </div>
      </td>
      <td class="size" />
      <td class="date" />
      <td class="act">{actions.length > 0 && <Menu label={`Actions for folder ${name}`} items={actions} />}</td>
    </tr>
  );
}

function FileRow({ object, deep, chosen, onChoose, onOpen, actionsOf }: FileTableProps & { object: StoredObject }) {
  const o = object;
  const name = visible(baseName(o.path));
  const picked = chosen.has(o.id);
  const toggle = () => {
    const next = new Set(chosen);
    if (!next.delete(o.id)) next.add(o.id);
    onChoose?.(next);
  };
  const where = deep ? visible(folderOf(o.path)) : '';
  return (
    <tr class={picked ? 'chosen' : ''}>
      {onChoose && (
        <td class="pick">
          <input type="checkbox" aria-label={`Choose ${name}`} checked={picked} onChange={toggle} />
        </td>
      )}
      <td>
        <div class="entry">
          <Icon name={iconFor(o.content_type)} />
          <div class="entry-text">
            <button type="button" class="title" title={name} onClick={() => onOpen(o)}>
              {name}
            </button>
            {where && <span class="sub always">{where}</span>}
            <span class="sub">
              {size(o.size)} · {date(o.created_at)}
            </span>
          </div>
          {o.tier !== 'shared' && <span class="tag">{o.tier}</span>}
        </div>
      </td>
      <td class="size">{size(o.size)}</td>
      <td class="date">{date(o.created_at)}</td>
      <td class="act">
        <Menu label={`Actions for ${name}`} items={actionsOf(o)} />
      </td>
    </tr>
  );
}
