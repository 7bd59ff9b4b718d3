import { Icon } from '../parts/icon.tsx';
import { Menu } from '../parts/menu.tsx';
import { Problem } from '../parts/dialog.tsx';
import { href, route } from '../router.ts';
import { permissions } from '../session.ts';
import { asking, buckets } from './store.ts';

/** BucketList is the side of the files view. */
export function BucketList({ onChoose }: { onChoose?: (() => void) | undefined }) {
  const { list, error } = buckets.value;
  const admin = permissions.value.may('admin', 'store');
  return (
    <>
      <div class="side-head">
        <h2>Buckets</h2>
        {admin && (
          <button
            type="button"
            class="ghost square small"
            aria-label="New bucket"
            title="New bucket"
            onClick={() => {
              onChoose?.();
              asking.value = { what: 'create' };
            }}
          >
            <Icon name="plus" size={16} />
          </button>
        )}
      </div>
      <Problem text={error} />
      <ul class="side-list">
        {list?.map((bucket) => (
          <Row key={bucket.name} bucket={bucket} onChoose={onChoose} />
        ))}
      </ul>
      {list?.length === 0 && <p class="hint">There is no bucket that you may read in.</p>}
    </>
  );
}

function Row({ bucket, onChoose }: { bucket: NonNullable<typeof buckets.value.list>[number]; onChoose?: (() => void) | undefined }) {
  const to = route.value;
  const current = 'bucket' in to && to.bucket === bucket.name;
  const ask = (what: 'edit' | 'empty' | 'delete') => () => {
    onChoose?.();
    asking.value = { what, bucket };
  };
  const name = (
    <>
      <Icon name="bucket" />
      <span class="name" title={bucket.name}>{bucket.name}</span>
      {bucket.public && <span class="tag">public</span>}
    </>
  );
  const scope = { bucket: bucket.name };
  return (
    <li class={current ? 'current' : ''}>
      {permissions.value.may('read', scope) ? (
        <a href={href({ view: 'files', bucket: bucket.name, folder: '' })} aria-current={current ? 'page' : undefined} onClick={onChoose}>
          {name}
        </a>
      ) : (
        <a role="link" aria-disabled="true" title="You may manage this bucket, not read in it">{name}</a>
      )}
      {permissions.value.may('admin', scope) && (
        <Menu
          label={`Bucket ${bucket.name}`}
          items={[
            { label: 'Settings…', icon: 'settings', run: ask('edit') },
            { label: 'Empty…', icon: 'trash', run: ask('empty'), danger: true },
            ...(bucket.name === 'default' ? [] : [{ label: 'Delete…', icon: 'close', run: ask('delete'), danger: true } as const]),
          ]}
        />
      )}
    </li>
  );
}
