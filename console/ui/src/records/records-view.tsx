import { useEffect, useState } from 'preact/hooks';
import { JsonText } from '@holdall/sdk';
import { visible } from '../format.ts';
import { useDelayed } from '../parts/delayed.ts';
import { Problem } from '../parts/dialog.tsx';
import { focusMain } from '../parts/focus.ts';
import { Icon } from '../parts/icon.tsx';
import { Empty, Pager, SearchBox } from '../parts/list.tsx';
import { pageSize, usePages } from '../parts/pages.ts';
import { complain, notify } from '../parts/toasts.tsx';
import { messageOf, permissions, storage } from '../session.ts';
import { check } from './json.ts';
import { RecordDialog } from './record-dialog.tsx';
import { RecordTable } from './record-table.tsx';
import { asText, recordsChanged, remember, type TextRecord } from './store.ts';

/** RecordsView is the records of a collection, or of all when it is "". */
export function RecordsView({ collection }: { collection: string }) {
  const [query, setQuery] = useState('');
  const [filter, setFilter] = useState('');
  const [sort, setSort] = useState(collection ? 'key' : '-updated_at');
  const [editing, setEditing] = useState<TextRecord | 'new'>();
  const slip = filter.trim() ? check(filter) : undefined;
  const where = useDelayed(slip ? undefined : filter.trim(), 400);
  const q = useDelayed(query.trim());
  useEffect(() => remember(collection), [collection]);
  const pages = usePages<TextRecord>(JSON.stringify([collection, q, where, sort]), (cursor, signal) =>
    storage.records.list({
      sort: sort as 'key',
      limit: pageSize,
      total: !cursor,
      ...(collection && { collection }),
      ...(q && { q }),
      ...(where && { where }),
      ...(cursor && { cursor }),
      signal,
      parse: asText,
    }),
  );
  const version = recordsChanged.value;
  useEffect(() => {
    if (version > 0) pages.reload();
  }, [version]);
  const mayAdd = permissions.value.may('write', { collection }) || (!collection && permissions.value.collections('write').length > 0);
  const empty = !pages.fresh && pages.items.length === 0;
  return (
    <>
      {pages.loading && <span class="bar" />}
      <div class="page-head">
        <div class="crumbs">
          <h1>{collection || 'All records'}</h1>
        </div>
        {mayAdd && (
          <button type="button" class="primary" onClick={() => setEditing('new')}>
            <Icon name="plus" />
            New record
          </button>
        )}
      </div>
      <div class="tools">
        <SearchBox label="Search keys" value={query} onChange={setQuery} />
        <Filter value={filter} onChange={setFilter} slip={slip && `Not JSON: ${slip.message} (column ${slip.column})`} />
      </div>
      <div class={pages.loading && !pages.fresh ? 'scroll loading' : 'scroll'} aria-busy={pages.loading}>
        <Problem text={pages.error} />
        {empty && !pages.error && <Nothing narrowed={Boolean(q || where)} mayAdd={mayAdd} />}
        {!empty && !pages.fresh && (
          <RecordTable
            records={pages.items}
            named={!collection}
            sort={sort}
            onSort={setSort}
            onOpen={setEditing}
            onDelete={(r) => (permissions.value.may('delete', { collection: r.collection }) ? () => void remove(r) : undefined)}
          />
        )}
      </div>
      {!empty && !pages.fresh && <Pager pages={pages} one="record" />}
      {editing && <RecordDialog collection={collection} record={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />}
    </>
  );
}

interface FilterProps {
  value: string;
  onChange: (value: string) => void;
  slip: string | undefined;
}

function Filter({ value, onChange, slip }: FilterProps) {
  return (
    <div class="filter field">
      <input
        aria-label="Filter by value, in the API's where language"
        aria-describedby="filter-slip"
        aria-invalid={Boolean(slip)}
        placeholder={'where  {"status":"open","total":{"gt":100}}'}
        spellcheck={false}
        autocomplete="off"
        value={value}
        onInput={(e) => onChange(e.currentTarget.value)}
      />
      <span class="slip" id="filter-slip">
        {slip}
      </span>
    </div>
  );
}

function Nothing({ narrowed, mayAdd }: { narrowed: boolean; mayAdd: boolean }) {
  return narrowed ? (
    <Empty icon="search" title="Nothing found">
      <p>No record here fits the search and the filter.</p>
    </Empty>
  ) : (
    <Empty icon="record" title="No records yet">
      <p>{mayAdd ? 'A collection is there as soon as a record is put into it.' : 'What programs put here will show up.'}</p>
    </Empty>
  );
}

/** remove deletes a record and offers to put it back. */
async function remove(record: TextRecord): Promise<void> {
  const { collection, key, tier, value, ttl } = record;
  focusMain(); // what has the focus goes away
  try {
    await storage.records.delete(collection, key, { tier, ifMatch: record.version, parse: asText });
  } catch (err) {
    complain(messageOf(err));
    return;
  }
  recordsChanged.value++;
  const undo = async () => {
    try {
      await storage.records.put(collection, key, new JsonText(value), { tier, ttl, ifNoneMatch: '*', parse: asText });
      recordsChanged.value++;
      notify(`${visible(key)} is back.`);
    } catch (err) {
      complain(messageOf(err));
    }
  };
  const may = permissions.value.may('write', { collection });
  notify(`${visible(key)} deleted.`, may ? { label: 'Undo', run: () => void undo() } : undefined);
}
