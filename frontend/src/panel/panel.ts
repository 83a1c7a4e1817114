/** What every part of the panel shares: the board, the feed, the assistant, the clock. */
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type * as Y from 'yjs';
import type { Board, View } from '../board';
import { type Proposals, proposalsOf } from '../proposals';
import { remembered } from '../ui/storage';
import { type Assistant, watchAssistant } from './assistant';
import { type Clock, startClock } from './clock';
import { Feed, type FeedItem, shapeLookup } from './feed';
import { hasEnded } from './read';
import type { ShapeLookup } from './steps';

export interface Panel {
  readonly board: Board;
  readonly clock: Clock;
  readonly items: ReadonlySignal<readonly FeedItem[]>;
  readonly assistant: ReadonlySignal<Assistant | null>;
  /** Does what we write reach the server now? */
  readonly online: ReadonlySignal<boolean>;
  /** Unfinished runs, the one that is running first. */
  readonly active: ReadonlySignal<readonly string[]>;
  /** What runs propose, by run. */
  readonly proposals: ReadonlySignal<Proposals>;
  /** Shall what this person asks only be proposed? */
  readonly propose: Signal<boolean>;
  /** Is what this person writes a comment for everybody, and asks nothing of the assistant? */
  readonly commenting: Signal<boolean>;
  /** Does the room have everything proposed? */
  readonly alwaysPropose: ReadonlySignal<boolean>;
  readonly lookup: ShapeLookup;
  /** What the person sees of the board beside or above the panel, whole px: new shapes should not lie under it. */
  view(): View;
  /** "You", the person's name as the room knows it, or the name the message carries. */
  nameOf(user: string, carried?: string): string;
  dispose(): void;
}

/** What the islands cover at the top and the bottom of the page, px. */
const ISLANDS = { top: 64, bottom: 72 };

/** The view less what islands and the panel cover: a strip on the right, or the lower part of a phone. */
export function uncovered(view: View, panel: { left: number; top: number }, page: { w: number; h: number }): View {
  const isBeside = panel.left > 0;
  const scale = view.h / page.h;
  const w = isBeside ? (view.w * Math.min(panel.left, page.w)) / page.w : view.w;
  const end = isBeside ? page.h - ISLANDS.bottom : Math.min(panel.top, page.h);
  const h = Math.max(1, end - ISLANDS.top) * scale;
  return { x: Math.round(view.x), y: Math.round(view.y + ISLANDS.top * scale), w: Math.round(w), h: Math.round(h) };
}

const isUnderWay = (item: FeedItem): boolean =>
  item.kind === 'prompt' && item.run !== null && item.run.startedAt !== null && !hasEnded(item.run.status);

/** A switch that this browser remembers. */
function remembering(key: string): Signal<boolean> {
  const found = signal(remembered.get(key) === 'yes');
  found.subscribe((on) => (on ? remembered.set(key, 'yes') : remembered.remove(key)));
  return found;
}

function watchPolicy(doc: Y.Doc): { propose: ReadonlySignal<boolean>; stop: () => void } {
  const policy = doc.getMap<unknown>('policy');
  const propose = signal(policy.get('propose') === true);
  const look = (): void => {
    propose.value = policy.get('propose') === true;
  };
  policy.observe(look);
  return { propose, stop: () => policy.unobserve(look) };
}

/** `el`: where the panel is drawn. */
export function makePanel(board: Board, el: HTMLElement): Panel {
  const feed = new Feed(board.doc);
  const clock = startClock();
  const items = signal(feed.items);
  const unsubscribe = feed.subscribe(() => {
    items.value = feed.items;
  });
  const active = computed(() =>
    items.value
      .flatMap((item) => (item.kind === 'prompt' && item.run && !hasEnded(item.run.status) ? item.run : []))
      .sort((a, b) => a.ahead - b.ahead)
      .map((run) => run.id),
  );
  const assistant = watchAssistant(board.people);
  const policy = watchPolicy(board.doc);
  // Tenths of a second are for a run that somebody works on; one that waits for an assistant may wait for days.
  const isWorking = computed(() => assistant.value !== null && items.value.some(isUnderWay));
  const stopTicking = isWorking.subscribe((fast) => clock.setFast(fast));
  return {
    board,
    clock,
    items,
    active,
    assistant,
    proposals: proposalsOf(board.doc),
    propose: remembering('coplayer:propose'),
    commenting: signal(false),
    alwaysPropose: policy.propose,
    online: computed(() => board.status.value.state !== 'offline' && board.status.value.state !== 'reconnecting'),
    lookup: shapeLookup(board.doc.getMap('shapes')),
    view: () => uncovered(board.view(), el.getBoundingClientRect(), { w: innerWidth, h: innerHeight }),
    nameOf(user, carried = '') {
      if (user === board.me.peek().id) return 'You';
      return (
        carried ||
        board.people.peek().find((person) => person.user.id === user)?.user.name ||
        (user === 'assistant' ? 'the assistant' : 'Somebody')
      );
    },
    dispose() {
      stopTicking();
      policy.stop();
      unsubscribe();
      feed.dispose();
      clock.stop();
    },
  };
}
