// What was dropped or picked, as files with the paths that they shall have.

export interface Incoming {
  file: File;
  path: string; // relative to where it was dropped, in NFC
}

/**
 * fromDrop takes the files out of a drop, those in folders too. The entries
 * are taken before the first await: the browser empties the list after the
 * event.
 */
export async function fromDrop(data: DataTransfer): Promise<Incoming[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((e) => e !== null && e !== undefined);
  if (entries.length === 0) return fromPicker(data.files);
  const found: Incoming[] = [];
  for (const entry of entries) await walk(entry, '', found);
  return found;
}

/** fromPicker takes what an <input type=file> has; with webkitdirectory, a folder. */
export function fromPicker(files: FileList): Incoming[] {
  return [...files].map((file) => ({ file, path: (file.webkitRelativePath || file.name).normalize('NFC') }));
}

async function walk(entry: FileSystemEntry, under: string, found: Incoming[]): Promise<void> {
  const path = under + entry.name.normalize('NFC');
  if (entry.isFile) {
    const file = await new Promise<File>((ok, fail) => (entry as FileSystemFileEntry).file(ok, fail));
    found.push({ file, path });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // readEntries answers with a hundred at a time, and nothing at the end.
    const batch = await new Promise<FileSystemEntry[]>((ok, fail) => reader.readEntries(ok, fail));
    if (batch.length === 0) return;
    for (const child of batch) await walk(child, path + '/', found);
  }
}
