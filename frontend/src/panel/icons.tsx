/** The picture of a step, by what the step did. */
import {
  Circle,
  Diamond,
  Eye,
  Frame,
  LayoutGrid,
  ListChecks,
  type LucideIcon,
  MessageCircleQuestion,
  Move,
  MoveUpRight,
  Paintbrush,
  Pencil,
  Search,
  Square,
  StickyNote,
  Trash2,
  Triangle,
  Type,
  Undo2,
  Wrench,
  X,
} from 'lucide-preact';
import type { JSX } from 'preact';
import type { StepIcon } from './steps';

const ICONS: Readonly<Record<StepIcon, LucideIcon>> = {
  rect: Square,
  ellipse: Circle,
  diamond: Diamond,
  triangle: Triangle,
  note: StickyNote,
  text: Type,
  draw: Pencil,
  frame: Frame,
  connector: MoveUpRight,
  move: Move,
  change: Paintbrush,
  delete: Trash2,
  arrange: LayoutGrid,
  look: Eye,
  find: Search,
  check: ListChecks,
  undo: Undo2,
  ask: MessageCircleQuestion,
  error: X,
  tool: Wrench,
};

export function StepPicture({ icon }: { icon: StepIcon }): JSX.Element {
  const Icon = ICONS[icon];
  return <Icon size={14} strokeWidth={1.75} aria-hidden="true" />;
}
