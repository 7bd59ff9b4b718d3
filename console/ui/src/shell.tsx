import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import icon from './icon.svg';
import { BucketList } from './buckets/bucket-list.tsx';
import { Dialog } from './parts/dialog.tsx';
import { focusMain } from './parts/focus.ts';
import { Icon } from './parts/icon.tsx';
import { Menu } from './parts/menu.tsx';
import { CollectionList } from './records/collection-list.tsx';
import { href, route } from './router.ts';
import { caller, permissions, signOut } from './session.ts';
import { theme } from './theme.ts';

/** Shell is what stands around every view: the landmarks and the ways about. */
export function Shell({ children }: { children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const records = route.value.view === 'records';
  const label = records ? 'Collections' : 'Buckets';
  const list = (chosen?: () => void) => (records ? <CollectionList onChoose={chosen} /> : <BucketList onChoose={chosen} />);
  return (
    <div class="shell">
      <header class="top">
        <button type="button" class="skip" onClick={focusMain}>
          Skip to the content
        </button>
        <button type="button" class="ghost square narrow-only" aria-label={label} aria-haspopup="dialog" onClick={() => setOpen(true)}>
          <Icon name="menu" />
        </button>
        <Brand />
        <Tabs records={records} />
        <span class="grow" />
        <ThemeButton />
        <Account />
      </header>
      <nav class="side" aria-label={label}>
        {list()}
      </nav>
      <main class="main" id="main" tabIndex={-1}>
        {children}
      </main>
      {open && (
        <Dialog title={label} class="side-sheet" onClose={() => setOpen(false)}>
          <nav class="side" aria-label={label}>
            {list(() => setOpen(false))}
          </nav>
        </Dialog>
      )}
    </div>
  );
}

export function Brand() {
  return (
    <a class="brand" href="#/" aria-label="Holdall, start page">
      <img src={icon} alt="" />
      <b>Holdall</b>
    </a>
  );
}

function Tabs({ records }: { records: boolean }) {
  return (
    <nav class="tabs" aria-label="Sections">
      {permissions.value.readsFiles() && (
        <a href={href({ view: 'home' })} aria-current={records ? undefined : 'page'}>
          Files
        </a>
      )}
      {permissions.value.readsRecords() && (
        <a href={href({ view: 'records', collection: '' })} aria-current={records ? 'page' : undefined}>
          Records
        </a>
      )}
    </nav>
  );
}

function ThemeButton() {
  const dark = theme.value === 'dark' || (theme.value === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  const label = dark ? 'Use light colours' : 'Use dark colours';
  return (
    <button type="button" class="ghost square" aria-label={label} title={label} onClick={() => (theme.value = dark ? 'light' : 'dark')}>
      <Icon name={dark ? 'light' : 'dark'} />
    </button>
  );
}

function Account() {
  const { tenant, user, app } = caller.value!;
  return (
    <>
      <span class="who">
        <b title={user}>{user}</b>
        <span title={tenant}>{app ? `${tenant} · ${app}` : tenant}</span>
      </span>
      <Menu label={`Account of ${user} in ${tenant}`} icon="user" items={[{ label: 'Sign out', icon: 'close', run: signOut }]} />
    </>
  );
}
