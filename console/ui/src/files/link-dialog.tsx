import { useState } from 'preact/hooks';
import type { StoredObject } from '@holdall/sdk';
import { baseName, time, visible } from '../format.ts';
import { buckets } from '../buckets/store.ts';
import { FormDialog } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { hasCode, storage } from '../session.ts';

const lives = [
  { label: '15 minutes', seconds: 900 },
  { label: '1 hour', seconds: 3600 },
  { label: '1 day', seconds: 86400 },
  { label: '7 days', seconds: 604800 },
];

/** LinkDialog makes a link that anyone can follow until it expires. */
export function LinkDialog({ object, onClose }: { object: StoredObject; onClose: () => void }) {
  const [seconds, setSeconds] = useState(86400);
  const [inline, setInline] = useState(false);
  const [link, setLink] = useState<{ url: string; until: string; copied: boolean }>();
  const { bucket, id, path, tier } = object;
  const open = tier === 'shared' && buckets.value.list?.find((b) => b.name === bucket)?.public;
  const submit = async () => {
    const signed = await storage.objects.sign(bucket, id, { expires_in: seconds, inline }).catch((err: unknown) => {
      throw hasCode(err, 'not_found', 'method_not_allowed') ? new Error('This server makes no signed links: it has no key for them.') : err;
    });
    setLink({ url: signed.url, until: signed.expires_at, copied: await copy(signed.url) });
  };
  return (
    <FormDialog title={`Link to ${visible(baseName(path))}`} action={link ? 'Make another' : 'Make and copy link'} cancel={link ? 'Close' : 'Cancel'} onClose={onClose} submit={submit}>
      <p class="muted">Anyone who has the link can read the file without signing in, until it expires.</p>
      <div class="field">
        <label for="link-life">Good for</label>
        <select id="link-life" data-autofocus value={seconds} onChange={(e) => setSeconds(Number(e.currentTarget.value))}>
          {lives.map((l) => (
            <option key={l.seconds} value={l.seconds}>
              {l.label}
            </option>
          ))}
        </select>
      </div>
      <label class="check">
        <input type="checkbox" checked={inline} onChange={(e) => setInline(e.currentTarget.checked)} />
        <span>
          Show it in the browser
          <span class="hint">Where its type is safe to show; else it is downloaded.</span>
        </span>
      </label>
      <div role="status">{link && <CopyField label={`${link.copied ? 'Copied. ' : ''}Good until ${time(link.until)}`} url={link.url} />}</div>
      {open && <CopyField label="Public address, which does not expire" url={storage.files.url(bucket, path)} />}
    </FormDialog>
  );
}

function CopyField({ label, url }: { label: string; url: string }) {
  return (
    <div class="field">
      <span class="label">{label}</span>
      <div class="row nowrap">
        <input class="mono grow" readOnly aria-label={label} value={url} onFocus={(e) => e.currentTarget.select()} />
        <button type="button" class="square" aria-label="Copy" title="Copy" onClick={() => void copy(url)}>
          <Icon name="copy" />
        </button>
      </div>
    </div>
  );
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not allowed, or not over https: it can be copied from the field
  }
}
