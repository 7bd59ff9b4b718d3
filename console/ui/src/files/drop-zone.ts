import { useEffect, useState } from 'preact/hooks';
import { complain } from '../parts/toasts.tsx';
import { messageOf } from '../session.ts';
import { fromDrop, type Incoming } from './dropped.ts';

/**
 * useDropZone takes files that are dropped anywhere on the page, and reports
 * whether some are held over it. Without onFiles a drop does nothing, rather
 * than have the browser open what was dropped.
 */
export function useDropZone(onFiles: ((incoming: Incoming[]) => void) | undefined): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const carriesFiles = (e: DragEvent) => e.dataTransfer?.types.includes('Files') && !document.querySelector('dialog[open]');
    const drag = (e: DragEvent) => {
      if (!e.dataTransfer?.types.includes('Files')) return;
      e.preventDefault();
      e.dataTransfer.dropEffect = onFiles && carriesFiles(e) ? 'copy' : 'none';
      setOver(Boolean(onFiles && carriesFiles(e)));
    };
    const leave = (e: DragEvent) => {
      if (!e.relatedTarget) setOver(false);
    };
    const drop = (e: DragEvent) => {
      if (!e.dataTransfer?.types.includes('Files')) return;
      e.preventDefault();
      setOver(false);
      if (!onFiles || !carriesFiles(e)) return;
      fromDrop(e.dataTransfer).then(onFiles, (err: unknown) => complain(messageOf(err)));
    };
    addEventListener('dragenter', drag);
    addEventListener('dragover', drag);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragenter', drag);
      removeEventListener('dragover', drag);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, [onFiles]);
  return over;
}
