/** What screen readers hear of the runs: each step and each end, once, in words. */
import type { RunCard } from './card';
import type { FeedItem } from './feed';
import { headlineOf, type Surroundings } from './headline';
import { hasEnded } from './read';
import { spoken } from './steps';

const cardsOf = (items: readonly FeedItem[]): Map<string, RunCard> =>
  new Map(items.flatMap((item) => (item.kind === 'prompt' && item.run ? [[item.run.id, item.run] as const] : [])));

/** Sentences for what happened between two states of the feed. The past of a room that is just opened is not news: of
 * comments, what was said before `since`, ms. */
export function newsBetween(
  before: readonly FeedItem[],
  after: readonly FeedItem[],
  around: Surroundings,
  since = 0,
): readonly string[] {
  const known = cardsOf(before);
  const news: string[] = [];
  const heardOf = new Set(before.map((item) => item.id));
  for (const item of after) {
    if (item.kind !== 'comment' || heardOf.has(item.id) || item.at < since) continue;
    const name = around.nameOf(item.by);
    if (name !== 'you') news.push(`Comment by ${item.byName || name}: ${item.body}`);
  }
  for (const card of cardsOf(after).values()) {
    const old = known.get(card.id);
    if (old === card || (!old && hasEnded(card.status))) continue;
    const heard = new Set(old?.entries.map((entry) => entry.id));
    for (const entry of card.entries) {
      if (!heard.has(entry.id)) news.push(entry.kind === 'step' ? spoken(entry) : entry.body);
    }
    if (old?.status !== card.status && (hasEnded(card.status) || card.status === 'requires_user')) {
      const { text, detail } = headlineOf(card, around);
      news.push(`Assistant: ${[text, detail].filter((part) => part !== '').join('. ')}`);
    }
  }
  return news;
}
