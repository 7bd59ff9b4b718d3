import { date, time, visible } from '../format.ts';
import { SortHead } from '../parts/list.tsx';
import { Menu } from '../parts/menu.tsx';
import type { TextRecord } from './store.ts';

interface RecordTableProps {
  records: TextRecord[];
  /** Whether the collection of each is named. */
  named: boolean;
  sort: string;
  onSort: (sort: string) => void;
  onOpen: (record: TextRecord) => void;
  /** Returns what deletes a record, or undefined where that is not allowed. */
  onDelete: (record: TextRecord) => (() => void) | undefined;
}

const shownValue = 200; // characters

/** RecordTable is one page of records. */
export function RecordTable({ records, named, sort, onSort, onOpen, onDelete }: RecordTableProps) {
  return (
    <table class="list">
      <caption class="hidden">Records</caption>
      <thead>
        <tr>
          <SortHead label="Key" field="key" sort={sort} onSort={onSort} class="key" />
          <th scope="col" class="value">
            Value
          </th>
          <th scope="col" class="version">
            Version
          </th>
          <SortHead label="Changed" field="updated_at" sort={sort} onSort={onSort} class="date" />
          <th scope="col" class="act">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {records.map((r) => (
          <Row key={r.id} record={r} named={named} onOpen={() => onOpen(r)} onDelete={onDelete(r)} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  record: TextRecord;
  named: boolean;
  onOpen: () => void;
  onDelete: (() => void) | undefined;
}

function Row({ record: r, named, onOpen, onDelete }: RowProps) {
  const key = visible(r.key);
  const text = visible(r.value.length > shownValue ? r.value.slice(0, shownValue) + '…' : r.value);
  return (
    <tr>
      <td class="key">
        <div class="entry">
          <div class="entry-text">
            <button type="button" class="title" title={key} onClick={onOpen}>
              {key}
            </button>
            {named && <span class="sub always">{r.collection}</span>}
            <span class="sub mono">{text}</span>
          </div>
          {r.tier !== 'shared' && <span class="tag">{r.tier}</span>}
          {r.expires_at && (
            <span class="tag" title={`Expires ${time(r.expires_at)}`}>
              until {date(r.expires_at)}
            </span>
          )}
        </div>
      </td>
      <td class="value">
        <code>{text}</code>
      </td>
      <td class="version">v{r.version}</td>
      <td class="date">{date(r.updated_at)}</td>
      <td class="act">
        <Menu
          label={`Actions for ${key}`}
          items={[
            { label: 'Open', icon: 'edit', run: onOpen },
            ...(onDelete ? [{ label: 'Delete', icon: 'trash', run: onDelete, danger: true } as const] : []),
          ]}
        />
      </td>
    </tr>
  );
}
