import { useState } from 'preact/hooks';
import { time, visible } from '../format.ts';
import { Dialog, Problem } from '../parts/dialog.tsx';
import { messageOf } from '../session.ts';
import { pretty } from './json.ts';
import type { TextRecord } from './store.ts';

interface ConflictProps {
  mine: string;
  base: TextRecord | undefined;
  theirs: TextRecord | 'gone';
  onTake: () => void;
  onBack: () => void;
  onOverwrite: () => Promise<void>;
}

/** Conflict shows both versions where somebody else was faster, and lets one choose. */
export function Conflict({ mine, base, theirs, onTake, onBack, onOverwrite }: ConflictProps) {
  const [error, setError] = useState('');
  const gone = theirs === 'gone';
  const overwrite = () => onOverwrite().catch((err: unknown) => setError(messageOf(err)));
  return (
    <Dialog title={base ? 'Somebody changed this record' : 'This key is taken'} class="wide" onClose={onBack}>
      <div class="dialog-body">
        <p class="muted">
          {gone
            ? 'It was deleted while you were editing. Nothing of yours is saved yet.'
            : `Nothing of yours is saved yet. ${base ? `You began with version ${base.version}; ` : ''}the store has version ${theirs.version} now.`}
        </p>
        <div class="versions">
          <div>
            <h3>Yours</h3>
            <pre tabIndex={0} aria-label="Your version">
              {pretty(mine)}
            </pre>
          </div>
          <div>
            <h3>{gone ? 'Theirs: deleted' : `Theirs: version ${theirs.version}`}</h3>
            {!gone && (
              <>
                <pre tabIndex={0} aria-label="Their version">
                  {pretty(theirs.value)}
                </pre>
                <p class="muted">
                  {time(theirs.updated_at)}
                  {theirs.updated_by && ` by ${visible(theirs.updated_by)}`}
                </p>
              </>
            )}
          </div>
        </div>
        <Problem text={error} />
      </div>
      <footer class="dialog-foot">
        <button type="button" class="start" onClick={onBack}>
          Keep editing
        </button>
        <button type="button" onClick={onTake}>
          {gone ? 'Let it be deleted' : 'Take theirs'}
        </button>
        <button type="button" class="primary" onClick={() => void overwrite()}>
          {gone ? 'Save mine again' : 'Overwrite with mine'}
        </button>
      </footer>
    </Dialog>
  );
}
