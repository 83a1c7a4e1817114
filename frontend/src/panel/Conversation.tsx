/** The one feed for all people: prompts and run cards, following its end unless somebody scrolled up. */
import { useComputed, useSignal } from '@preact/signals';
import { ArrowDown } from 'lucide-preact';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Comment } from './Comment';
import type { FeedItem, PromptItem } from './feed';
import type { Panel } from './panel';
import { RunCard } from './RunCard';
import { ago, moment } from './words';

/** Prompts shown before "Show earlier"; old ones cost layout on each streamed word. */
const PAGE = 30;
/** Nearer than this to the end counts as being at the end, px. */
const NEAR_END = 48;

function Prompt({ item, panel }: { item: PromptItem; panel: Panel }): JSX.Element {
  const when = useComputed(() => ago(item.at, panel.clock.now.value));
  const mine = item.by === panel.board.me.value.id;
  return (
    <article class="prompt" data-mine={mine}>
      <div class="prompt-meta" title={moment(item.at)}>
        <span>{panel.nameOf(item.by, item.byName)}</span> · <time>{when}</time>
      </div>
      <p class="prompt-body">{item.body}</p>
    </article>
  );
}

function Item({ item, panel }: { item: FeedItem; panel: Panel }): JSX.Element {
  if (item.kind === 'notice') return <li class="feed-notice">{item.body}</li>;
  if (item.kind === 'comment') {
    return (
      <li>
        <Comment item={item} panel={panel} />
      </li>
    );
  }
  return (
    <li class="feed-item">
      <Prompt item={item} panel={panel} />
      {item.run && <RunCard card={item.run} panel={panel} />}
    </li>
  );
}

export function Conversation({ panel }: { panel: Panel }): JSX.Element {
  const scroller = useRef<HTMLElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const atEnd = useRef(true);
  const behind = useSignal(false);
  const shown = useSignal(PAGE);
  const items = panel.items.value;
  const visible = items.slice(-shown.value);
  const newest = items[items.length - 1];
  const last = newest?.id;
  const mineLast = newest !== undefined && newest.kind !== 'notice' && newest.by === panel.board.me.peek().id;

  const toEnd = (): void => {
    const el = scroller.current;
    if (el) el.scrollTop = el.scrollHeight;
  };
  // Whoever asks wants to see what comes of it, wherever they had scrolled to.
  useLayoutEffect(() => {
    if (last !== undefined && mineLast) atEnd.current = true;
    if (atEnd.current) toEnd();
  }, [last, mineLast]);
  // One observer follows everything that grows: new steps, streamed words, opened details.
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (atEnd.current) toEnd();
      else behind.value = true;
    });
    if (list.current) observer.observe(list.current);
    return () => observer.disconnect();
  }, [behind]);

  // A pin on the board asks for its comment: there may be pages of others before it.
  const wanted = panel.board.wanted.value;
  useEffect(() => {
    if (wanted === null) return;
    const index = items.findIndex((item) => item.id === wanted);
    if (index >= 0 && items.length - index > shown.peek()) {
      shown.value = items.length - index;
      return; // and again when it is there
    }
    const found = list.current?.querySelector<HTMLElement>(`[data-comment="${CSS.escape(wanted)}"]`);
    if (found) {
      atEnd.current = false;
      found.scrollIntoView({ block: 'center' });
      found.focus({ preventScroll: true });
    }
    panel.board.wanted.value = null;
  }, [wanted, items, shown.value]);

  const onScroll = (): void => {
    const el = scroller.current;
    if (!el) return;
    atEnd.current = el.scrollHeight - el.scrollTop - el.clientHeight < NEAR_END;
    if (atEnd.current) behind.value = false;
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section class="feed" ref={scroller} onScroll={onScroll} tabIndex={0} aria-label="Conversation">
      {items.length > visible.length && (
        <button type="button" class="feed-earlier" onClick={() => (shown.value += PAGE)}>
          Show earlier
        </button>
      )}
      <ol ref={list}>
        {visible.map((item) => (
          <Item key={item.id} item={item} panel={panel} />
        ))}
      </ol>
      {behind.value && (
        <button type="button" class="feed-newest" onClick={toEnd}>
          <ArrowDown size={14} strokeWidth={1.75} aria-hidden="true" /> Newest
        </button>
      )}
    </section>
  );
}
