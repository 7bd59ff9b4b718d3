import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';
import { messageOf } from '../session.ts';

interface DialogProps {
  title: string;
  onClose: () => void;
  class?: string;
  children: ComponentChildren;
}

/**
 * Dialog is a modal dialog for as long as it is rendered. The element itself
 * keeps the focus inside and gives it back; Escape and the cross close it.
 */
export function Dialog({ title, onClose, class: kind = '', children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement;
    dialog.showModal();
    dialog.querySelector<HTMLElement>('[data-autofocus]')?.focus();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog ${kind}`}
      aria-labelledby={id}
      onCancel={(e) => {
        if (e.target !== ref.current) return; // that of a file picker inside
        e.preventDefault(); // it ends by being rendered no more
        onClose();
      }}
    >
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="ghost square" onClick={onClose} aria-label="Close" title="Close (Esc)">
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}

interface FormDialogProps extends DialogProps {
  action: string;
  danger?: boolean;
  disabled?: boolean;
  /** What the button says that closes without doing it. */
  cancel?: string;
  /** submit does it and closes the dialog; what it throws is shown. */
  submit: () => Promise<void>;
}

/** FormDialog asks, does, and says why it could not. */
export function FormDialog({ action, danger, disabled, cancel = 'Cancel', submit, onClose, children, ...rest }: FormDialogProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const send = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setError('');
    try {
      await submit();
    } catch (err) {
      setError(messageOf(err));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog onClose={onClose} {...rest}>
      <form class="dialog-form" onSubmit={send}>
        <div class="dialog-body">
          {children}
          <Problem text={error} />
        </div>
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>
            {cancel}
          </button>
          <button type="submit" class={danger ? 'danger' : 'primary'} disabled={disabled || busy} aria-busy={busy}>
            {action}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Problem says what went wrong, to screen readers at once. */
export function Problem({ text }: { text: string }) {
  return (
    <div role="alert">
      {text && (
        <p class="problem">
          <Icon name="warning" />
          <span>{text}</span>
        </p>
      )}
    </div>
  );
}
