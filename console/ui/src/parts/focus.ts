/** focusMain puts the keyboard at the begin of the content, rather than of the page. */
export function focusMain(): void {
  document.getElementById('main')?.focus({ preventScroll: true });
}
