import { useState } from 'preact/hooks';
import type { StoredObject } from '@holdall/sdk';
import { baseName, visible } from '../format.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { permissions } from '../session.ts';
import { remove, download } from './actions.ts';
import { Details } from './details.tsx';
import { LinkDialog } from './link-dialog.tsx';
import { MoveDialog } from './move-dialog.tsx';
import { Preview } from './preview.tsx';

interface ViewerProps {
  object: StoredObject;
  onClose: () => void;
  onChange: (object: StoredObject) => void;
  onStep: ((by: 1 | -1) => void) | undefined;
}

/** Viewer shows one file: what is in it, and what is known about it. */
export function Viewer({ object, onClose, onChange, onStep }: ViewerProps) {
  const [asking, setAsking] = useState<'link' | 'move'>();
  const scope = { bucket: object.bucket };
  const may = permissions.value;
  const step = (e: KeyboardEvent) => {
    const away = (e.target as Element).closest('input, textarea, select, audio, video, pre');
    if (!onStep || away || asking) return;
    if (e.key === 'ArrowLeft') onStep(-1);
    if (e.key === 'ArrowRight') onStep(1);
  };
  return (
    <Dialog title={visible(baseName(object.path))} class="viewer" onClose={onClose}>
      <div class="viewer-body" onKeyDown={step}>
        <div class="stage">
          <Preview object={object} />
        </div>
        <div class="facts-pane" tabIndex={-1}>
          <div class="viewer-actions">
            <button type="button" class="primary" onClick={() => void download(object)}>
              <Icon name="download" />
              Download
            </button>
            <button type="button" onClick={() => setAsking('link')}>
              <Icon name="link" />
              Copy link
            </button>
            {may.may('write', scope) && (
              <button type="button" onClick={() => setAsking('move')}>
                <Icon name="edit" />
                Rename or move
              </button>
            )}
            {may.may('delete', scope) && (
              <button
                type="button"
                onClick={() => {
                  onClose();
                  void remove(object.bucket, [object]);
                }}
              >
                <Icon name="trash" />
                Delete
              </button>
            )}
          </div>
          <Details key={object.id + object.version} object={object} onChange={onChange} />
          {onStep && (
            <div class="row">
              <button type="button" class="small" onClick={() => onStep(-1)}>
                <Icon name="previous" size={14} />
                Previous file
              </button>
              <button type="button" class="small" onClick={() => onStep(1)}>
                Next file
                <Icon name="next" size={14} />
              </button>
            </div>
          )}
        </div>
      </div>
      {asking === 'link' && <LinkDialog object={object} onClose={() => setAsking(undefined)} />}
      {asking === 'move' && <MoveDialog objects={[object]} onClose={() => setAsking(undefined)} onDone={([moved]) => moved && onChange(moved)} />}
    </Dialog>
  );
}
