// The address of what is shown is in the fragment, so that the server that
// hosts the page needs to know nothing of it.
import { signal } from '@preact/signals';

export type Route =
  | { view: 'files'; bucket: string; folder: string } // folder is "" or ends in /
  | { view: 'trash'; bucket: string }
  | { view: 'records'; collection: string }
  | { view: 'home' };

export function parseRoute(hash: string): Route {
  const [view, ...rest] = hash.replace(/^#\/?/, '').split('/');
  let segments: string[];
  try {
    segments = rest.map(decodeURIComponent);
  } catch {
    return { view: 'home' };
  }
  const [first = '', ...path] = segments;
  if (view === 'files' && first) {
    const folder = path.filter(Boolean).join('/');
    return { view, bucket: first, folder: folder && folder + '/' };
  }
  if (view === 'trash' && first) return { view, bucket: first };
  if (view === 'records') return { view, collection: first };
  return { view: 'home' };
}

export function href(route: Route): string {
  const enc = (path: string) => path.split('/').map(encodeURIComponent).join('/');
  switch (route.view) {
    case 'files':
      return `#/files/${enc(route.bucket)}/${enc(route.folder)}`;
    case 'trash':
      return `#/trash/${enc(route.bucket)}`;
    case 'records':
      return `#/records/${enc(route.collection)}`;
    case 'home':
      return '#/';
  }
}

export const route = signal<Route>(parseRoute(location.hash));

addEventListener('hashchange', () => {
  route.value = parseRoute(location.hash);
});

export function go(to: Route): void {
  location.hash = href(to);
}
