/** Files in and out of the board. */
import type { Editor } from '../editor';
import type { Point } from '../geometry';
import { pasteShapes } from '../input/actions';
import { parseBoard } from './board-json';

/** Ten thousand shapes with long words are 5 MB; what is larger is not a board. */
const LARGEST_BYTES = 20_000_000;

/** A name that every file system takes. */
export function fileName(title: string, suffix: string): string {
  const clean = title
    .trim()
    .replace(/[\p{C}\\/:*?"<>|]+/gu, '-')
    .slice(0, 80);
  return `${clean || 'Untitled board'}.${suffix}`;
}

export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads it after the click has returned.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Adds the shapes of exported boards to this one, as copies; says what could not be read. */
export async function importFiles(editor: Editor, files: Iterable<File>, at?: Point): Promise<void> {
  for (const file of files) {
    const shapes = file.size > LARGEST_BYTES ? null : parseBoard(await file.text());
    if (shapes?.length) pasteShapes(editor, shapes, at);
    else {
      const why = shapes ? 'has no shapes' : 'is no board that was exported as JSON';
      editor.notice.value = { text: `“${file.name}” ${why}. Nothing was added.` };
    }
  }
}

/** Asks for a file and imports it. */
export function chooseFile(editor: Editor): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = 'application/json,.json';
  input.addEventListener('change', () => void importFiles(editor, input.files ?? []));
  input.click();
}

/** Exported boards can be dropped on the canvas. */
export function mountDrop(editor: Editor, element: HTMLElement): void {
  element.addEventListener('dragover', (event) => {
    if (editor.canWrite && event.dataTransfer?.types.includes('Files')) event.preventDefault();
  });
  element.addEventListener('drop', (event) => {
    event.preventDefault();
    if (editor.canWrite) void importFiles(editor, [...(event.dataTransfer?.files ?? [])], editor.boardPoint(event));
  });
}
