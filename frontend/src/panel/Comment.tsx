/** One comment in the feed: who said what to everybody, about which shapes. */
import { useComputed } from '@preact/signals';
import { Check, MessageSquare } from 'lucide-preact';
import type { JSX } from 'preact';
import { resolve } from './asking';
import type { CommentItem } from './feed';
import type { Panel } from './panel';
import { ago, moment } from './words';

/** Shapes that are named; of more, how many. */
const NAMED = 4;

function About({ ids, panel }: { ids: readonly string[]; panel: Panel }): JSX.Element | null {
  const { board } = panel;
  if (ids.length === 0) return null;
  const hide = (): void => board.highlight(null);
  return (
    <div class="comment-about">
      {ids.slice(0, NAMED).map((id) => {
        const name = board.shapeLabel(id);
        const show = (): void => board.highlight([id]);
        return (
          <button
            key={id}
            type="button"
            class="comment-shape"
            aria-label={`About ${name}. Show on the board`}
            onMouseEnter={show}
            onMouseLeave={hide}
            onFocus={show}
            onBlur={hide}
            onClick={() => board.zoomTo([id])}
          >
            {name}
          </button>
        );
      })}
      {ids.length > NAMED && <span>and {ids.length - NAMED} more</span>}
    </div>
  );
}

export function Comment({ item, panel }: { item: CommentItem; panel: Panel }): JSX.Element {
  const { board } = panel;
  const when = useComputed(() => ago(item.at, panel.clock.now.value));
  const { resolved } = item;
  return (
    <article
      class="comment"
      data-testid="comment"
      data-comment={item.id}
      data-state={resolved ? 'resolved' : 'open'}
      tabIndex={-1}
    >
      <div class="comment-meta" title={moment(item.at)}>
        <MessageSquare size={14} strokeWidth={1.75} aria-hidden="true" />
        <b>{panel.nameOf(item.by, item.byName)}</b>
        <span>
          commented · <time>{when}</time>
        </span>
        {board.canWrite.value ? (
          <button
            type="button"
            class="comment-resolve"
            data-testid="comment-resolve"
            aria-pressed={resolved}
            title={resolved ? 'Open it again' : 'Take its pin off the board'}
            onClick={() => resolve(board.doc, item.id, !resolved)}
          >
            <Check size={14} strokeWidth={1.9} aria-hidden="true" />
            {resolved ? 'Resolved' : 'Resolve'}
          </button>
        ) : (
          resolved && <span class="comment-resolved">Resolved</span>
        )}
      </div>
      <p class="comment-body">{item.body}</p>
      <About ids={item.about} panel={panel} />
    </article>
  );
}
