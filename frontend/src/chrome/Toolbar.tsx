import type { LucideIcon } from 'lucide-preact';
import type { JSX } from 'preact';
import type { Editor, Tool } from '../editor';
import { toolByKeyboard } from '../input/by-keyboard';
import { Button } from '../ui/Button';
import {
  ArrowUpRight,
  Circle,
  Diamond,
  Frame,
  Hand,
  MessageSquare,
  MousePointer2,
  Pencil,
  Sparkles,
  Square,
  StickyNote,
  Triangle,
  Type,
} from '../ui/icons';

interface Entry {
  tool: Tool;
  name: string;
  icon: LucideIcon;
  keys?: string;
  /** left out on a phone: fingers move the board, and the bar must fit */
  isWide?: boolean;
}

const MOVE: readonly Entry[] = [
  { tool: 'select', name: 'Select', icon: MousePointer2, keys: 'V' },
  { tool: 'hand', name: 'Move the board', icon: Hand, keys: 'H', isWide: true },
];
const DRAW: readonly Entry[] = [
  { tool: 'rect', name: 'Rectangle', icon: Square, keys: 'R' },
  { tool: 'ellipse', name: 'Ellipse', icon: Circle, keys: 'O' },
  { tool: 'diamond', name: 'Diamond', icon: Diamond, keys: 'D', isWide: true },
  { tool: 'triangle', name: 'Triangle', icon: Triangle, isWide: true },
  { tool: 'connector', name: 'Arrow', icon: ArrowUpRight, keys: 'A' },
  { tool: 'draw', name: 'Pen', icon: Pencil, keys: 'P' },
  { tool: 'text', name: 'Text', icon: Type, keys: 'T' },
  { tool: 'note', name: 'Note', icon: StickyNote, keys: 'N' },
  { tool: 'frame', name: 'Frame', icon: Frame, keys: 'F', isWide: true },
];

/** The tools, bottom centre. */
export function Toolbar({ editor, ask }: { editor: Editor; ask: (isComment?: boolean) => void }): JSX.Element {
  const button = ({ tool, name, icon, keys, isWide }: Entry): JSX.Element => (
    <Button
      key={tool}
      name={name}
      icon={icon}
      {...(keys ? { keys } : {})}
      class={`tool${isWide ? ' wide' : ''}`}
      testid={`tool-${tool}`}
      pressed={editor.tool.value === tool}
      onClick={(event) => {
        editor.tool.value = tool;
        if (event.detail === 0) toolByKeyboard(editor); // a click without a pointer
      }}
    >
      {keys && <kbd>{keys}</kbd>}
    </Button>
  );
  return (
    <div class="island toolbar" role="toolbar" aria-label="Tools">
      {MOVE.map(button)}
      {editor.room.canWrite.value && (
        <>
          <span class="rule" />
          {DRAW.map(button)}
          <span class="rule" />
          <Button
            name="Ask the assistant"
            icon={Sparkles}
            keys="/"
            class="tool ask"
            testid="tool-ask"
            onClick={() => ask()}
          >
            <kbd>/</kbd>
          </Button>
        </>
      )}
      {!editor.room.canWrite.value && editor.room.canComment.value && (
        <>
          <span class="rule" />
          <Button
            name="Comment"
            icon={MessageSquare}
            keys="C"
            class="tool"
            testid="tool-comment"
            onClick={() => ask(true)}
          >
            <kbd>C</kbd>
          </Button>
        </>
      )}
    </div>
  );
}
