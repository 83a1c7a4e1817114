/** One line of a run card: a tool call that was made, or the one being made. */
import type { JSX } from 'preact';
import { StepPicture } from './icons';
import type { Panel } from './panel';
import { doing, type Step, spoken } from './steps';
import { duration } from './words';

/** Verb, bold subject and the rest, set apart by space alone. */
function StepWords({ words }: { words: Pick<Step, 'verb' | 'subject' | 'rest'> }): JSX.Element {
  return (
    <span class="step-words">
      <span>{words.verb}</span>
      {words.subject && <b>{words.subject}</b>}
      {words.rest && <span>{words.rest}</span>}
    </span>
  );
}

export function StepRow({ step, panel }: { step: Step; panel: Panel }): JSX.Element {
  const { board } = panel;
  const state = step.error ? 'error' : step.undone ? 'undone' : 'done';
  const content = (
    <>
      <StepPicture icon={step.icon} />
      <StepWords words={step} />
      {step.ms !== null && <span class="step-time">{duration(step.ms)}</span>}
    </>
  );
  if (step.targets.length === 0) {
    return (
      <div class="step" data-testid="run-step" data-state={state} title={step.error ? spoken(step) : undefined}>
        {content}
      </div>
    );
  }
  const show = (): void => board.highlight(step.targets);
  const hide = (): void => board.highlight(null);
  return (
    <button
      type="button"
      class="step"
      data-testid="run-step"
      data-state={state}
      aria-label={`${spoken(step)}${step.undone ? ', taken back' : ''}. Show on the board`}
      onMouseEnter={show}
      onMouseLeave={hide}
      onFocus={show}
      onBlur={hide}
      onClick={() => board.zoomTo(step.targets)}
    >
      {content}
    </button>
  );
}

/** The call under way, from the assistant's presence; null when it is already among the steps. */
export function LiveStep({ panel, last }: { panel: Panel; last: Step | null }): JSX.Element | null {
  const assistant = panel.assistant.value;
  if (!assistant || assistant.status === 'idle') return null;
  const { note, targets } = assistant;
  if (targets.length > 0 && last && targets.every((id) => last.targets.includes(id))) return null;
  const words = doing(note, targets, panel.lookup);
  if (words === null) return null;
  return (
    <div class="step" data-testid="run-step" data-state="live">
      <span class="spinner small" aria-hidden="true" />
      <StepWords words={words} />
    </div>
  );
}
