/** What lies over the shapes in screen px: selection, handles, others' selections, targets, lasso, guides. */
import type { JSX } from 'preact';
import type { Editor } from '../editor';
import { type Box, bounds, type Placement } from '../geometry';

const OUT = 4; // the selection frame stands this far outside, as in the mock
const TARGET_OUT = 6;
const HANDLE = 9;
const EDGE = 12; // width of the invisible strips along the edges
const ROTATE_UP = 26;

interface Screen extends Box {
  rotation: number;
}

function onScreen(editor: Editor, place: Placement, out: number): Screen {
  const at = editor.camera.toScreen(place);
  const zoom = editor.camera.zoom.value;
  return {
    x: at.x - out,
    y: at.y - out,
    w: place.w * zoom + 2 * out,
    h: place.h * zoom + 2 * out,
    rotation: place.rotation,
  };
}

const turned = (box: Screen): string | undefined =>
  box.rotation ? `rotate(${box.rotation} ${box.x + box.w / 2} ${box.y + box.h / 2})` : undefined;

function Frame(props: { box: Screen; class: string; radius?: number; color?: string }): JSX.Element {
  const { box } = props;
  return (
    <rect
      class={props.class}
      x={box.x}
      y={box.y}
      width={box.w}
      height={box.h}
      rx={props.radius ?? 2}
      transform={turned(box)}
      style={props.color ? { stroke: props.color } : undefined}
    />
  );
}

export function Overlay({ editor }: { editor: Editor }): JSX.Element {
  return (
    <svg class="overlay" aria-hidden="true">
      <Targets editor={editor} />
      <Others editor={editor} />
      <Selection editor={editor} />
      <Guides editor={editor} />
    </svg>
  );
}

/** Shapes that the assistant works on, that the panel points at, that a connector would bind to. */
function Targets({ editor }: { editor: Editor }): JSX.Element {
  void editor.scene.version.value; // a component is drawn anew only for what it reads itself
  const place = (id: string): Screen | null => {
    const found = editor.place(id);
    return found && onScreen(editor, found, TARGET_OUT);
  };
  const agents = editor.presence.players.value.filter((player) => player.agent);
  const targets = [...new Set(agents.flatMap((player) => player.agent?.targets ?? []))];
  const bind = editor.target.value;
  const rows: [string, string][] = [
    ...targets.map((id): [string, string] => [id, 'target']),
    ...editor.highlighted.value.map((id): [string, string] => [id, 'target highlight']),
    ...[bind, editor.linkFrom.value].flatMap((id): [string, string][] => (id ? [[id, 'bind']] : [])),
  ];
  return (
    <g>
      {rows.map(([id, kind]) => {
        const box = place(id);
        return box && <Frame key={`${kind}${id}`} box={box} class={kind} radius={14} />;
      })}
    </g>
  );
}

function Others({ editor }: { editor: Editor }): JSX.Element {
  void editor.scene.version.value; // a component is drawn anew only for what it reads itself
  const others = editor.presence.players.value.filter((player) => !player.isMe && player.user.kind === 'human');
  return (
    <g>
      {others.flatMap((player) =>
        player.selection.slice(0, 100).map((id) => {
          const place = editor.place(id);
          return (
            place && (
              <Frame
                key={`${player.clientId}${id}`}
                box={onScreen(editor, place, OUT)}
                class="theirs"
                color={player.user.color}
              />
            )
          );
        }),
      )}
    </g>
  );
}

function Selection({ editor }: { editor: Editor }): JSX.Element | null {
  void editor.scene.version.value;
  const shapes = editor.selected();
  const lasso = editor.marquee.value;
  const area = lasso && onScreen(editor, { ...lasso, rotation: 0 }, 0);
  const single = shapes.length === 1 ? shapes[0]! : null;
  const isEditing = editor.editing.value !== null;
  const isFixed = isEditing || !editor.room.canWrite.value || shapes.every((shape) => shape.locked);
  const parts: (JSX.Element | null)[] = [];
  if (single?.type === 'connector') {
    const line = editor.scene.line(single.id);
    if (line && !isFixed) {
      const ends = [
        ['from', line.start],
        ['to', line.end],
      ] as const;
      for (const [name, end] of ends) {
        const at = editor.camera.toScreen(end);
        parts.push(<circle key={name} class="handle" data-handle={name} cx={at.x} cy={at.y} r={5.5} />);
      }
    }
  } else if (shapes.length) {
    if (!single) {
      for (const shape of shapes.slice(0, 300)) {
        const place = editor.place(shape.id);
        if (place) parts.push(<Frame key={shape.id} box={onScreen(editor, place, 1)} class="member" />);
      }
    }
    const place = single ? editor.place(single.id) : withTurn(editor.boundsOf(shapes.map((shape) => shape.id)));
    if (place) {
      const box = onScreen(editor, place, OUT);
      parts.push(<Frame key="box" box={box} class="selected" />);
      if (!isFixed && !lasso) parts.push(<Handles key="handles" box={box} canRotate={single !== null} />);
    }
  }
  return (
    <g>
      {parts}
      {area && <rect class="marquee" x={area.x} y={area.y} width={area.w} height={area.h} />}
    </g>
  );
}

const withTurn = (box: Box | null): Placement | null => box && { ...box, rotation: 0 };

function Handles({ box, canRotate }: { box: Screen; canRotate: boolean }): JSX.Element {
  const { x, y, w, h } = box;
  const corners = [
    ['nw', x, y],
    ['ne', x + w, y],
    ['se', x + w, y + h],
    ['sw', x, y + h],
  ] as const;
  const strip = EDGE / 2;
  const edges = [
    ['n', x, y - strip, w, EDGE],
    ['e', x + w - strip, y, EDGE, h],
    ['s', x, y + h - strip, w, EDGE],
    ['w', x - strip, y, EDGE, h],
  ] as const;
  const top = { x: x + w / 2, y: y - ROTATE_UP };
  return (
    <g transform={turned(box)}>
      {edges.map(([name, left, up, wide, tall]) => (
        <rect key={name} class={`edge ${name}`} data-handle={name} x={left} y={up} width={wide} height={tall} />
      ))}
      {canRotate && (
        <g class="rotate">
          <circle class="grip" data-handle="rotate" cx={top.x} cy={top.y} r={14} />
          <circle class="knob" cx={top.x} cy={top.y} r={4.5} />
        </g>
      )}
      {corners.map(([name, cx, cy]) => (
        <g key={name}>
          <rect class={`grip ${name}`} data-handle={name} x={cx - 11} y={cy - 11} width={22} height={22} />
          <rect class="handle" x={cx - HANDLE / 2} y={cy - HANDLE / 2} width={HANDLE} height={HANDLE} rx={2} />
        </g>
      ))}
    </g>
  );
}

function Guides({ editor }: { editor: Editor }): JSX.Element {
  return (
    <g>
      {editor.guides.value.map((guide, i) => {
        const a = editor.camera.toScreen({ x: guide.x1, y: guide.y1 });
        const b = editor.camera.toScreen({ x: guide.x2, y: guide.y2 });
        return <line key={i} class="guide" x1={a.x} y1={a.y} x2={b.x} y2={b.y} />;
      })}
    </g>
  );
}

/** The selection's box in screen px, for the style bar. */
export function selectionBox(editor: Editor): Box | null {
  const place = editor.boundsOf(editor.selection.value);
  return place && bounds(onScreen(editor, { ...place, rotation: 0 }, OUT));
}
