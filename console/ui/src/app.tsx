import { useEffect, useRef } from 'preact/hooks';
import { BucketDialogs } from './buckets/dialogs.tsx';
import { buckets, loadBuckets } from './buckets/store.ts';
import { FilesView } from './files/files-view.tsx';
import { TrashView } from './files/trash-view.tsx';
import { UploadPanel } from './files/upload-panel.tsx';
import { Empty } from './parts/list.tsx';
import { focusMain } from './parts/focus.ts';
import { Toasts } from './parts/toasts.tsx';
import { RecordsView } from './records/records-view.tsx';
import { go, route, type Route } from './router.ts';
import { caller, expired, permissions } from './session.ts';
import { Shell } from './shell.tsx';
import { RenewDialog, SignIn } from './sign-in.tsx';
import { visible } from './format.ts';

export function App() {
  if (caller.value === undefined) return <p class="hidden" role="status">Signing in…</p>;
  return (
    <>
      {caller.value ? <Signed /> : <SignIn />}
      <Toasts />
    </>
  );
}

function Signed() {
  useEffect(() => void loadBuckets(), []);
  const to = route.value;
  const moved = useRef(false);
  useEffect(() => {
    document.title = titleOf(to);
    if (moved.current && document.activeElement === document.body) focusMain(); // the link that was followed is gone
    moved.current ||= to.view !== 'home'; // which leads on by itself
  }, [to]);
  return (
    <Shell>
      <View to={to} />
      <UploadPanel />
      <BucketDialogs />
      {expired.value && <RenewDialog />}
    </Shell>
  );
}

function titleOf(to: Route): string {
  const place = to.view === 'records' ? to.collection || 'Records' : to.view === 'home' ? '' : `${to.bucket}/${to.view === 'files' ? to.folder : 'trash'}`;
  return place ? `${visible(place)} – Holdall` : 'Holdall';
}

function View({ to }: { to: Route }) {
  switch (to.view) {
    case 'files':
      return <FilesView key={to.bucket} bucket={to.bucket} folder={to.folder} />;
    case 'trash':
      return <TrashView key={to.bucket} bucket={to.bucket} />;
    case 'records':
      return <RecordsView key={to.collection} collection={to.collection} />;
    case 'home':
      return <Home />;
  }
}

/** Home goes on to what the caller may see first. */
function Home() {
  const { list, error } = buckets.value;
  const first = list?.find((b) => b.name === 'default' && permissions.value.may('read', { bucket: b.name })) ??
    list?.find((b) => permissions.value.may('read', { bucket: b.name }));
  const records = permissions.value.readsRecords();
  useEffect(() => {
    if (first) go({ view: 'files', bucket: first.name, folder: '' });
    else if (records && (list || !permissions.value.readsFiles())) go({ view: 'records', collection: '' });
  }, [first, list, records, error]);
  if (first || (records && !error) || (permissions.value.readsFiles() && !list && !error)) return null;
  if (error) {
    return (
      <Empty icon="warning" title="The buckets cannot be listed">
        <p>{error}</p>
        <div class="row">
          <button type="button" onClick={() => void loadBuckets()}>
            Try again
          </button>
        </div>
      </Empty>
    );
  }
  return (
    <Empty icon="info" title="There is nothing here that you may see">
      <p>Your token grants no reading of files or records. Whoever gave it to you can change that.</p>
    </Empty>
  );
}
