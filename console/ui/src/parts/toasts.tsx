import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './icon.tsx';

interface Toast {
  id: number;
  text: string;
  bad: boolean;
  action?: { label: string; run: () => void } | undefined;
}

const toasts = signal<Toast[]>([]);
let last = 0;

/** notify says something in passing, with something to do about it perhaps. */
export function notify(text: string, action?: Toast['action']): void {
  show({ id: ++last, text, bad: false, action });
}

/** complain says what failed. */
export function complain(text: string): void {
  show({ id: ++last, text, bad: true });
}

function show(toast: Toast) {
  toasts.value = [...toasts.value, toast].slice(-3);
}

function dismiss(id: number) {
  toasts.value = toasts.value.filter((t) => t.id !== id);
}

/** Toasts is a live region: it is there before anything is said. */
export function Toasts() {
  return (
    <section class="toasts" aria-label="Notifications" aria-live="polite">
      {toasts.value.map((t) => (
        <Entry key={t.id} toast={t} />
      ))}
    </section>
  );
}

const patience = 10_000; // milliseconds; what can be undone can be restored from the trash later

function Entry({ toast }: { toast: Toast }) {
  const timer = useRef(0);
  const stop = () => clearTimeout(timer.current);
  const start = () => {
    stop();
    timer.current = window.setTimeout(() => dismiss(toast.id), patience);
  };
  useEffect(() => {
    start();
    return stop;
  }, []);
  return (
    <div class={toast.bad ? 'toast bad' : 'toast'} onMouseEnter={stop} onMouseLeave={start} onFocusIn={stop} onFocusOut={start}>
      {toast.bad && <Icon name="warning" />}
      <span>{toast.text}</span>
      {toast.action && (
        <button
          type="button"
          class="link"
          onClick={() => {
            dismiss(toast.id);
            toast.action!.run();
          }}
        >
          {toast.action.label}
        </button>
      )}
      <button type="button" class="ghost square small" aria-label="Dismiss" onClick={() => dismiss(toast.id)}>
        <Icon name="close" size={14} />
      </button>
    </div>
  );
}
