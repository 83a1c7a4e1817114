/** What the board offers to the parts beside it (the assistant panel). Small on purpose; `main.tsx` makes the one instance. */
import type { ReadonlySignal, Signal } from '@preact/signals';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';

export interface Person {
  id: string;
  name: string;
  /** '#rrggbb'; the assistant's is drawn as `var(--agent)` */
  color: string;
  kind: 'human' | 'agent';
}

export interface View {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** The assistant's part of its awareness state. */
export interface AgentPresence {
  status: 'idle' | 'thinking' | 'working' | 'waiting';
  run: string | null;
  targets: readonly string[];
  note: string;
  /** its words while they stream; the finished message is in the document */
  text: string;
  model: string;
  demo: boolean;
}

/** Somebody who is on the board now, one entry per connected client. */
export interface Presence {
  clientId: number;
  isMe: boolean;
  user: Person;
  selection: readonly string[];
  dragging: readonly string[];
  agent: AgentPresence | null;
}

export type SaveState = 'saved' | 'saving' | 'offline' | 'reconnecting' | 'read-only' | 'error';

export interface SaveStatus {
  state: SaveState;
  /** gestures that the server has not confirmed as durable */
  pending: number;
  /** what the chip says */
  text: string;
  /** where the edits are, a sentence */
  detail: string;
}

/** What an undo of a run or call did: fields written back, and [shape, field, why] for what it left alone. */
export interface UndoReport {
  restored: number;
  kept: readonly (readonly [shape: string, field: string, why: string])[];
  /** one sentence for people, "Undone. Kept the position of Sync server: changed since." */
  text: string;
}

export interface Board {
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  readonly room: string;
  readonly me: ReadonlySignal<Person>;
  /** everybody here: assistants first, then people, oneself last; silent while only cursors move */
  readonly people: ReadonlySignal<readonly Presence[]>;
  readonly status: ReadonlySignal<SaveStatus>;
  readonly canWrite: ReadonlySignal<boolean>;
  /** May this person add comments? Who may write may. */
  readonly canComment: ReadonlySignal<boolean>;
  /** The comment that a pin on the board asks the panel to show; the panel sets it back to null. */
  readonly wanted: Signal<string | null>;
  /** ids of live shapes */
  readonly selection: ReadonlySignal<ReadonlySet<string>>;
  /** is the assistant panel shown; the panel's own collapse button writes false */
  readonly panelOpen: Signal<boolean>;
  /** The part of the board that this person sees, px. */
  view(): View;
  /** A glow around these shapes until the next call; null ends it. */
  highlight(ids: readonly string[] | null): void;
  zoomTo(ids: readonly string[]): void;
  select(ids: readonly string[]): void;
  /** What people call it: its text, or its type ("Rectangle"); "a removed shape" when it is gone. */
  shapeLabel(id: string): string;
  shapeType(id: string): string | null;
  /** Spoken by screen readers (polite). */
  announce(text: string): void;
  /** A short notice at the bottom of the board, with an optional action. */
  notice(text: string, action?: { label: string; run: () => void }): void;
  /** Takes back what the run (call) did and nobody changed since, in one transaction. */
  undoRun(run: string): UndoReport;
  undoCall(call: string): UndoReport;
  /** Shows the board before and after each call of the run, in the place of the board, until the person comes back. */
  replay(run: string): void;
  /**
   * Called when `/`, Ask or the empty board wants the composer, or `C` wants it for a comment: focus it, with this text
   * if given. Returns unsubscribe.
   */
  onAsk(listener: (text?: string, isComment?: boolean) => void): () => void;
}
