import { useRef, useState } from 'preact/hooks';
import { JsonText, type Tier } from '@holdall/sdk';
import { duration, parseDuration, time, visible } from '../format.ts';
import { FormDialog, Dialog } from '../parts/dialog.tsx';
import { notify } from '../parts/toasts.tsx';
import { caller, hasCode, permissions, storage } from '../session.ts';
import { Conflict } from './conflict.tsx';
import { check, pretty } from './json.ts';
import { asText, recordsChanged, type TextRecord } from './store.ts';

interface RecordDialogProps {
  collection: string;
  record: TextRecord | undefined; // undefined makes a new one
  onClose: () => void;
}

/** RecordDialog edits a record as JSON text, or makes one. */
export function RecordDialog({ collection, record, onClose }: RecordDialogProps) {
  const [base, setBase] = useState(record); // what is edited, as it was read
  const [name, setName] = useState(record?.collection ?? collection);
  const [key, setKey] = useState(record?.key ?? '');
  const [tier, setTier] = useState<Tier | undefined>(record?.tier);
  const [text, setText] = useState(record ? pretty(record.value) : '{}');
  const [life, setLife] = useState(record?.ttl ? duration(record.ttl, 4) : '');
  const [theirs, setTheirs] = useState<TextRecord | 'gone'>();
  const area = useRef<HTMLTextAreaElement>(null);
  const slip = check(text);
  const seconds = life.trim() ? parseDuration(life) : null;
  const badLife = seconds !== null && !(seconds >= 1 && seconds <= 3_155_760_000);

  const save = async (over: TextRecord | 'gone' | undefined) => {
    const condition = over && over !== 'gone' ? { ifMatch: over.version } : { ifNoneMatch: '*' as const };
    try {
      const { version } = await storage.records.put(name, key, new JsonText(text), {
        ...(tier && { tier }),
        ttl: seconds,
        ...condition,
        parse: asText,
      });
      recordsChanged.value++;
      notify(`${visible(key)} is saved as version ${version}.`);
      onClose();
    } catch (err) {
      if (!hasCode(err, 'precondition_failed', 'version_conflict', 'record_not_found')) throw err;
      setTheirs(await current(name, key, tier));
    }
  };

  if (record && !permissions.value.may('write', { collection: record.collection })) return <ReadOnly record={record} onClose={onClose} />;
  if (theirs) {
    const take = () => {
      if (theirs === 'gone') return onClose();
      setBase(theirs);
      setText(pretty(theirs.value));
      setLife(theirs.ttl ? duration(theirs.ttl, 4) : '');
      setTier(theirs.tier);
      setTheirs(undefined);
    };
    return <Conflict mine={text} base={base} theirs={theirs} onTake={take} onBack={() => setTheirs(undefined)} onOverwrite={() => save(theirs)} />;
  }
  return (
    <FormDialog
      title={base ? visible(base.key) : 'New record'}
      class="wide"
      action={base ? 'Save' : 'Create record'}
      onClose={onClose}
      submit={() => save(base)}
      disabled={Boolean(slip) || badLife || !name || !key}
    >
      {base ? <Facts record={base} /> : <Place {...{ collection, name, setName, key_: key, setKey, tier, setTier }} />}
      <div class="field editor">
        <div class="spread">
          <label for="record-value">Value</label>
          <button type="button" class="ghost small" disabled={Boolean(slip)} onClick={() => setText(pretty(text))}>
            Format
          </button>
        </div>
        <textarea
          id="record-value"
          ref={area}
          data-autofocus={base ? true : undefined}
          spellcheck={false}
          autocomplete="off"
          aria-invalid={Boolean(slip)}
          aria-describedby="record-slip"
          value={text}
          onInput={(e) => setText(e.currentTarget.value)}
        />
        <span id="record-slip" aria-live="polite">
          {slip ? (
            <span class="slip">
              Line {slip.line}, column {slip.column}: {slip.message}{' '}
              <button
                type="button"
                class="link"
                onClick={() => {
                  area.current!.focus();
                  area.current!.setSelectionRange(slip.offset, slip.offset + 1);
                }}
              >
                Show
              </button>
            </span>
          ) : (
            <span class="hint">Valid JSON. Numbers are kept as they are written, digit for digit.</span>
          )}
        </span>
      </div>
      <div class="field">
        <label for="record-life">Time to live</label>
        <input
          id="record-life"
          placeholder="For ever"
          autocomplete="off"
          aria-invalid={badLife}
          aria-describedby="record-life-hint"
          value={life}
          onInput={(e) => setLife(e.currentTarget.value)}
        />
        <span class={badLife ? 'slip' : 'hint'} id="record-life-hint">
          {badLife ? 'This is not a time such as 90 s, 12 h or 7 d, of 100 years at most.' : 'For example 90 s, 12 h or 7 d, from when it is saved. Empty for ever.'}
        </span>
      </div>
    </FormDialog>
  );
}

async function current(collection: string, key: string, tier: Tier | undefined): Promise<TextRecord | 'gone'> {
  try {
    return await storage.records.get(collection, key, { ...(tier && { tier }), parse: asText });
  } catch (err) {
    if (hasCode(err, 'record_not_found')) return 'gone';
    throw err;
  }
}

function Facts({ record: r }: { record: TextRecord }) {
  return (
    <p class="muted">
      {r.collection} · version {r.version} · tier {r.tier} · changed {time(r.updated_at)}
      {r.updated_by && ` by ${visible(r.updated_by)}`}
      {r.expires_at && ` · expires ${time(r.expires_at)}`}
    </p>
  );
}

interface PlaceProps {
  collection: string;
  name: string;
  setName: (name: string) => void;
  key_: string;
  setKey: (key: string) => void;
  tier: Tier | undefined;
  setTier: (tier: Tier | undefined) => void;
}

/** Place asks where a new record goes. */
function Place({ collection, name, setName, key_, setKey, tier, setTier }: PlaceProps) {
  return (
    <div class="columns">
      {!collection && (
        <div class="field">
          <label for="record-collection">Collection</label>
          <input
            id="record-collection"
            data-autofocus
            required
            maxLength={128}
            pattern="[A-Za-z0-9_.\-]+"
            title="Letters, digits, - _ and ."
            spellcheck={false}
            autocomplete="off"
            value={name}
            onInput={(e) => setName(e.currentTarget.value)}
          />
        </div>
      )}
      <div class="field">
        <label for="record-key">Key</label>
        <input
          id="record-key"
          data-autofocus={collection ? true : undefined}
          required
          spellcheck={false}
          autocomplete="off"
          value={key_}
          onInput={(e) => setKey(e.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for="record-tier">Tier</label>
        <select id="record-tier" value={tier ?? ''} onChange={(e) => setTier((e.currentTarget.value || undefined) as Tier | undefined)}>
          <option value="">{caller.value?.app ? 'Usual (private)' : 'Usual (shared)'}</option>
          <option value="shared">Shared</option>
          <option value="user">Mine (user)</option>
          {caller.value?.app && <option value="private">This app (private)</option>}
        </select>
      </div>
    </div>
  );
}

function ReadOnly({ record, onClose }: { record: TextRecord; onClose: () => void }) {
  return (
    <Dialog title={visible(record.key)} class="wide" onClose={onClose}>
      <div class="dialog-body">
        <Facts record={record} />
        <div class="field editor">
          <label for="record-value">Value</label>
          <textarea id="record-value" readOnly value={pretty(record.value)} />
        </div>
      </div>
    </Dialog>
  );
}
