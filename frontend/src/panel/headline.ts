/** The first line of a run card: what state the run is in, in words. Pure. */
import type { Assistant } from './assistant';
import type { RunCard } from './card';
import { hasEnded } from './read';
import { ordinal } from './words';

export type Tone = 'busy' | 'waiting' | 'done' | 'stopped' | 'failed' | 'undone';

export interface Headline {
  tone: Tone;
  text: string;
  /** One more sentence under it: why it waits, or what went wrong. */
  detail: string;
  /** May the same prompt be asked again from here? */
  retry: boolean;
}

export interface Surroundings {
  assistant: Assistant | null;
  online: boolean;
  /** Name of the user, "you" for oneself. */
  nameOf(user: string): string;
}

const make = (tone: Tone, text: string, detail = '', retry = false): Headline => ({ tone, text, detail, retry });

function queued(card: RunCard, { assistant, online }: Surroundings): Headline {
  if (card.ahead > 0) return make('waiting', `Queued (${ordinal(card.ahead + 1)})`);
  if (!online) return make('waiting', 'Queued', 'Goes to the assistant when the connection is back.');
  if (!assistant) return make('waiting', 'Queued', 'No assistant is connected. It starts when one joins.');
  return make('busy', 'Starting…');
}

function running(card: RunCard, { assistant, online }: Surroundings): Headline {
  if (card.stopping || card.status === 'cancelling') return make('busy', 'Stopping…');
  if (card.status === 'requires_user') return make('waiting', 'Waiting for an answer');
  if (!online) return make('waiting', 'Waiting', 'Offline: its next steps show when the connection is back.');
  if (!assistant) return make('waiting', 'Waiting', 'The assistant is away. It goes on with this when it is back.');
  const mine = assistant.run === card.id;
  if (mine && assistant.status === 'waiting') return make('busy', 'Waiting…');
  if (mine && assistant.status === 'thinking') return make('busy', 'Thinking…');
  const steps = card.entries.some((entry) => entry.kind === 'step');
  const working = mine ? assistant.status === 'working' : steps || card.status === 'requires_action';
  return make('busy', working ? 'Working…' : 'Thinking…');
}

/** What people read at the top of a card. */
export function headlineOf(card: RunCard, around: Surroundings): Headline {
  if (card.status === 'queued') return queued(card, around);
  if (!hasEnded(card.status)) return running(card, around);
  if (card.undone && card.status === 'completed') return make('undone', card.title);
  const why = card.error?.message ?? '';
  switch (card.status) {
    case 'cancelled':
      return make('stopped', card.stoppedBy === null ? 'Stopped' : `Stopped by ${around.nameOf(card.stoppedBy)}`, why);
    case 'expired':
      return make('failed', 'Ran out of time', why || 'It took longer than a run may take.', true);
    case 'incomplete':
      return make('failed', 'Not finished', why || 'The model stopped before it was done.', true);
    case 'failed':
      return make('failed', 'Failed', why || 'Something went wrong on the way.', true);
    default:
      return make('done', card.title);
  }
}
