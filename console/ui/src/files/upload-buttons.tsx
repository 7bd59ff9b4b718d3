import { useRef } from 'preact/hooks';
import { Icon } from '../parts/icon.tsx';
import { Menu } from '../parts/menu.tsx';
import { fromPicker, type Incoming } from './dropped.ts';

interface UploadButtonsProps {
  onFiles: (incoming: Incoming[]) => void;
  onNewFolder: () => void;
}

/** UploadButtons pick files, or a folder, to upload. */
export function UploadButtons({ onFiles, onNewFolder }: UploadButtonsProps) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (e: Event & { currentTarget: HTMLInputElement }) => {
    onFiles(fromPicker(e.currentTarget.files!));
    e.currentTarget.value = ''; // so that the same file can be picked again
  };
  return (
    <>
      <input ref={files} type="file" multiple hidden data-pick="files" onChange={take} />
      <input ref={folder} type="file" {...{ webkitdirectory: true }} hidden data-pick="folder" onChange={take} />
      <button type="button" class="primary" onClick={() => files.current!.click()}>
        <Icon name="upload" />
        Upload
      </button>
      <Menu
        label="More ways to add"
        icon="plus"
        items={[
          { label: 'Upload a folder', icon: 'folder', run: () => folder.current!.click() },
          { label: 'New folder…', icon: 'folderAdd', run: onNewFolder },
        ]}
      />
    </>
  );
}
