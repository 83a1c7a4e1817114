import type { LucideIcon } from 'lucide-preact';
import type { JSX } from 'preact';
import type { Editor, Tool } from '../editor';
import {
  ArrowUpRight,
  Circle,
  Diamond,
  Frame,
  Hand,
  MousePointer2,
  Pencil,
  Sparkles,
  Square,
  StickyNote,
  Triangle,
  Type,
} from '../ui/icons';
import { Tooltip } from '../ui/Tooltip';

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
export function Toolbar({ editor, ask }: { editor: Editor; ask: () => void }): JSX.Element {
  const button = ({ tool, name, icon: Glyph, keys, isWide }: Entry): JSX.Element => (
    <Tooltip key={tool} text={name} {...(keys ? { keys } : {})}>
      <button
        type="button"
        class={`tool${isWide ? ' wide' : ''}`}
        data-testid={`tool-${tool}`}
        aria-label={name}
        aria-keyshortcuts={keys}
        aria-pressed={editor.tool.value === tool}
        disabled={!editor.room.canWrite.value && tool !== 'select' && tool !== 'hand'}
        onClick={() => {
          editor.tool.value = tool;
        }}
      >
        <Glyph size={18} strokeWidth={1.75} />
        {keys && <kbd>{keys}</kbd>}
      </button>
    </Tooltip>
  );
  return (
    <div class="island toolbar" role="toolbar" aria-label="Tools">
      {MOVE.map(button)}
      <span class="rule" />
      {DRAW.map(button)}
      <span class="rule" />
      <Tooltip text="Ask the assistant" keys="/">
        <button
          type="button"
          class="tool ask"
          data-testid="tool-ask"
          aria-label="Ask the assistant"
          aria-keyshortcuts="/"
          onClick={ask}
        >
          <Sparkles size={18} strokeWidth={1.75} />
          <kbd>/</kbd>
        </button>
      </Tooltip>
    </div>
  );
}
