// Line icons on a grid of 20. They are decoration: what they stand for is
// said by the text or the label beside them.

const shapes = {
  audio: 'M7.5 15V5l8-1.5v10M7.5 15a2 2 0 1 1-4 0 2 2 0 0 1 4 0Zm8-1.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z',
  bucket: 'M3.5 5.5h13l-1.3 10.2a1.5 1.5 0 0 1-1.5 1.3H6.3a1.5 1.5 0 0 1-1.5-1.3ZM3 5.5C3 4.1 6.1 3 10 3s7 1.1 7 2.5',
  check: 'm4 10.5 4 4 8-9',
  chevron: 'm7.5 5 5 5-5 5',
  close: 'm5 5 10 10M15 5 5 15',
  copy: 'M7 7V4.5A1.5 1.5 0 0 1 8.5 3h7A1.5 1.5 0 0 1 17 4.5v7a1.5 1.5 0 0 1-1.5 1.5H13M4.5 7h7A1.5 1.5 0 0 1 13 8.5v7a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 3 15.5v-7A1.5 1.5 0 0 1 4.5 7Z',
  dark: 'M16.5 11.7A7 7 0 0 1 8.3 3.5a7 7 0 1 0 8.2 8.2Z',
  download: 'M10 3v9.5m0 0L6 8.7m4 3.8 4-3.8M3.5 16.5h13',
  edit: 'm12.8 4.2 3 3L7.3 15.7l-3.8.8.8-3.8ZM11 6l3 3',
  file: 'M5 3h6.5L16 7.5V17H5ZM11.5 3v4.5H16',
  folder: 'M2.5 5A1.5 1.5 0 0 1 4 3.5h3.6l2 2.5H16A1.5 1.5 0 0 1 17.5 7.5v7A1.5 1.5 0 0 1 16 16H4a1.5 1.5 0 0 1-1.5-1.5Z',
  folderAdd: 'M2.5 5A1.5 1.5 0 0 1 4 3.5h3.6l2 2.5H16A1.5 1.5 0 0 1 17.5 7.5v7A1.5 1.5 0 0 1 16 16H4a1.5 1.5 0 0 1-1.5-1.5ZM10 8.5v5M7.5 11h5',
  image: 'M3 4.5h14v11H3Zm0 8.5 4-3.5 3 2.5 3-3.5 4 4M7.2 7.6h.01',
  info: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm0-7.5v4M10 6.5h.01',
  light: 'M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1',
  link: 'M8.5 11.5a3 3 0 0 0 4.2 0l2.7-2.7a3 3 0 0 0-4.2-4.2l-1 1M11.5 8.5a3 3 0 0 0-4.2 0l-2.7 2.7a3 3 0 0 0 4.2 4.2l1-1',
  menu: 'M3 5.5h14M3 10h14M3 14.5h14',
  more: 'M4.5 10h.01M10 10h.01M15.5 10h.01',
  move: 'M2.5 5A1.5 1.5 0 0 1 4 3.5h3.6l2 2.5H16A1.5 1.5 0 0 1 17.5 7.5v7A1.5 1.5 0 0 1 16 16H4a1.5 1.5 0 0 1-1.5-1.5ZM7 11h6m0 0-2.2-2.2M13 11l-2.2 2.2',
  next: 'm7.5 4.5 5.5 5.5-5.5 5.5',
  plus: 'M10 4v12M4 10h12',
  previous: 'm12.5 4.5-5.5 5.5 5.5 5.5',
  record: 'M7 3.5C5 3.5 5.5 6 5.5 7.5S5 10 3.5 10c1.5 0 2 1 2 2.5S5 16.5 7 16.5M13 3.5c2 0 1.5 2.5 1.5 4s.5 2.5 2 2.5c-1.5 0-2 1-2 2.5s.5 4-1.5 4',
  restore: 'M4 7.5h8a4.5 4.5 0 0 1 0 9H7M4 7.5 7.5 4M4 7.5 7.5 11',
  retry: 'M16 10a6 6 0 1 1-1.8-4.3L16 7.5M16 3.5v4h-4',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Zm4-1.5 4 4',
  settings: 'M3 6h8m4 0h2M3 14h2m4 0h8M13 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM7 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
  text: 'M5 3h6.5L16 7.5V17H5ZM11.5 3v4.5H16M8 10.5h5M8 13.5h5',
  trash: 'M3.5 5.5h13M8 5.5V3.5h4v2M5 5.5l.8 11h8.4l.8-11M8.5 8.5v5M11.5 8.5v5',
  upload: 'M10 13V3.5m0 0L6 7.3m4-3.8 4 3.8M3.5 16.5h13',
  user: 'M10 10a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4Zm-6 6.5c.6-3 3-4.5 6-4.5s5.4 1.5 6 4.5',
  video: 'M3 5h10v10H3Zm10 4 4-2.5v7L13 11',
  warning: 'M10 3.5 17.5 16.5h-15ZM10 8.5v3.5M10 14.2h.01',
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 20 20" width={size} height={size} aria-hidden="true" focusable="false">
      <path d={shapes[name]} />
    </svg>
  );
}

/** iconFor is the icon of a file by its media type. */
export function iconFor(contentType: string): IconName {
  const kind = contentType.split('/')[0];
  if (kind === 'image' || kind === 'audio' || kind === 'video') return kind;
  return kind === 'text' || /json|pdf|xml/.test(contentType) ? 'text' : 'file';
}
