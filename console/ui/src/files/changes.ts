import { signal } from '@preact/signals';

/** Counts up when files may have changed, so that lists that are shown read again. */
export const changed = signal(0);
