/** Draws what is proposed, and what the assistant is about to make, as ghosts over the board. */
import { effect } from '@preact/signals';
import { type Canvas, type Shape, shapeOf } from './canvas';
import type { Ghost } from './draw/scene';
import type { Editor } from './editor';
import { type OpenShape, type Proposals, proposalsOf } from './proposals';

/** More ghosts than this are noise; the panel lists all. */
const MOST = 200;

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A shape with these fields over what the document has of it, or over the defaults. */
function shapeWith(stored: Shape | undefined, id: string, fields: Fields): Shape {
  return shapeOf(id, { ...stored, ...fields });
}

/** What assistants that are here say they are writing just now (R17), as they wrote it. */
function previews(editor: Editor): unknown[] {
  return editor.presence.players.value.flatMap((player) => {
    if (player.user.kind !== 'agent') return [];
    const state: { agent?: unknown } | undefined = editor.room.awareness.getStates().get(player.clientId);
    return isFields(state?.agent) && state.agent.preview ? [state.agent.preview] : [];
  });
}

function previewed(canvas: Canvas, preview: unknown): Ghost[] {
  const shapes = isFields(preview) && isFields(preview.shapes) ? preview.shapes : {};
  return Object.entries(shapes).flatMap(([id, fields]): Ghost[] => {
    if (!isFields(fields)) return [];
    const shape = shapeWith(canvas.get(id), id, fields);
    return [{ shape, kind: shape.deleted ? 'delete' : 'preview' }];
  });
}

function proposed(canvas: Canvas, proposals: Proposals): Ghost[] {
  return [...proposals.values()].flatMap(({ open }) =>
    open.flatMap((shape): Ghost[] => {
      const ghost = shape.kind === 'new' ? null : ghostOf(canvas, shape);
      return ghost && shape.kind !== 'new' && Object.keys(shape.fields).length
        ? [{ shape: ghost, kind: shape.kind }]
        : [];
    }),
  );
}

/** A shape as it would be when the proposal is accepted; null when it is gone. */
export function ghostOf(canvas: Canvas, { id, kind, fields }: OpenShape): Shape | null {
  const stored = canvas.get(id);
  if (!stored) return null;
  return kind === 'new' ? stored : shapeWith(stored, id, fields);
}

/** What is drawn over the board: pending changes, then what is being written. */
export const ghostsOf = (canvas: Canvas, proposals: Proposals, coming: readonly unknown[]): Ghost[] =>
  [...proposed(canvas, proposals), ...coming.flatMap((preview) => previewed(canvas, preview))].slice(0, MOST);

/** Says that something waits for a word while the panel, which has the buttons, is closed. */
function mountReminder(editor: Editor, app: HTMLElement): void {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button island proposals-open';
  button.dataset.testid = 'proposals-open';
  button.addEventListener('click', () => {
    editor.panelOpen.value = true;
  });
  app.append(button);
  effect(() => {
    let open = 0;
    for (const proposal of proposalsOf(editor.room.doc).value.values()) open += proposal.open.length;
    button.hidden = open === 0 || editor.panelOpen.value;
    button.textContent = `${open} ${open === 1 ? 'proposal' : 'proposals'} to decide on`;
  });
}

export function mountGhosts(editor: Editor, app: HTMLElement): void {
  mountReminder(editor, app);
  let last: unknown[] = [];
  let shown: readonly Ghost[] = [];
  effect(() => {
    const coming = previews(editor);
    const wanted = proposalsOf(editor.room.doc).value;
    void editor.version.value; // a shape that was moved takes what is proposed for it along
    if (!coming.length && !wanted.size && !shown.length) return;
    const inputs = [...coming, wanted, editor.version.peek()];
    if (inputs.length === last.length && inputs.every((input, i) => input === last[i])) return; // only cursors moved
    last = inputs;
    shown = ghostsOf(editor.canvas, wanted, coming);
    editor.scene.propose(shown);
  });
}
