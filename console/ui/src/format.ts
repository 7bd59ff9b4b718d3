// Sizes, times and names as people read them.

const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];

export function size(bytes: number): string {
  if (bytes === 1) return '1 byte';
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** parseSize reads "10 MB", "512 KiB" or "1048576"; NaN when it is none of them. */
export function parseSize(text: string): number {
  const m = /^\s*([\d.]+)\s*(?:(k|m|g|t)?(i)?b?|bytes?)\s*$/i.exec(text);
  if (!m) return NaN;
  const power = m[2] ? 'kmgt'.indexOf(m[2].toLowerCase()) + 1 : 0;
  return Math.round(Number(m[1]) * (m[3] ? 1024 : 1000) ** power);
}

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export function date(iso: string): string {
  const then = new Date(iso);
  return then.toDateString() === new Date().toDateString() ? `Today, ${clock.format(then)}` : day.format(then);
}

export function time(iso: string): string {
  return full.format(new Date(iso));
}

export function count(n: number, one: string, many = one + 's'): string {
  return `${n.toLocaleString()} ${n === 1 ? one : many}`;
}

const spans = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]] as const;

/** duration writes seconds in their largest whole units: "2 d 3 h". */
export function duration(seconds: number, most = 2): string {
  const parts: string[] = [];
  let rest = Math.max(0, Math.round(seconds));
  for (const [name, unit] of spans) {
    const n = Math.floor(rest / unit);
    rest -= n * unit;
    if (n > 0) parts.push(`${n} ${name}`);
  }
  return parts.slice(0, most).join(' ') || '0 s';
}

/** parseDuration reads what duration writes, or plain seconds; NaN when it is neither. */
export function parseDuration(text: string): number {
  if (/^\s*\d+\s*$/.test(text)) return Number(text);
  if (!/^(\s*\d+\s*(d|h|min|m|s))+\s*$/i.test(text)) return NaN;
  let seconds = 0;
  for (const [, n, unit] of text.matchAll(/(\d+)\s*(d|h|min|m|s)/gi)) {
    seconds += Number(n) * spans.find(([name]) => name.startsWith(unit!.toLowerCase()))![1];
  }
  return seconds;
}

/**
 * visible shows a name with the characters made visible that would turn the
 * text round or hide in it (bidirectional controls, zero width).
 */
export function visible(name: string): string {
  return name.replace(/[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, '\ufffd');
}

export function baseName(path: string): string {
  return path.slice(path.replace(/\/$/, '').lastIndexOf('/') + 1);
}

export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}
