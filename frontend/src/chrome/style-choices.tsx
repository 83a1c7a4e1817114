/** The popovers of the style bar: colour and opacity, line, words. */
import type { JSX } from 'preact';
import type { Shape } from '../canvas';
import { PALETTE, type ShapeFields } from '../canvas.gen';
import type { Editor } from '../editor';
import { recolour, restyle } from '../input/actions';
import { Choice } from '../ui/Button';
import { TextAlignCenter, TextAlignEnd, TextAlignStart } from '../ui/icons';

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
const ALIGNS = [
  ['left', TextAlignStart],
  ['center', TextAlignCenter],
  ['right', TextAlignEnd],
] as const;
const ROUTES = [
  ['straight', 'M3 15 15 3'],
  ['elbow', 'M3 15V9h12V3'],
  ['curve', 'M3 15C3 8 15 10 15 3'],
] as const;
const HEADS = [
  ['start_head', 'Arrow at the start', 'M16 9H3M8 4 3 9l5 5'],
  ['end_head', 'Arrow at the end', 'M2 9h13M10 4l5 5-5 5'],
] as const;

interface Props {
  editor: Editor;
  /** what the choices show as chosen */
  first: Shape;
}

const choose =
  (editor: Editor, fields: Partial<ShapeFields>): (() => void) =>
  () =>
    restyle(editor, () => fields);

export function Colours({ editor, first }: Props): JSX.Element {
  const now = first.fill === 'none' ? first.stroke : first.fill;
  const canBeEmpty = !['note', 'text', 'draw', 'connector', 'frame'].includes(first.type);
  return (
    <div class="island popover colours" role="group" aria-label="Colour">
      {PALETTE.map((name) => (
        <Choice
          key={name}
          name={name}
          testid={`colour-${name}`}
          isChosen={now === name}
          onClick={() => recolour(editor, name)}
        >
          <span class="swatch" style={{ background: `var(--${name}-fill)`, borderColor: `var(--${name}-stroke)` }} />
        </Choice>
      ))}
      {canBeEmpty && (
        <Choice
          name="No fill"
          class="wide-choice"
          testid="colour-none"
          isChosen={first.fill === 'none'}
          onClick={() => recolour(editor, 'none')}
        >
          No fill
        </Choice>
      )}
      <Opacity editor={editor} first={first} />
    </div>
  );
}

/** Others see the new value when the slider is let go: a gesture is one change. */
function Opacity({ editor, first }: Props): JSX.Element {
  const percent = Math.round(first.opacity * 100);
  const show = (value: number): void => {
    const shapes = editor.selected().filter((shape) => !shape.locked);
    editor.scene.override(new Map(shapes.map((shape) => [shape.id, { opacity: value / 100 }])));
  };
  return (
    <label class="opacity">
      <span>Opacity</span>
      <input
        type="range"
        min={10}
        max={100}
        step={5}
        data-testid="opacity"
        value={percent}
        onInput={(event) => show(event.currentTarget.valueAsNumber)}
        onChange={(event) => {
          const opacity = event.currentTarget.valueAsNumber / 100;
          editor.scene.override(new Map());
          restyle(editor, () => ({ opacity }));
        }}
      />
    </label>
  );
}

export function Lines({ editor, first }: Props): JSX.Element {
  return (
    <div class="island popover choices" role="group" aria-label="Line">
      {WIDTHS.map(([width, name]) => (
        <Choice
          key={width}
          name={`${name} line`}
          testid={`line-${width}`}
          isChosen={first.stroke_width === width}
          onClick={choose(editor, { stroke_width: width })}
        >
          <i class="stroke" style={{ height: `${width}px` }} />
        </Choice>
      ))}
      <Choice
        name="Dashed line"
        testid="line-dashed"
        isChosen={first.dashed}
        onClick={choose(editor, { dashed: !first.dashed })}
      >
        <i class="stroke dashes" />
      </Choice>
      {first.type === 'connector' && <Routes editor={editor} first={first} />}
    </div>
  );
}

function Routes({ editor, first }: Props): JSX.Element {
  return (
    <>
      <span class="rule" />
      {ROUTES.map(([route, path]) => (
        <Choice
          key={route}
          name={`${route} line`}
          testid={`route-${route}`}
          isChosen={first.route === route}
          onClick={choose(editor, { route })}
        >
          <Sketch path={path} />
        </Choice>
      ))}
      <span class="rule" />
      {HEADS.map(([end, name, path]) => (
        <Choice
          key={end}
          name={name}
          testid={`head-${end}`}
          isChosen={first[end] === 'arrow'}
          onClick={choose(editor, { [end]: first[end] === 'arrow' ? 'none' : 'arrow' })}
        >
          <Sketch path={path} />
        </Choice>
      ))}
    </>
  );
}

function Sketch({ path }: { path: string }): JSX.Element {
  return (
    <svg width="18" height="18" aria-hidden="true">
      <path
        d={path}
        fill="none"
        stroke="currentColor"
        stroke-width="1.75"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

export function Words({ editor, first }: Props): JSX.Element {
  return (
    <div class="island popover choices" role="group" aria-label="Text">
      {SIZES.map(([px, name]) => (
        <Choice
          key={px}
          name={`${name} text`}
          testid={`text-${px}`}
          isChosen={first.font_size === px}
          onClick={choose(editor, { font_size: px })}
        >
          <span style={{ fontSize: `${Math.min(20, 9 + px * 0.35)}px`, fontWeight: 600 }}>A</span>
        </Choice>
      ))}
      {first.type !== 'connector' && (
        <>
          <span class="rule" />
          {ALIGNS.map(([align, Icon]) => (
            <Choice
              key={align}
              name={`Align ${align}`}
              testid={`align-${align}`}
              isChosen={first.text_align === align}
              onClick={choose(editor, { text_align: align })}
            >
              <Icon size={17} strokeWidth={1.75} aria-hidden="true" />
            </Choice>
          ))}
        </>
      )}
    </div>
  );
}
