// Lists, one page at a time: a folder of ten thousand files costs the page as
// much as one of a hundred.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from '../session.ts';

export const pageSize = 100;

export interface Page<T> {
  data: T[];
  folders?: string[] | null;
  total?: number | null;
  next_cursor: string | null;
}

export interface Pages<T> {
  items: T[];
  folders: string[];
  total: number | undefined;
  /** Position of the first item of this page among all, from 0. */
  first: number;
  loading: boolean;
  /** Whether anything was ever shown of this list. */
  fresh: boolean;
  error: string;
  next: (() => void) | undefined;
  previous: (() => void) | undefined;
  reload: () => void;
}

interface Shown<T> {
  key: string;
  page: Page<T>;
  cursors: (string | undefined)[]; // that lead to this page, this one's the last
  counts: number[]; // of the items before each
}

/**
 * usePages reads the list that key stands for, by cursor. The count is asked
 * for with the first page only.
 */
export function usePages<T>(key: string, read: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>): Pages<T> {
  const [shown, setShown] = useState<Shown<T>>();
  const [total, setTotal] = useState<number>();
  const [error, setError] = useState('');
  const [loading, setLoading] = useState(true);
  const running = useRef<AbortController>(undefined);
  const latest = useRef(read);
  latest.current = read;

  const load = useCallback(
    async (cursors: (string | undefined)[], counts: number[]) => {
      running.current?.abort();
      const control = (running.current = new AbortController());
      setLoading(true);
      try {
        const page = await latest.current(cursors.at(-1), control.signal);
        if (control.signal.aborted) return;
        setShown({ key, page, cursors, counts });
        if (page.total !== undefined && page.total !== null && page.total >= 0) setTotal(page.total);
        setError('');
      } catch (err) {
        if (control.signal.aborted) return;
        setError(messageOf(err));
      }
      setLoading(false);
    },
    [key],
  );
  useEffect(() => {
    void load([undefined], [0]);
    return () => running.current?.abort();
  }, [load]);

  const { page, cursors, counts } = shown?.key === key ? shown : { page: undefined, cursors: [undefined], counts: [0] };
  const next = page?.next_cursor;
  return {
    items: page?.data ?? [],
    folders: page?.folders ?? [],
    total,
    first: counts.at(-1)!,
    loading,
    fresh: !page,
    error,
    next: next ? () => void load([...cursors, next], [...counts, counts.at(-1)! + page.data.length]) : undefined,
    previous: cursors.length > 1 ? () => void load(cursors.slice(0, -1), counts.slice(0, -1)) : undefined,
    reload: () => void load(cursors, counts),
  };
}
