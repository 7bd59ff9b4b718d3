// Light, dark, or as the system has it. The choice is the only thing that the
// console keeps beyond the tab.
import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const key = 'holdall-theme';

function stored(): Theme {
  try {
    const t = localStorage.getItem(key);
    return t === 'light' || t === 'dark' ? t : 'system';
  } catch {
    return 'system'; // storage is switched off
  }
}

export const theme = signal<Theme>(stored());

effect(() => {
  const t = theme.value;
  document.documentElement.dataset.theme = t;
  try {
    if (t === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, t);
  } catch {
    // it holds for this tab
  }
});
