import { signal } from '@preact/signals';
import type { RecordPage, StoredRecord } from '@holdall/sdk';
import { messageOf, permissions, storage } from '../session.ts';

/** A record whose value is its JSON text, so that numbers keep every digit. */
export type TextRecord = StoredRecord<string>;
export type TextRecordPage = RecordPage<string>;

/** asText is the parser that parses nothing. */
export const asText = (text: string): string => text;

/** Counts up when records may have changed. */
export const recordsChanged = signal(0);

const recent = 100; // records that are looked through for names of collections

/** The names of collections that are known. */
export const collections = signal<{ list?: string[]; error: string }>({ error: '' });

/**
 * loadCollections gathers names of collections: the API has no list of them.
 * They are those of the records that changed last, those that the token names
 * and those that were opened in this tab.
 */
export async function loadCollections(): Promise<void> {
  const names = new Set([...opened(), ...permissions.value.collections('read')]);
  try {
    const page = await storage.records.list({ limit: recent, sort: '-updated_at', total: false, parse: asText });
    for (const r of page.data) names.add(r.collection);
    collections.value = { list: [...names].sort(), error: '' };
  } catch (err) {
    collections.value = { list: [...names].sort(), error: messageOf(err) };
  }
}

const openedKey = 'holdall-collections';

function opened(): string[] {
  try {
    return JSON.parse(sessionStorage.getItem(openedKey) ?? '[]') as string[];
  } catch {
    return [];
  }
}

/** remember keeps the name of a collection that was opened, for this tab. */
export function remember(name: string): void {
  if (!name) return;
  sessionStorage.setItem(openedKey, JSON.stringify([...new Set([...opened(), name])]));
  const { list } = collections.value;
  if (list && !list.includes(name)) collections.value = { ...collections.value, list: [...list, name].sort() };
}
