/** One run: what the assistant is doing or did, with Stop while it works and Undo afterwards. */
import { useComputed, useSignal } from '@preact/signals';
import { Check, CircleAlert, CircleStop, Clock3, Rewind, RotateCcw, Undo2, X } from 'lucide-preact';
import type { ComponentChildren, JSX } from 'preact';
import { ask, keep, remove, stop } from './asking';
import type { RunCard as Card } from './card';
import { type Headline, headlineOf, type Tone } from './headline';
import { keptSentences } from './outcome';
import { ProposalBox } from './ProposalBox';
import { Prose } from './Prose';
import type { Panel } from './panel';
import { QuestionBox } from './QuestionBox';
import { hasEnded, type Usage } from './read';
import { LiveStep, StepRow } from './StepRow';
import { count, duration, usageWords } from './words';

/** Steps shown before the rest hides behind a button: a card then fits the panel. */
const SHOWN = 8;

function ToneIcon({ tone }: { tone: Tone }): JSX.Element {
  const props = { size: 16, strokeWidth: 1.75, 'aria-hidden': true } as const;
  switch (tone) {
    case 'busy':
      return <span class="spinner" aria-hidden="true" />;
    case 'waiting':
      return <Clock3 {...props} />;
    case 'done':
      return <Check {...props} />;
    case 'stopped':
      return <CircleStop {...props} />;
    case 'failed':
      return <CircleAlert {...props} />;
    case 'undone':
      return <Undo2 {...props} />;
  }
}

/** Time since the start while it runs, the whole time afterwards. */
function Elapsed({ card, panel }: { card: Card; panel: Panel }): JSX.Element | null {
  const { startedAt, endedAt } = card;
  const ended = hasEnded(card.status);
  if (startedAt === null || (ended && endedAt === null)) return null;
  const until = endedAt ?? panel.clock.now.value;
  return <span class="run-time">{duration(until - startedAt)}</span>;
}

function Entries({ card, panel }: { card: Card; panel: Panel }): JSX.Element {
  const all = useSignal(false);
  const hidden = all.value ? 0 : Math.max(0, card.entries.length - SHOWN);
  return (
    <>
      {hidden > 0 && (
        <button type="button" class="run-more" onClick={() => (all.value = true)}>
          Show {count(hidden, 'earlier step')}
        </button>
      )}
      {card.entries
        .slice(hidden)
        .map((entry) =>
          entry.kind === 'step' ? (
            <StepRow key={entry.id} step={entry} panel={panel} />
          ) : (
            <Prose key={entry.id} text={entry.body} />
          ),
        )}
    </>
  );
}

/** The assistant's plan; what is done is ticked. */
function PlanList({ card }: { card: Card }): JSX.Element {
  return (
    <ul class="run-plan" data-testid="plan" aria-label="Plan">
      {card.plan.map((step, index) => (
        <li key={index} data-state={step.state}>
          {step.text}
        </li>
      ))}
    </ul>
  );
}

/** What the assistant does and says at this moment; its own component, so that only this follows the stream. */
function Live({ card, panel }: { card: Card; panel: Panel }): JSX.Element | null {
  const assistant = panel.assistant.value;
  if (assistant?.run !== card.id || card.stopping) return null;
  const last = card.entries.at(-1);
  return (
    <>
      {assistant.text.trim() !== '' && <Prose text={assistant.text} streaming />}
      <LiveStep panel={panel} last={last?.kind === 'step' ? last : null} />
    </>
  );
}

function usageInFull({ input, cached, output }: Usage): string {
  const number = (n: number): string => n.toLocaleString('en');
  return `${number(input)} tokens read (${number(cached)} of them again), ${number(output)} written`;
}

function Footer({ label, children }: { label: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="run-footer">
      <span class="run-changes">{label}</span>
      {children}
    </div>
  );
}

function Undone({ card, panel }: { card: Card; panel: Panel }): JSX.Element | null {
  if (!card.undone) return null;
  const sentences = keptSentences(card.undone.kept, card.undone.created, panel.lookup);
  return (
    <div class="run-undone">
      <p>Undone{card.undone.by ? ` by ${panel.nameOf(card.undone.by).replace('You', 'you')}` : ''}.</p>
      {sentences.slice(0, 3).map((sentence) => (
        <p key={sentence}>{sentence}.</p>
      ))}
      {sentences.length > 3 && <p>And {count(sentences.length - 3, 'more')} kept.</p>}
    </div>
  );
}

