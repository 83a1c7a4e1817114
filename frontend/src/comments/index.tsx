/** Pins on the shapes that somebody commented on; a click shows the comment in the panel. */
import type { ReadonlySignal } from '@preact/signals';
import { type JSX, render } from 'preact';
import type { Board } from '../board';
import type { Editor } from '../editor';
import { bounds } from '../geometry';
import { colourOf } from '../me';
import type { MessageEntry } from '../panel/read';
import { count, oneLine } from '../panel/words';
import { initials } from '../ui/Avatar';
import { type Pinned, watchPinned } from './pinned';
import './comments.css';

/** px; a pin's tip, bottom left, stands on the shape's top right corner. */
const SIZE = 26;
/** Where the panel comes up from below. */
const SHEET = matchMedia('(max-width: 699px)');
/** More pins than this hide the board. */
const MOST = 200;

export function mountComments(editor: Editor, chrome: HTMLElement, board: Board): void {
  const host = document.createElement('div');
  host.className = 'pins';
  chrome.before(host); // under the islands
  const pinned = watchPinned(editor.room.doc);
  const show = (shape: string, id: string): void => {
    board.panelOpen.value = true;
    board.wanted.value = id;
    if (SHEET.matches) board.zoomTo([shape]); // else the sheet would cover what the comment is about
  };
  render(<Pins editor={editor} pinned={pinned} show={show} />, host);
}

function Pins(props: {
  editor: Editor;
  pinned: ReadonlySignal<Pinned>;
  show: (shape: string, id: string) => void;
}): JSX.Element | null {
  const { editor, show } = props;
  const pinned = props.pinned.value;
  if (pinned.size === 0) return null;
  void editor.scene.version.value;
  const { w, h } = editor.camera.size.value;
  const port = editor.camera.port.value;
  const pins: JSX.Element[] = [];
  for (const [shape, comments] of pinned) {
    const place = editor.place(shape);
    if (!place || pins.length >= MOST) continue;
    const box = bounds(place);
    const x = (box.x + box.w - port.x) * port.zoom - SIZE / 3;
    const y = (box.y - port.y) * port.zoom - SIZE * 0.7;
    if (x < -SIZE || y < -SIZE || x > w || y > h) continue;
    pins.push(
      <Pin key={shape} comments={comments} label={editor.label(shape)} x={x} y={y} show={(id) => show(shape, id)} />,
    );
  }
  return <>{pins}</>;
}

function Pin(props: {
  comments: readonly MessageEntry[];
  label: string;
  x: number;
  y: number;
  show: (id: string) => void;
}): JSX.Element {
  const { comments, x, y } = props;
  const newest = comments[comments.length - 1]!;
  const said = `${newest.byName || 'Somebody'}: ${oneLine(newest.body, 120)}`;
  const many = comments.length > 1;
  return (
    <button
      type="button"
      class="pin"
      data-testid="comment-pin"
      data-count={comments.length}
      aria-label={`${count(comments.length, 'comment')} on ${props.label}. ${said}`}
      title={said}
      style={{
        transform: `translate(${Math.round(x)}px, ${Math.round(y)}px)`,
        background: colourOf(newest.by),
      }}
      onClick={() => props.show(newest.id)}
    >
      <span data-letters={many ? comments.length : initials(newest.byName || '?')} />
    </button>
  );
}
