/** Colour, line, size, delete and Ask, under the selection. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Shape } from '../canvas';
import { PALETTE } from '../canvas.gen';
import { fillOf, strokeOf } from '../draw/colour';
import type { Editor } from '../editor';
import { duplicate, recolour, remove, reorder, restyle } from '../input/actions';
import { Copy, PenLine, Sparkles, Trash2, Type } from '../ui/icons';
import { Tooltip } from '../ui/Tooltip';
import { selectionBox } from './Overlay';

const GAP = 16;
const EDGE = 8;
const WIDTHS = [
  [1, 'Fine'],
  [2, 'Thin'],
  [4, 'Medium'],
  [8, 'Thick'],
] as const;
const SIZES = [
  [12, 'Small'],
  [15, 'Normal'],
  [20, 'Large'],
  [32, 'Huge'],
] as const;

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
    bar.current.style.transform = `translate(${Math.round(left)}px, ${Math.round(Math.max(60, top))}px)`;
  });
  if (isHidden || !box) return null;
  const first = shapes[0]!;
  const toggle = (which: Open): void => {
    open.value = open.value === which ? null : which;
  };
  const lined = shapes.some((shape) => shape.type !== 'text' && shape.type !== 'note');
  const worded = shapes.some((shape) => shape.type !== 'draw' && shape.type !== 'frame');
  return (
    <div class="island style-bar" role="toolbar" aria-label="Style of the selection" data-testid="style-bar" ref={bar}>
      <Tooltip text="Colour">
        <button
          type="button"
          class="icon-button"
          data-testid="style-colour"
          aria-label="Colour"
          aria-expanded={open.value === 'colour'}
          onClick={() => toggle('colour')}
        >
          <span class="swatch" style={dotOf(first)} />
        </button>
      </Tooltip>
      <span class="rule" />
      {lined && (
        <Tooltip text="Line">
          <button
            type="button"
            class="icon-button"
            data-testid="style-line"
            aria-label="Line"
            aria-expanded={open.value === 'line'}
            onClick={() => toggle('line')}
          >
            <PenLine size={17} strokeWidth={1.75} />
          </button>
        </Tooltip>
      )}
      {worded && (
        <Tooltip text="Text size">
          <button
            type="button"
            class="icon-button"
            data-testid="style-text"
            aria-label="Text size"
            aria-expanded={open.value === 'text'}
            onClick={() => toggle('text')}
          >
            <Type size={17} strokeWidth={1.75} />
          </button>
        </Tooltip>
      )}
      <Tooltip text="Duplicate" keys="Ctrl D">
        <button
          type="button"
          class="icon-button"
          data-testid="style-duplicate"
          aria-label="Duplicate"
          onClick={() => duplicate(editor)}
        >
          <Copy size={16} strokeWidth={1.75} />
        </button>
      </Tooltip>
      <Tooltip text="Delete" keys="Del">
        <button
          type="button"
          class="icon-button"
          data-testid="style-delete"
          aria-label="Delete"
          onClick={() => remove(editor)}
        >
          <Trash2 size={16} strokeWidth={1.75} />
        </button>
      </Tooltip>
      <span class="rule" />
      <button type="button" class="button ask-button" data-testid="style-ask" onClick={ask}>
        <Sparkles size={16} strokeWidth={1.75} />
        Ask
      </button>
      {open.value === 'colour' && <Colours editor={editor} first={first} />}
      {open.value === 'line' && (
        <div class="island popover choices" role="group" aria-label="Line">
          {WIDTHS.map(([width, name]) => (
            <button
              type="button"
              key={width}
              aria-label={`${name} line`}
              data-testid={`line-${width}`}
              aria-pressed={first.stroke_width === width}
              onClick={() => restyle(editor, () => ({ stroke_width: width }))}
            >
              <i class="stroke" style={{ height: `${width}px` }} />
            </button>
          ))}
          <button
            type="button"
            aria-label="Dashed line"
            data-testid="line-dashed"
            aria-pressed={first.dashed}
            onClick={() => restyle(editor, () => ({ dashed: !first.dashed }))}
          >
            <i class="stroke dashes" />
          </button>
          {first.type === 'connector' && <Routes editor={editor} first={first} />}
        </div>
      )}
      {open.value === 'text' && (
        <div class="island popover choices" role="group" aria-label="Text size">
          {SIZES.map(([px, name]) => (
            <button
              type="button"
              key={px}
              aria-label={`${name} text`}
              data-testid={`text-${px}`}
              aria-pressed={first.font_size === px}
              onClick={() => restyle(editor, () => ({ font_size: px }))}
            >
              <span style={{ fontSize: `${Math.min(20, 9 + px * 0.35)}px`, fontWeight: 600 }}>A</span>
            </button>
          ))}
          <span class="rule" />
          <button type="button" aria-label="Bring forward" onClick={() => reorder(editor, 'up')}>
            ]
          </button>
          <button type="button" aria-label="Send back" onClick={() => reorder(editor, 'down')}>
            [
          </button>
        </div>
      )}
    </div>
  );
}

function Colours({ editor, first }: { editor: Editor; first: Shape }): JSX.Element {
  const now = first.fill === 'none' ? first.stroke : first.fill;
  const canBeEmpty = !['note', 'text', 'draw', 'connector', 'frame'].includes(first.type);
  return (
    <div class="island popover colours" role="group" aria-label="Colour">
      {PALETTE.map((name) => (
        <button
          type="button"
          key={name}
          aria-label={name}
          title={name}
          data-testid={`colour-${name}`}
          aria-pressed={now === name}
          onClick={() => recolour(editor, name)}
        >
          <span class="swatch" style={{ background: `var(--${name}-fill)`, borderColor: `var(--${name}-stroke)` }} />
        </button>
      ))}
      {canBeEmpty && (
        <button
          type="button"
          class="wide-choice"
          data-testid="colour-none"
          aria-pressed={first.fill === 'none'}
          onClick={() => recolour(editor, 'none')}
        >
          No fill
        </button>
      )}
    </div>
  );
}

function Routes({ editor, first }: { editor: Editor; first: Shape }): JSX.Element {
  const routes = [
    ['straight', 'M3 15 15 3'],
    ['elbow', 'M3 15V9h12V3'],
    ['curve', 'M3 15C3 8 15 10 15 3'],
  ] as const;
  return (
    <>
      <span class="rule" />
      {routes.map(([route, path]) => (
        <button
          type="button"
          key={route}
          aria-label={`${route} line`}
          aria-pressed={first.route === route}
          onClick={() => restyle(editor, () => ({ route }))}
        >
          <svg width="18" height="18" aria-hidden="true">
            <path d={path} fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" />
          </svg>
        </button>
      ))}
      <button
        type="button"
        aria-label="Arrow head"
        aria-pressed={first.end_head === 'arrow'}
        onClick={() => restyle(editor, () => ({ end_head: first.end_head === 'arrow' ? 'none' : 'arrow' }))}
      >
        <svg width="18" height="18" aria-hidden="true">
          <path
            d="M2 9h13M10 4l5 5-5 5"
            fill="none"
            stroke="currentColor"
            stroke-width="1.75"
            stroke-linecap="round"
            stroke-linejoin="round"
          />
        </svg>
      </button>
    </>
  );
}
