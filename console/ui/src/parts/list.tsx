import type { ComponentChildren } from 'preact';
import { count } from '../format.ts';
import { Icon, type IconName } from './icon.tsx';
import type { Pages } from './pages.ts';

interface SortHeadProps {
  label: string;
  field: string;
  sort: string;
  onSort: (sort: string) => void;
  class?: string;
}

/** SortHead is a column's head by which the list can be sorted, "-" for descending. */
export function SortHead({ label, field, sort, onSort, class: kind = '' }: SortHeadProps) {
  const descending = sort === '-' + field;
  const active = descending || sort === field;
  return (
    <th scope="col" class={kind} aria-sort={active ? (descending ? 'descending' : 'ascending') : undefined}>
      <button type="button" onClick={() => onSort(active && !descending ? '-' + field : field)}>
        {label}
        {active && <Icon name="chevron" size={13} />}
      </button>
    </th>
  );
}

/** Pager says where in the list one is, and moves. */
export function Pager({ pages, one }: { pages: Pages<unknown>; one: string }) {
  const { items, first, total, folders } = pages;
  const named = folders.length > 0 ? `, ${count(folders.length, 'folder')}` : '';
  const more = pages.next || pages.previous;
  const range = items.length > 0 ? `${(first + 1).toLocaleString()}–${(first + items.length).toLocaleString()}` : '';
  return (
    <nav class="pager" aria-label="Pages">
      <span aria-live="polite">
        {more && range && total !== undefined ? `${range} of ${count(total, one)}` : count(total ?? items.length, one)}
        {named}
      </span>
      {more && (
        <span class="row nowrap">
          <button type="button" disabled={!pages.previous || pages.loading} onClick={pages.previous}>
            <Icon name="previous" size={16} />
            Previous
          </button>
          <button type="button" disabled={!pages.next || pages.loading} onClick={pages.next}>
            Next
            <Icon name="next" size={16} />
          </button>
        </span>
      )}
    </nav>
  );
}

interface EmptyProps {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
}

/** Empty stands where a list would: why it is empty, and what to do. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty">
      <span class="badge">
        <Icon name={icon} size={28} />
      </span>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

interface SearchBoxProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

export function SearchBox({ label, value, onChange }: SearchBoxProps) {
  return (
    <div class="search" role="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        spellcheck={false}
        onInput={(e) => onChange(e.currentTarget.value)}
      />
    </div>
  );
}
