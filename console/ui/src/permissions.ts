// What the caller may do, so that nothing is offered that would be refused.
// The server decides; this only mirrors how it reads permission keys.

export type Action = 'read' | 'write' | 'delete' | 'admin';
export type Scope = { bucket: string } | { collection: string } | 'store';

const actions = ['read', 'write', 'delete', 'admin'];

function keysFor(action: Action, scope: Scope): string[] {
  const keys = [`storage:${action}`, 'storage:*', '*'];
  if (scope === 'store') return keys;
  if ('bucket' in scope) return [`storage:${scope.bucket}:${action}`, `storage:${scope.bucket}:*`, ...keys];
  return [
    `storage:records:${scope.collection}:${action}`,
    `storage:records:${scope.collection}:*`,
    `storage:records:${action}`,
    'storage:records:*',
    ...keys,
  ];
}

export class Permissions {
  readonly #keys: ReadonlySet<string>;

  constructor(keys: Iterable<string>) {
    this.#keys = new Set(keys);
  }

  may(action: Action, scope: Scope): boolean {
    return keysFor(action, scope).some((key) => this.#keys.has(key));
  }

  /** Whether some record, of whichever collection, may be read. */
  readsRecords(): boolean {
    return this.#everyCollection('read') || this.collections('read').length > 0;
  }

  /** Whether some bucket may be listed. */
  readsFiles(): boolean {
    return this.may('read', 'store') || this.may('admin', 'store') || this.#named(false, 'read').length > 0;
  }

  #everyCollection(action: Action): boolean {
    return [`storage:records:${action}`, 'storage:records:*', `storage:${action}`, 'storage:*', '*'].some((k) => this.#keys.has(k));
  }

  /** The collections that a key names for the action. */
  collections(action: Action): string[] {
    return this.#named(true, action);
  }

  #named(records: boolean, action: Action): string[] {
    const names = new Set<string>();
    for (const key of this.#keys) {
      const segments = key.split(':');
      const last = segments.pop();
      if (segments.shift() !== 'storage' || (last !== action && last !== '*') || !actions.concat('*').includes(last)) continue;
      if (segments[0] === 'records' !== records) continue;
      const name = records ? segments[1] : segments[0];
      if (name && segments.length === (records ? 2 : 1)) names.add(name);
    }
    return [...names].sort();
  }
}
