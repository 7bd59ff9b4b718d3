import { useEffect, useState } from 'preact/hooks';
import { Problem } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { go, href, route } from '../router.ts';
import { collections, loadCollections, recordsChanged } from './store.ts';

/** CollectionList is the side of the records view. */
export function CollectionList({ onChoose }: { onChoose?: (() => void) | undefined }) {
  const version = recordsChanged.value;
  useEffect(() => void loadCollections(), [version]);
  const { list, error } = collections.value;
  const to = route.value;
  const current = to.view === 'records' ? to.collection : undefined;
  const row = (name: string) => (
    <li key={name} class={current === name ? 'current' : ''}>
      <a href={href({ view: 'records', collection: name })} aria-current={current === name ? 'page' : undefined} onClick={onChoose}>
        <Icon name="record" />
        <span class="name" title={name}>
          {name || 'All records'}
        </span>
      </a>
    </li>
  );
  return (
    <>
      <div class="side-head">
        <h2>Collections</h2>
      </div>
      <Problem text={error} />
      <ul class="side-list">
        {row('')}
        {list?.map(row)}
      </ul>
      <OpenCollection onChoose={onChoose} />
      <p class="hint">Those that changed last. Open any other by its name.</p>
    </>
  );
}

function OpenCollection({ onChoose }: { onChoose: (() => void) | undefined }) {
  const [name, setName] = useState('');
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        setName('');
        onChoose?.();
        go({ view: 'records', collection: name });
      }}
    >
      <input
        aria-label="Name of a collection"
        placeholder="Open by name"
        required
        maxLength={128}
        pattern="[A-Za-z0-9_.\-]+"
        title="Letters, digits, - _ and ."
        spellcheck={false}
        autocomplete="off"
        value={name}
        onInput={(e) => setName(e.currentTarget.value)}
      />
      <button type="submit" class="square" aria-label="Open the collection">
        <Icon name="next" size={16} />
      </button>
    </form>
  );
}
