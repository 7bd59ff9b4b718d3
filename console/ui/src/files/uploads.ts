// The queue of uploads. It outlives the views: one can go about while it works.
import { computed, signal, type Signal } from '@preact/signals';
import type { Tier } from '@holdall/sdk';
import { hasCode, messageOf, storage } from '../session.ts';
import { changed } from './changes.ts';
import type { Incoming } from './dropped.ts';

export type UploadState =
  | { name: 'waiting' }
  | { name: 'sending'; loaded: number }
  | { name: 'done' }
  | { name: 'cancelled' }
  | { name: 'failed'; message: string; taken: boolean }; // taken: something is at the path

export interface Upload {
  id: number;
  file: File;
  bucket: string;
  path: string;
  tier: Tier | undefined;
  replace: boolean;
  state: Signal<UploadState>;
  control: AbortController;
}

const atOnce = 3; // browsers open six connections to a host; the rest is for the lists

export const uploads = signal<Upload[]>([]);
let last = 0;

/** summary is the queue as a whole, in files and in bytes. */
export const summary = computed(() => {
  const sum = { files: uploads.value.length, active: 0, done: 0, failed: 0, bytes: 0, loaded: 0 };
  for (const { file, state } of uploads.value) {
    const { value } = state;
    if (value.name === 'cancelled') {
      sum.files--;
      continue;
    }
    if (value.name === 'failed') {
      sum.failed++;
      continue;
    }
    sum.bytes += file.size;
    if (value.name === 'done') {
      sum.done++;
      sum.loaded += file.size;
    } else {
      sum.active++;
      if (value.name === 'sending') sum.loaded += value.loaded;
    }
  }
  return sum;
});

/** enqueue begins to upload files into a folder of a bucket. */
export function enqueue(bucket: string, folder: string, incoming: Incoming[], tier: Tier | undefined): void {
  const added = incoming.map(({ file, path }) => ({
    id: ++last,
    file,
    bucket,
    path: folder + path,
    tier,
    replace: false,
    state: signal<UploadState>({ name: 'waiting' }),
    control: new AbortController(),
  }));
  uploads.value = [...uploads.value, ...added];
  pump();
}

export function cancel(upload: Upload): void {
  upload.state.value = { name: 'cancelled' };
  upload.control.abort();
  pump();
}

export function cancelAll(): void {
  for (const u of uploads.value) if (active(u)) cancel(u);
}

/** retry sends again what failed or was cancelled, over what is at its path if replace is set. */
export function retry(upload: Upload, replace = upload.replace): void {
  upload.replace = replace;
  upload.control = new AbortController();
  upload.state.value = { name: 'waiting' };
  pump();
}

/** clear forgets what has ended. */
export function clear(): void {
  uploads.value = uploads.value.filter(active);
}

const active = (u: Upload) => u.state.peek().name === 'waiting' || u.state.peek().name === 'sending';

function pump() {
  let room = atOnce - uploads.peek().filter((u) => u.state.peek().name === 'sending').length;
  for (const u of uploads.peek()) {
    if (room <= 0) return;
    if (u.state.peek().name !== 'waiting') continue;
    room--;
    void send(u);
  }
}

async function send(upload: Upload) {
  const { file, bucket, path, tier, replace, state, control } = upload;
  const { signal } = control;
  state.value = { name: 'sending', loaded: 0 };
  try {
    await storage.objects.upload(bucket, file, {
      path,
      replace,
      source_type: 'frontend',
      ...(tier && { tier }),
      signal,
      onProgress: ({ loaded }) => {
        if (!signal.aborted) state.value = { name: 'sending', loaded: Math.min(loaded, file.size) };
      },
    });
    if (!signal.aborted) state.value = { name: 'done' };
    announce();
  } catch (err) {
    if (!signal.aborted) state.value = { name: 'failed', message: messageOf(err), taken: hasCode(err, 'object_exists') };
  }
  pump();
}

let announced = 0;

/** announce has the lists read again, now and then while much arrives. */
function announce() {
  announced ||= window.setTimeout(() => {
    announced = 0;
    changed.value++;
  }, 400);
}

addEventListener('beforeunload', (e) => {
  if (summary.peek().active > 0) e.preventDefault();
});
