import { useState } from 'preact/hooks';
import { count, size, visible } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import { permissions } from '../session.ts';
import { cancel, cancelAll, clear, retry, summary, uploads, type Upload } from './uploads.ts';

const most = 100; // rows that are drawn; what fails or moves is among them

const order = { failed: 0, sending: 1, waiting: 2, cancelled: 3, done: 4 } as const;

/** UploadPanel shows what is on its way, for as long as there is any or until it is closed. */
export function UploadPanel() {
  const [open, setOpen] = useState(true);
  if (uploads.value.length === 0) return null;
  const { files, active, done, failed, bytes, loaded } = summary.value;
  const percent = bytes > 0 ? Math.floor((loaded / bytes) * 100) : 100;
  const title = active > 0 ? `Uploading ${done + 1} of ${files - failed} · ${percent}%` : ended(done, failed);
  const rows = [...uploads.value].sort((a, b) => order[a.state.value.name] - order[b.state.value.name]).slice(0, most);
  return (
    <section class="uploads" aria-label="Uploads">
      <header class="uploads-head">
        <h2>{title}</h2>
        {active > 0 && (
          <button type="button" class="ghost small" onClick={cancelAll}>
            Cancel all
          </button>
        )}
        <button type="button" class="ghost square small" aria-label={open ? 'Hide the list' : 'Show the list'} aria-expanded={open} onClick={() => setOpen(!open)}>
          <span class={open ? 'turn-down' : 'turn-up'}>
            <Icon name="chevron" size={16} />
          </span>
        </button>
        {active === 0 && (
          <button type="button" class="ghost square small" aria-label="Close" onClick={clear}>
            <Icon name="close" size={16} />
          </button>
        )}
      </header>
      {active > 0 && <progress aria-label="All uploads" max={bytes || 1} value={bytes ? loaded : 1} />}
      <p class="hidden" role="status">
        {active > 0 ? `Uploading ${count(files - failed, 'file')}` : ended(done, failed)}
      </p>
      {open && (
        <ul>
          {rows.map((upload) => (
            <Row key={upload.id} upload={upload} />
          ))}
          {uploads.value.length > most && <li class="muted">and {(uploads.value.length - most).toLocaleString()} more</li>}
        </ul>
      )}
    </section>
  );
}

function ended(done: number, failed: number): string {
  const good = done > 0 || failed === 0 ? `${count(done, 'file')} uploaded` : '';
  const bad = failed > 0 ? `${count(failed, 'upload')} failed` : '';
  return [good, bad].filter(Boolean).join(', ');
}

function Row({ upload }: { upload: Upload }) {
  const state = upload.state.value;
  const name = visible(upload.path);
  const busy = state.name === 'waiting' || state.name === 'sending';
  const scope = { bucket: upload.bucket };
  return (
    <li class={state.name}>
      <span class="name" title={`${upload.bucket}/${name}`}>
        {name}
      </span>
      <span class="state">{stateText(upload)}</span>
      <span class="row">
        {busy && (
          <button type="button" class="ghost square small" aria-label={`Cancel ${name}`} title="Cancel" onClick={() => cancel(upload)}>
            <Icon name="close" size={16} />
          </button>
        )}
        {state.name === 'failed' && state.taken && permissions.value.may('delete', scope) && (
          <button type="button" class="small" aria-label={`Replace ${name}`} onClick={() => retry(upload, true)}>
            Replace
          </button>
        )}
        {(state.name === 'cancelled' || (state.name === 'failed' && !state.taken)) && (
          <button type="button" class="ghost square small" aria-label={`Try ${name} again`} title="Try again" onClick={() => retry(upload)}>
            <Icon name="retry" size={16} />
          </button>
        )}
        {state.name === 'done' && <Icon name="check" size={16} />}
      </span>
      {state.name === 'sending' && <progress aria-label={name} max={upload.file.size || 1} value={upload.file.size ? state.loaded : 1} />}
    </li>
  );
}

function stateText({ state: { value }, file, bucket }: Upload): string {
  switch (value.name) {
    case 'waiting':
      return `Waiting · ${size(file.size)}`;
    case 'sending':
      return value.loaded === file.size ? 'Being stored…' : `${size(value.loaded)} of ${size(file.size)}`;
    case 'done':
      return `${size(file.size)} in ${bucket}`;
    case 'cancelled':
      return 'Cancelled';
    case 'failed':
      return value.taken ? 'There is a file at this path already.' : value.message;
  }
}
