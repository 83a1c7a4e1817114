/** A menu: arrow keys move in it, a choice, Escape and a press elsewhere close it. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Point } from '../geometry';

export interface Item {
  name: string;
  keys?: string;
  testid?: string;
  isDisabled?: boolean;
  isDanger?: boolean;
  run: () => void;
}
/** Items in groups; a line stands between two groups, and groups without items are left out. */
export type Items = readonly (readonly Item[])[];

const EDGE = 8;

export function Menu(props: {
  label: string;
  items: Items;
  close: () => void;
  /** where its top left corner is, px of the page; without it the style sheet says */
  at?: Point;
  class?: string;
  testid?: string;
  children?: ComponentChildren;
}): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const { close, at } = props;
  const opener = useRef(document.activeElement);
  useEffect(() => {
    root.current?.querySelector<HTMLElement>('[role^=menuitem]:not(:disabled)')?.focus();
    const onDown = (event: Event): void => {
      // A press on the button that opened it closes it by itself.
      const inside = at ? root.current : root.current?.parentElement;
      if (!inside?.contains(event.target as Node)) close();
    };
    addEventListener('pointerdown', onDown, true);
    return () => removeEventListener('pointerdown', onDown, true);
  }, [close, at]);
  useLayoutEffect(() => {
    const menu = root.current;
    if (!menu || !at) return;
    const left = Math.max(EDGE, Math.min(at.x, innerWidth - menu.offsetWidth - EDGE));
    const top = Math.max(EDGE, Math.min(at.y, innerHeight - menu.offsetHeight - EDGE));
    Object.assign(menu.style, { left: `${left}px`, top: `${top}px` });
  });
  const leave = (): void => {
    close();
    if (opener.current instanceof HTMLElement || opener.current instanceof SVGElement) opener.current.focus();
  };
  const onKey = (event: KeyboardEvent): void => {
    event.stopPropagation(); // letters are tools of the board
    const items = [...(root.current?.querySelectorAll<HTMLElement>('[role^=menuitem]:not(:disabled)') ?? [])];
    const now = items.indexOf(document.activeElement as HTMLElement);
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.key === 'Escape') leave();
    else if (event.key === 'Tab') close();
    else if (step) items.at((now + step) % items.length)?.focus();
    else if (event.key === 'Home') items[0]?.focus();
    else if (event.key === 'End') items.at(-1)?.focus();
    else return;
    event.preventDefault();
  };
  return (
    <div
      class={`island popover menu ${props.class ?? ''}`}
      role="menu"
      aria-label={props.label}
      data-testid={props.testid}
      tabIndex={-1}
      ref={root}
      onKeyDown={onKey}
    >
      {props.items
        .filter((group) => group.length)
        .map((group, i) => (
          <div role="group" key={group[0]!.name} class={i ? 'menu-group' : undefined}>
            {group.map((item) => (
              <button
                type="button"
                role="menuitem"
                key={item.name}
                class={item.isDanger ? 'danger' : undefined}
                data-testid={item.testid}
                disabled={item.isDisabled}
                onClick={() => {
                  leave();
                  item.run();
                }}
              >
                {item.name}
                {item.keys && <kbd>{item.keys}</kbd>}
              </button>
            ))}
          </div>
        ))}
      {props.children}
    </div>
  );
}
