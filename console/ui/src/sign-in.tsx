import { useState } from 'preact/hooks';
import { Dialog, Problem } from './parts/dialog.tsx';
import { Brand } from './shell.tsx';
import { hasCode, messageOf, signIn, signOut } from './session.ts';

/** SignIn is the page for who is not known. */
export function SignIn() {
  return (
    <main class="sign-in">
      <div class="card">
        <Brand />
        <div>
          <h1>Sign in</h1>
          <p class="muted">Paste an access token of the storage API. It stays in this tab.</p>
        </div>
        <TokenForm action="Sign in" />
      </div>
    </main>
  );
}

/** RenewDialog asks for another token where the last one ran out; what was begun waits behind it. */
export function RenewDialog() {
  return (
    <Dialog title="Your token has expired" onClose={signOut}>
      <div class="dialog-body">
        <p class="muted">Paste a fresh one to go on where you were. Closing this signs you out.</p>
        <TokenForm action="Go on" />
      </div>
    </Dialog>
  );
}

function TokenForm({ action }: { action: string }) {
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setError('');
    try {
      await signIn(text);
    } catch (err) {
      setError(hasCode(err, 'unauthenticated') ? `The server does not take this token: ${messageOf(err)}` : messageOf(err));
    }
    setBusy(false);
  };
  return (
    <form class="token-form" onSubmit={submit}>
      <div class="field">
        <label for="token">Access token</label>
        <textarea
          id="token"
          data-autofocus
          required
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(e) => setText(e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === 'Enter') void submit(e); // a token has one line
          }}
        />
      </div>
      <Problem text={error} />
      <button type="submit" class="primary" disabled={busy || !text.trim()} aria-busy={busy}>
        {action}
      </button>
    </form>
  );
}
