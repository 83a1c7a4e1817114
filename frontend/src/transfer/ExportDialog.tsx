/** The board, or the selection, as a file. */
import { useSignal } from '@preact/signals';
import type { LucideIcon } from 'lucide-preact';
import type { JSX } from 'preact';
import type { Editor } from '../editor';
import { Dialog } from '../ui/Dialog';
import { FileJson, Image, Shapes } from '../ui/icons';
import { boardJson, settled, withInside } from './board-json';
import { fileName, save } from './files';
import { pictureOf, pngOf } from './picture';

type Kind = 'svg' | 'png' | 'json';

const KINDS: readonly (readonly [Kind, string, string, LucideIcon])[] = [
  ['png', 'PNG', 'A picture for slides and chats', Image],
  ['svg', 'SVG', 'A picture of any size', Shapes],
  ['json', 'JSON', 'Can be imported into a board', FileJson],
];

export function ExportDialog({ editor }: { editor: Editor }): JSX.Element {
  const chosen = withInside(editor.canvas, editor.selected());
  const isPart = useSignal(chosen.length > 0);
  const hasBackground = useSignal(true);
  const close = (): void => {
    editor.dialog.value = null;
  };
  const shapes = isPart.value ? chosen : settled(editor.canvas);
  const write = async (kind: Kind): Promise<void> => {
    const title = editor.title.peek();
    const name = fileName(title, kind);
    try {
      if (kind === 'json') {
        const json = boardJson(shapes, title, (id) => editor.scene.line(id));
        save(new Blob([json], { type: 'application/json' }), name);
      } else {
        const picture = await pictureOf(editor, shapes, hasBackground.value);
        save(kind === 'svg' ? new Blob([picture.svg], { type: 'image/svg+xml' }) : await pngOf(picture), name);
      }
      close();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      editor.notice.value = { text: `This could not be exported: ${why}.` };
    }
  };
  return (
    <Dialog title="Export" testid="export" close={close}>
      <div class="segments" role="group" aria-label="What">
        <button type="button" aria-pressed={!isPart.value} onClick={() => (isPart.value = false)}>
          Whole board
        </button>
        <button
          type="button"
          aria-pressed={isPart.value}
          disabled={!chosen.length}
          data-testid="export-selection"
          onClick={() => (isPart.value = true)}
        >
          Selection{chosen.length ? ` (${chosen.length})` : ''}
        </button>
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={hasBackground.value}
          onChange={(event) => {
            hasBackground.value = event.currentTarget.checked;
          }}
        />
        Pictures with background
      </label>
      <div class="export-kinds">
        {KINDS.map(([kind, name, what, Icon]) => (
          <button
            type="button"
            key={kind}
            class="export-kind"
            data-testid={`export-${kind}`}
            disabled={!shapes.length}
            onClick={() => void write(kind)}
          >
            <Icon size={20} strokeWidth={1.75} aria-hidden="true" />
            <span>
              <b>{name}</b>
              <small>{what}</small>
            </span>
          </button>
        ))}
      </div>
    </Dialog>
  );
}
