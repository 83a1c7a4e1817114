/** What a run proposes: one line a shape, each to accept or reject, and both for all. */
import { useSignal } from '@preact/signals';
import { Check, X } from 'lucide-preact';
import type { JSX } from 'preact';
import { accept, type Decision, reject } from '../drafts';
import type { Proposal } from '../proposals';
import { decided, nameOf, whatOf } from './deciding';
import type { Panel } from './panel';
import { capitalised, count } from './words';

/** Lines shown before the rest hides behind a button. */
const SHOWN = 6;

export function ProposalBox(props: { run: string; proposal: Proposal; panel: Panel }): JSX.Element | null {
  const { run, proposal, panel } = props;
  const { board } = panel;
  const all = useSignal(false);
  const canWrite = board.canWrite.value;
  if (!proposal.open.length) return null;
  const decide = (how: typeof accept, shapes: readonly string[] | null): void => {
    board.highlight(null);
    tell(how(board.doc, run, shapes, board.me.peek().id, Date.now()), how === accept);
  };
  const tell = (decision: Decision, accepted: boolean): void => {
    const { done, left } = decided(decision, accepted, panel.lookup);
    if (left.length) board.notice([done, ...left.slice(0, 2)].join(' '));
    board.announce([done, ...left].join(' '));
  };
  const shown = all.value ? proposal.open : proposal.open.slice(0, SHOWN);
  return (
    <div class="proposal" data-testid="proposal" data-open={proposal.open.length}>
      <ul>
        {shown.map((shape) => (
          <li key={shape.id} data-shape={shape.id}>
            <button
              type="button"
              class="proposal-what"
              aria-label={`${whatOf(shape)} ${nameOf(shape.id, panel.lookup)}. Show on the board`}
              onMouseEnter={() => board.highlight([shape.id])}
              onMouseLeave={() => board.highlight(null)}
              onFocus={() => board.highlight([shape.id])}
              onBlur={() => board.highlight(null)}
              onClick={() => board.zoomTo([shape.id])}
            >
              <span>{whatOf(shape)}</span> <b>{nameOf(shape.id, panel.lookup)}</b>
            </button>
            {canWrite && (
              <>
                <button
                  type="button"
                  class="icon-button"
                  data-testid="accept-shape"
                  aria-label={`Accept: ${whatOf(shape)} ${nameOf(shape.id, panel.lookup)}`}
                  title="Accept"
                  onClick={() => decide(accept, [shape.id])}
                >
                  <Check size={14} strokeWidth={2} aria-hidden="true" />
                </button>
                <button
                  type="button"
                  class="icon-button"
                  data-testid="reject-shape"
                  aria-label={`Reject: ${whatOf(shape)} ${nameOf(shape.id, panel.lookup)}`}
                  title="Reject"
                  onClick={() => decide(reject, [shape.id])}
                >
                  <X size={14} strokeWidth={2} aria-hidden="true" />
                </button>
              </>
            )}
          </li>
        ))}
      </ul>
      {proposal.open.length > shown.length && (
        <button type="button" class="run-more" onClick={() => (all.value = true)}>
          Show {count(proposal.open.length - shown.length, 'more')}
        </button>
      )}
      <div class="run-footer">
        <span class="run-changes">{capitalised(count(proposal.open.length, 'proposal'))}</span>
        {canWrite && (
          <>
            <button type="button" class="small-button" data-testid="reject-run" onClick={() => decide(reject, null)}>
              <X size={14} strokeWidth={1.75} aria-hidden="true" /> Reject all
            </button>
            <button
              type="button"
              class="small-button outlined"
              data-testid="accept-run"
              onClick={() => decide(accept, null)}
            >
              <Check size={14} strokeWidth={1.75} aria-hidden="true" /> Accept all
            </button>
          </>
        )}
      </div>
    </div>
  );
}