function Actions({ card, panel, headline }: { card: Card; panel: Panel; headline: Headline }): JSX.Element | null {
  const { board } = panel;
  const write = board.canWrite.value;
  const ended = hasEnded(card.status);
  if (card.status === 'queued') return null;
  if (!ended) {
    const word = card.propose ? 'proposal' : 'change';
    const soFar = card.changes.length ? `${count(card.changes.length, word)} so far` : `No ${word}s yet`;
    return (
      <Footer label={soFar}>
        {write && (
          <button
            type="button"
            class="small-button outlined"
            data-testid="stop"
            aria-keyshortcuts="Escape"
            disabled={card.stopping}
            onClick={() => stop(board.doc, board.me.value, card.id, Date.now())}
          >
            <CircleStop size={14} strokeWidth={1.75} aria-hidden="true" /> Stop
          </button>
        )}
      </Footer>
    );
  }
  if (card.undone) return <Undone card={card} panel={panel} />;
  const again = headline.retry && write;
  // Of a run that proposes only what was accepted is on the board; what is open is decided on above.
  const proposal = card.propose ? panel.proposals.value.get(card.id) : undefined;
  const changes = card.propose ? (proposal?.accepted ?? []) : card.changes;
  const pending = changes.length > 0 && !card.kept && !proposal?.open.length;
  if (!again && !pending) {
    const isRejected = card.propose && changes.length === 0 && card.changes.length > 0 && !proposal?.open.length;
    return isRejected ? <Footer label="Nothing of it was accepted" /> : null;
  }
  return (
    <Footer label={changes.length ? count(changes.length, card.propose ? 'accepted change' : 'change') : 'No changes'}>
      {again && (
        <button
          type="button"
          class="small-button"
          onClick={() => ask(board.doc, board.me.value, card.prompt.body, card.prompt.context, Date.now())}
        >
          <RotateCcw size={14} strokeWidth={1.75} aria-hidden="true" /> Try again
        </button>
      )}
      {pending && write && (
        <>
          <button
            type="button"
            class="small-button"
            data-testid="undo-run"
            onClick={() => board.announce(board.undoRun(card.id).text)}
          >
            <Undo2 size={14} strokeWidth={1.75} aria-hidden="true" /> Undo
          </button>
          <button
            type="button"
            class="small-button outlined"
            data-testid="keep-run"
            onClick={() => keep(board.doc, card.id)}
          >
            <Check size={14} strokeWidth={1.75} aria-hidden="true" /> Keep
          </button>
        </>
      )}
    </Footer>
  );
}

export function RunCard({ card, panel }: { card: Card; panel: Panel }): JSX.Element {
  const around = useComputed(() => ({
    assistant: panel.assistant.value,
    online: panel.online.value,
    nameOf: (user: string) => panel.nameOf(user).replace(/^You$/, 'you'),
  }));
  const headline = headlineOf(card, around.value);
  const { board } = panel;
  const proposal = card.propose ? panel.proposals.value.get(card.id) : undefined;
  return (
    <section
      class="run"
      data-testid="run-card"
      data-run={card.id}
      data-status={card.status}
      data-tone={headline.tone}
      data-undone={card.undone ? true : undefined}
      aria-label={`Assistant: ${headline.text}`}
    >
      <header class="run-head">
        <ToneIcon tone={headline.tone} />
        <span class="run-title">{headline.text}</span>
        {card.propose && <span class="run-badge">Proposal</span>}
        {hasEnded(card.status) && card.entries.some((entry) => entry.kind === 'step') && (
          <button
            type="button"
            class="icon-button run-replay"
            data-testid="replay-run"
            aria-label="Replay this run step by step"
            title="Replay step by step"
            onClick={() => board.replay(card.id)}
          >
            <Rewind size={14} strokeWidth={1.75} aria-hidden="true" />
          </button>
        )}
        <Elapsed card={card} panel={panel} />
        {card.status === 'queued' && board.canWrite.value && (
          <button type="button" class="small-button" onClick={() => remove(board.doc, card.id)}>
            <X size={14} strokeWidth={1.75} aria-hidden="true" /> Remove
          </button>
        )}
      </header>
      {headline.detail && <p class="run-detail">{headline.detail}</p>}
      {card.plan.length > 0 && <PlanList card={card} />}
      <div class="run-entries">
        <Entries card={card} panel={panel} />
        {!hasEnded(card.status) && <Live card={card} panel={panel} />}
      </div>
      {card.question && !card.stopping && <QuestionBox run={card.id} question={card.question} panel={panel} />}
      {card.usage && hasEnded(card.status) && (
        <p class="run-usage" data-testid="run-usage" title={usageInFull(card.usage)}>
          {usageWords(card.usage)}
        </p>
      )}
      {proposal && <ProposalBox run={card.id} proposal={proposal} panel={panel} />}
      <Actions card={card} panel={panel} headline={headline} />
    </section>
  );
}
