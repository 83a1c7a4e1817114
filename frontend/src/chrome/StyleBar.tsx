/** Colour, line, words and Ask, under the selection; everything else is behind "More". */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Shape } from '../canvas';
import { fillOf, strokeOf } from '../draw/colour';
import type { Editor } from '../editor';
import { duplicate, isAllLocked, remove, toggleLock } from '../input/actions';
import { Button } from '../ui/Button';
import { Copy, Ellipsis, LockOpen, PenLine, Sparkles, Trash2, Type } from '../ui/icons';
import { later } from './later';
import { selectionBox } from './Overlay';

const Colours = later('Colours');
const Lines = later('Lines');
const Words = later('Words');

const GAP = 16;
const EDGE = 8;
/** Height of the tallest choices, px. */
const CHOICES = 200;

type Open = 'colour' | 'line' | 'text' | null;

/** The colour that the dot shows: fill where there is one, else the line's. */
function dotOf(shape: Shape): JSX.CSSProperties {
  const isLine = shape.type === 'text' || shape.type === 'draw' || shape.type === 'connector';
  if (isLine || shape.fill === 'none') {
    return { background: shape.stroke === 'none' ? 'var(--text)' : strokeOf(shape.stroke), borderColor: 'transparent' };
  }
  const edge = shape.stroke === 'none' ? shape.fill : shape.stroke;
  return { background: fillOf(shape.fill), borderColor: strokeOf(edge) };
}

export function StyleBar({ editor, ask }: { editor: Editor; ask: () => void }): JSX.Element | null {
  void editor.scene.version.value;
  const shapes = editor.selected();
  const isHidden = !shapes.length || editor.busy.value || editor.editing.value !== null || !editor.room.canWrite.value;
  const open = useSignal<Open>(null);
  const bar = useRef<HTMLDivElement>(null);
  const box = isHidden ? null : selectionBox(editor);
  const size = editor.camera.size.value;
  const ids = [...editor.selection.value].join();
  // Another selection closes the menus.
  useEffect(() => {
    open.value = null;
  }, [ids, isHidden]);
  useLayoutEffect(() => {
    if (!bar.current || !box) return;
    const { offsetWidth: w, offsetHeight: h } = bar.current;
    const right = size.w - editor.camera.inset.right;
    const below = box.y + box.h + GAP;
    const fitsBelow = below + h < size.h - editor.camera.inset.bottom;
    const above = box.y - GAP - 32 - h;
    const top =
      fitsBelow || above < editor.camera.inset.top ? Math.min(below, size.h - editor.camera.inset.bottom - h) : above;
    const left = Math.max(EDGE, Math.min(right - w - EDGE, box.x + box.w / 2 - w / 2));
    const y = Math.round(Math.max(60, top));
    bar.current.style.transform = `translate(${Math.round(left)}px, ${y}px)`;
    // Its choices open upwards only where there is no room below.
    bar.current.classList.toggle('high', y + h + CHOICES > size.h - editor.camera.inset.bottom);
    // Asking for its size lays out the page at once: only when something of this changed, not at each remote change.
  }, [box?.x, box?.y, box?.w, box?.h, size, ids, isAllLocked(shapes), editor.panelOpen.value]);
  if (isHidden || !box) return null;
  const first = shapes[0]!;
  if (isAllLocked(shapes)) {
    return (
      <div class="island style-bar" role="toolbar" aria-label="Locked" data-testid="style-bar" ref={bar}>
        <button type="button" class="button quiet" data-testid="style-unlock" onClick={() => toggleLock(editor)}>
          <LockOpen size={16} strokeWidth={1.75} aria-hidden="true" />
          Unlock
        </button>
      </div>
    );
  }
  const toggle = (which: Open) => (): void => {
    open.value = open.value === which ? null : which;
  };
  const lined = shapes.some((shape) => shape.type !== 'text' && shape.type !== 'note');
  const worded = shapes.some((shape) => shape.type !== 'draw' && shape.type !== 'frame');
  const more = (): void => {
    const { left = 0, bottom = 0 } = bar.current?.getBoundingClientRect() ?? {};
    editor.menuAt.value = { x: left, y: bottom + EDGE };
  };
  return (
    <div class="island style-bar" role="toolbar" aria-label="Style of the selection" data-testid="style-bar" ref={bar}>
      <Button name="Colour" testid="style-colour" expanded={open.value === 'colour'} onClick={toggle('colour')}>
        <span class="swatch" style={dotOf(first)} />
      </Button>
      <span class="rule" />
      {lined && (
        <Button
          name="Line"
          icon={PenLine}
          size={17}
          testid="style-line"
          expanded={open.value === 'line'}
          onClick={toggle('line')}
        />
      )}
      {worded && (
        <Button
          name="Text"
          icon={Type}
          size={17}
          testid="style-text"
          expanded={open.value === 'text'}
          onClick={toggle('text')}
        />
      )}
      <Button
        name="Duplicate"
        icon={Copy}
        size={16}
        keys="Ctrl D"
        testid="style-duplicate"
        onClick={() => duplicate(editor)}
      />
      <Button name="Delete" icon={Trash2} size={16} keys="Del" testid="style-delete" onClick={() => remove(editor)} />
      <Button name="More" icon={Ellipsis} size={17} testid="style-more" popup="menu" onClick={more} />
      <span class="rule" />
      <button type="button" class="button ask-button" data-testid="style-ask" onClick={ask}>
        <Sparkles size={16} strokeWidth={1.75} aria-hidden="true" />
        Ask
      </button>
      {open.value === 'colour' && <Colours editor={editor} first={first} />}
      {open.value === 'line' && <Lines editor={editor} first={first} />}
      {open.value === 'text' && <Words editor={editor} first={first} />}
    </div>
  );
}
