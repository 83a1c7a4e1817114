import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Editor } from '../editor';
import { selectAll } from '../input/actions';
import { looking } from '../time/looking';
import { setTheme, type Theme, theme } from '../ui/theme';

const THEMES: readonly (readonly [Theme, string])[] = [
  ['system', 'System'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

/** The board's menu. Closes on a choice, on Escape and on a press elsewhere. */
export function BoardMenu({ editor, close }: { editor: Editor; close: () => void }): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    root.current?.querySelector<HTMLElement>('[role^=menuitem]')?.focus();
    const onDown = (event: Event): void => {
      if (!root.current?.parentElement?.contains(event.target as Node)) close();
    };
    addEventListener('pointerdown', onDown, true);
    return () => removeEventListener('pointerdown', onDown, true);
  }, [close]);
  const item = (text: ComponentChildren, keys: string, run: () => void): JSX.Element => (
    <button
      type="button"
      role="menuitem"
      onClick={() => {
        close();
        run();
      }}
    >
      {text}
      <kbd>{keys}</kbd>
    </button>
  );
  const onKey = (event: KeyboardEvent): void => {
    const items = [...(root.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? [])];
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.key === 'Escape') close();
    else if (step) {
      const at = items.indexOf(document.activeElement as HTMLElement);
      items.at((at + step) % items.length)?.focus();
      event.preventDefault();
    }
    event.stopPropagation();
  };
  return (
    <div class="island popover menu" role="menu" aria-label="Board" tabIndex={-1} ref={root} onKeyDown={onKey}>
      <a role="menuitem" href="/">
        All boards
      </a>
      <span class="line" />
      {item('Undo', 'Ctrl Z', () => editor.history.undo())}
      {item('Redo', 'Ctrl Shift Z', () => editor.history.redo())}
      {item('Select all', 'Ctrl A', () => selectAll(editor))}
      {item('Show everything', 'Shift 1', () => editor.fit())}
      {item('Versions', '', () => {
        looking.value = { kind: 'versions' };
      })}
      <span class="line" />
      <div class="themes" role="group" aria-label="Theme">
        {THEMES.map(([value, name]) => (
          <button
            type="button"
            key={value}
            role="menuitemradio"
            aria-checked={theme.value === value}
            data-testid={`theme-${value}`}
            onClick={() => setTheme(value)}
          >
            {name}
          </button>
        ))}
      </div>
      <span class="line" />
      {item('Keyboard shortcuts', '?', () => {
        editor.helpOpen.value = true;
      })}
    </div>
  );
}
