import { useState } from 'preact/hooks';
import type { StoredObject } from '@holdall/sdk';
import { size, time, visible } from '../format.ts';
import { Problem } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { notify } from '../parts/toasts.tsx';
import { messageOf, hasCode, permissions, storage } from '../session.ts';
import { changed } from './changes.ts';

interface DetailsProps {
  object: StoredObject;
  onChange: (object: StoredObject) => void;
}

const tiers = {
  shared: 'shared: everyone in the tenant',
  user: 'user: its owner only, through any app',
  private: 'private: callers through its app only',
};

/** Details are the facts about a file, and its metadata to edit. */
export function Details({ object, onChange }: DetailsProps) {
  const o = object;
  return (
    <>
      <dl class="facts">
        <Fact name="Path">{visible(o.path)}</Fact>
        <Fact name="Size">
          {size(o.size)}
          {o.size >= 1000 && <span class="muted"> · {o.size.toLocaleString()} bytes</span>}
        </Fact>
        <Fact name="Type">{o.content_type}</Fact>
        <Fact name="Tier">{tiers[o.tier]}</Fact>
        {(o.user_id ?? o.app_id) !== null && <Fact name="Owner">{visible(o.user_id ?? o.app_id ?? '')}</Fact>}
        <Fact name="Created">
          {time(o.created_at)}
          {o.created_by && <span class="muted"> by {visible(o.created_by)}</span>}
        </Fact>
        {o.updated_at !== o.created_at && (
          <Fact name="Changed">
            {time(o.updated_at)}
            {o.updated_by && <span class="muted"> by {visible(o.updated_by)}</span>}
          </Fact>
        )}
        <Fact name="Version">{o.version}</Fact>
        <Fact name="SHA-256" mono>
          {o.checksum}
        </Fact>
        <Fact name="Id" mono>
          {o.id}
        </Fact>
      </dl>
      <MetadataEditor object={o} onChange={onChange} />
    </>
  );
}

function Fact({ name, mono, children }: { name: string; mono?: boolean; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={mono ? 'mono' : ''}>{children}</dd>
    </div>
  );
}

function MetadataEditor({ object, onChange }: DetailsProps) {
  const may = permissions.value.may('write', { bucket: object.bucket });
  const stored = Object.entries(object.metadata ?? {});
  const [pairs, setPairs] = useState<[string, string][]>(stored);
  const [error, setError] = useState('');
  const dirty = JSON.stringify(pairs) !== JSON.stringify(stored);
  if (!may && stored.length === 0) return null;
  const save = async (e: Event) => {
    e.preventDefault();
    const named = pairs.filter(([name]) => name !== '');
    if (new Set(named.map(([name]) => name)).size < named.length) {
      setError('A name is there twice.');
      return;
    }
    try {
      onChange(await storage.objects.update(object.bucket, object.id, { metadata: Object.fromEntries(named) }, { ifMatch: object.version }));
      changed.value++;
      notify('Metadata saved.');
    } catch (err) {
      setError(hasCode(err, 'precondition_failed') ? 'Somebody changed this file meanwhile. Close it and open it again.' : messageOf(err));
    }
  };
  const edit = (i: number, pair: [string, string]) => setPairs(pairs.map((p, j) => (j === i ? pair : p)));
  return (
    <form class="field" onSubmit={save} aria-label="Metadata">
      <div class="spread">
        <h3>Metadata</h3>
        {may && (
          <button type="button" class="ghost small" onClick={() => setPairs([...pairs, ['', '']])}>
            <Icon name="plus" size={14} />
            Add
          </button>
        )}
      </div>
      {pairs.length === 0 && <p class="muted">None.</p>}
      <div class="pairs">
        {pairs.map(([name, value], i) => (
          <div class="pair" key={i}>
            <input aria-label={`Name ${i + 1}`} placeholder="Name" value={name} readOnly={!may} onInput={(e) => edit(i, [e.currentTarget.value, value])} />
            <input aria-label={`Value of ${name || i + 1}`} placeholder="Value" value={value} readOnly={!may} onInput={(e) => edit(i, [name, e.currentTarget.value])} />
            {may && (
              <button type="button" class="ghost square small" aria-label={`Remove ${name || i + 1}`} onClick={() => setPairs(pairs.filter((_, j) => j !== i))}>
                <Icon name="close" size={14} />
              </button>
            )}
          </div>
        ))}
      </div>
      <Problem text={error} />
      {dirty && (
        <div class="row">
          <button type="submit" class="primary small">
            Save metadata
          </button>
          <button type="button" class="small" onClick={() => setPairs(stored)}>
            Discard
          </button>
        </div>
      )}
    </form>
  );
}
