// Previews. What users stored never becomes a document of this page's origin:
// pictures are <img>, text is text, and only what begins as a PDF gets a frame.
import { useEffect, useState } from 'preact/hooks';
import type { StoredObject } from '@holdall/sdk';
import { baseName, size, visible } from '../format.ts';
import { Problem } from '../parts/dialog.tsx';
import { Icon, iconFor } from '../parts/icon.tsx';
import { mediaOrigins, messageOf, storage } from '../session.ts';

const textLimit = 512 * 1024; // bytes of a text that are shown
const blobLimit = 64 << 20; // bytes of a picture or PDF that are loaded

const pictures = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp', 'image/x-icon', 'image/vnd.microsoft.icon', 'image/svg+xml'];
const textual = /^text\/|^application\/(json|ld\+json|xml|javascript|x-javascript|ecmascript|yaml|x-yaml|toml|sql|x-sh|x-httpd-php|xhtml\+xml|x-ndjson|rtf)$|\+(json|xml)$/;

type Shown =
  | { kind: 'image' | 'pdf' | 'audio' | 'video'; url: string }
  | { kind: 'text'; text: string; cut: boolean }
  | { kind: 'none'; why: string };

function kindOf(type: string): Shown['kind'] {
  if (pictures.includes(type)) return 'image';
  if (type === 'application/pdf') return 'pdf';
  if (type.startsWith('audio/')) return 'audio';
  if (type.startsWith('video/')) return 'video';
  return textual.test(type) ? 'text' : 'none';
}

export function Preview({ object }: { object: StoredObject }) {
  const [shown, setShown] = useState<Shown>();
  const [error, setError] = useState('');
  useEffect(() => {
    const control = new AbortController();
    let url = '';
    setShown(undefined);
    setError('');
    load(object, control.signal).then(
      (s) => {
        url = 'url' in s ? s.url : '';
        if (control.signal.aborted) URL.revokeObjectURL(url);
        else setShown(s);
      },
      (err: unknown) => control.signal.aborted || setError(messageOf(err)),
    );
    return () => {
      control.abort();
      URL.revokeObjectURL(url); // of a link it does nothing
    };
  }, [object.id, object.checksum]);
  const name = visible(baseName(object.path));
  if (error) return <Problem text={error} />;
  if (!shown) return <span class="bar" />;
  const fail = () => setShown({ kind: 'none', why: 'This browser cannot show it, or it is not what its type says.' });
  switch (shown.kind) {
    case 'image':
      return <img src={shown.url} alt={name} onError={fail} />;
    case 'audio':
      return <audio src={shown.url} controls aria-label={name} onError={fail} />;
    case 'video':
      return <video src={shown.url} controls playsInline aria-label={name} onError={fail} />;
    case 'pdf':
      return <iframe src={`${shown.url}#navpanes=0`} title={name} referrerpolicy="no-referrer" />;
    case 'text':
      return (
        <pre tabIndex={0} aria-label={name}>
          {shown.text}
          {shown.cut && <span class="muted">{`\n\n… the first ${size(textLimit)} of ${size(object.size)}`}</span>}
        </pre>
      );
    case 'none':
      return (
        <div class="empty">
          <span class="badge">
            <Icon name={iconFor(object.content_type)} size={28} />
          </span>
          <h2>No preview</h2>
          <p>{shown.why}</p>
        </div>
      );
  }
}

async function load(object: StoredObject, signal: AbortSignal): Promise<Shown> {
  const type = object.content_type.split(';')[0]!.trim().toLowerCase();
  const kind = kindOf(type);
  if (kind === 'none') return { kind, why: `Files of type ${type} are not shown here. Download it to open it.` };
  if (kind === 'text') return loadText(object, signal);
  if (kind === 'audio' || kind === 'video') {
    const link = await mediaLink(object, signal);
    if (link) return { kind, url: link };
  }
  if (object.size > blobLimit) return { kind: 'none', why: `It is larger than ${size(blobLimit)}. Download it to open it.` };
  const blob = await (await storage.objects.download(object.bucket, object.id, { signal })).blob();
  if (kind === 'pdf' && !(await isPDF(blob))) return { kind: 'none', why: 'It says that it is a PDF, and is none.' };
  return { kind, url: URL.createObjectURL(new Blob([blob], { type })) } as Shown;
}

async function loadText({ bucket, id, size: bytes }: StoredObject, signal: AbortSignal): Promise<Shown> {
  const cut = bytes > textLimit;
  const response = await storage.objects.download(bucket, id, { signal, ...(cut && { range: { start: 0, end: textLimit - 1 } }) });
  return { kind: 'text', text: await response.text(), cut };
}

/** mediaLink is an address that a player can seek in, or undefined where the policy or the server has none. */
async function mediaLink({ bucket, id }: StoredObject, signal: AbortSignal): Promise<string | undefined> {
  const link = await storage.objects.sign(bucket, id, { expires_in: 6 * 3600, inline: true }, { signal }).catch(() => undefined);
  return link && mediaOrigins.includes(new URL(link.url).origin) ? link.url : undefined;
}

async function isPDF(blob: Blob): Promise<boolean> {
  return (await blob.slice(0, 1024).text()).includes('%PDF-');
}
