import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

export interface MenuItem {
  label: string;
  icon: IconName;
  run: () => void;
  danger?: boolean;
}

interface MenuProps {
  label: string;
  items: MenuItem[];
  icon?: IconName;
  text?: string;
}

/**
 * Menu is a button with a menu, as the ARIA Authoring Practices describe it:
 * arrow keys, Home, End and first letters move, Escape closes.
 */
export function Menu({ label, items, icon = 'more', text }: MenuProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    if (!open) return;
    const list = menu.current!;
    list.showPopover(); // above everything, and clipped by nothing
    place(list, button.current!);
    list.querySelector('button')?.focus();
    const close = () => setOpen(false);
    addEventListener('resize', close);
    addEventListener('scroll', close, true);
    return () => {
      removeEventListener('resize', close);
      removeEventListener('scroll', close, true);
    };
  }, [open]);
  const leave = (run?: () => void) => {
    setOpen(false);
    button.current?.focus();
    run?.();
  };
  return (
    <span class="menu-anchor">
      <button
        ref={button}
        type="button"
        class={text ? '' : 'ghost square'}
        aria-label={text ? undefined : label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        title={text ? undefined : label}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} />
        {text}
      </button>
      {open && (
        <div
          ref={menu}
          id={id}
          class="menu"
          role="menu"
          aria-label={label}
          popover="manual"
          onKeyDown={(e) => steer(e, menu.current!, () => leave())}
          onFocusOut={(e) => {
            const to = e.relatedTarget as Node | null;
            if (!menu.current?.contains(to) && to !== button.current) setOpen(false);
          }}
        >
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              tabIndex={-1}
              class={item.danger ? 'menu-item danger' : 'menu-item'}
              onClick={() => leave(item.run)}
            >
              <Icon name={item.icon} />
              {item.label}
            </button>
          ))}
        </div>
      )}
    </span>
  );
}

function place(menu: HTMLElement, button: HTMLElement) {
  const b = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.max(8, Math.min(b.right - width, innerWidth - width - 8));
  const below = b.bottom + 4 + height <= innerHeight - 8;
  menu.style.left = `${left}px`;
  menu.style.top = `${Math.max(8, below ? b.bottom + 4 : b.top - 4 - height)}px`;
}

function steer(e: KeyboardEvent, menu: HTMLElement, close: () => void) {
  const items = [...menu.querySelectorAll('button')];
  const at = items.indexOf(document.activeElement as HTMLButtonElement);
  let to: HTMLElement | undefined;
  if (e.key === 'Escape' || e.key === 'Tab') close();
  else if (e.key === 'ArrowDown') to = items[(at + 1) % items.length];
  else if (e.key === 'ArrowUp') to = items.at(at - 1);
  else if (e.key === 'Home') to = items[0];
  else if (e.key === 'End') to = items.at(-1);
  else if (e.key.length === 1 && e.key !== ' ') {
    const letter = e.key.toLowerCase();
    to = [...items.slice(at + 1), ...items].find((i) => i.textContent?.toLowerCase().startsWith(letter));
  } else return;
  if (e.key !== 'Tab') e.preventDefault();
  e.stopPropagation();
  to?.focus();
}
