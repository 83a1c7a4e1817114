import type { JSX } from 'preact';
import type { Editor } from '../editor';
import { selectAll } from '../input/actions';
import { looking } from '../time/looking';
import { chooseFile } from '../transfer/files';
import { type Items, Menu } from '../ui/Menu';
import { setTheme, type Theme, theme } from '../ui/theme';

const THEMES: readonly (readonly [Theme, string])[] = [
  ['system', 'System'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

function boardItems(editor: Editor): Items {
  const canWrite = editor.room.canWrite.value;
  return [
    [
      {
        name: 'All boards',
        testid: 'menu-boards',
        run: () => {
          location.href = '/';
        },
      },
    ],
    canWrite
      ? [
          { name: 'Undo', keys: 'Ctrl Z', run: () => editor.history.undo() },
          { name: 'Redo', keys: 'Ctrl Shift Z', run: () => editor.history.redo() },
          { name: 'Select all', keys: 'Ctrl A', run: () => selectAll(editor) },
        ]
      : [],
    [
      {
        name: 'Export…',
        testid: 'menu-export',
        run: () => {
          editor.dialog.value = 'export';
        },
      },
      ...(canWrite ? [{ name: 'Import…', testid: 'menu-import', run: () => void chooseFile(editor) }] : []),
    ],
    [
      {
        name: 'Versions',
        testid: 'menu-versions',
        run: () => {
          looking.value = { kind: 'versions' };
        },
      },
      { name: 'Show everything', keys: 'Shift 1', run: () => editor.fit() },
      {
        name: 'Keyboard shortcuts',
        keys: '?',
        run: () => {
          editor.dialog.value = 'help';
        },
      },
    ],
  ];
}

/** The board's menu. */
export function BoardMenu({ editor, close }: { editor: Editor; close: () => void }): JSX.Element {
  return (
    <Menu label="Board" items={boardItems(editor)} close={close}>
      <div class="themes menu-group" role="group" aria-label="Theme">
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
    </Menu>
  );
}
