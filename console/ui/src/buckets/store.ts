import { signal } from '@preact/signals';
import type { Bucket } from '@holdall/sdk';
import { messageOf, permissions, storage } from '../session.ts';

/** The buckets that the caller may see; list is undefined until they are known. */
export const buckets = signal<{ list?: Bucket[]; error: string }>({ error: '' });

export async function loadBuckets(): Promise<void> {
  if (!permissions.value.readsFiles()) return;
  try {
    buckets.value = { list: (await storage.buckets.list()).data, error: '' };
  } catch (err) {
    buckets.value = { ...buckets.value, error: messageOf(err) };
  }
}

export type BucketAsk = { what: 'create' } | { what: 'edit' | 'empty' | 'delete'; bucket: Bucket };

/** Which dialog about a bucket is open. */
export const asking = signal<BucketAsk | undefined>(undefined);
