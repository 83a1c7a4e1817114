/** The assistant as awareness shows it: name, model, what it is doing right now. */
import { computed, type ReadonlySignal } from '@preact/signals';
import type { AgentPresence, Presence } from '../board';

export interface Assistant extends AgentPresence {
  name: string;
}

/** The room's own assistant, else any other that is here, else null. */
export function assistantOf(people: readonly Presence[]): Assistant | null {
  const agents = people.filter((person) => person.agent !== null);
  const found = agents.find((person) => person.user.id === 'assistant') ?? agents[0];
  return found?.agent ? { ...found.agent, name: found.user.name } : null;
}

/** The same object as long as nothing of it changes: `people` moves with every cursor, the panel need not. */
export function watchAssistant(people: ReadonlySignal<readonly Presence[]>): ReadonlySignal<Assistant | null> {
  let last: Assistant | null = null;
  return computed(() => {
    const next = assistantOf(people.value);
    if (JSON.stringify(next) !== JSON.stringify(last)) last = next;
    return last;
  });
}
