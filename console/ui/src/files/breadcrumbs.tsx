import { Fragment } from 'preact';
import { visible } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import { href } from '../router.ts';

/** Breadcrumbs lead from a bucket to one of its folders. */
export function Breadcrumbs({ bucket, folder }: { bucket: string; folder: string }) {
  const names = folder.split('/').filter(Boolean);
  const steps = [
    { name: bucket, folder: '' },
    ...names.map((name, i) => ({ name, folder: names.slice(0, i + 1).join('/') + '/' })),
  ];
  return (
    <nav class="crumbs" aria-label="Folder">
      <ol>
        {steps.map((step, i) => (
          <li key={step.folder}>
            {i === steps.length - 1 ? (
              <h1 aria-current="page">{visible(step.name)}</h1>
            ) : (
              <Fragment>
                <a href={href({ view: 'files', bucket, folder: step.folder })}>{visible(step.name)}</a>
                <Icon name="chevron" size={14} />
              </Fragment>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
