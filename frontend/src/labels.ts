/**
 * Two people who finish one label at the same moment write it at the same moment, and a map keeps one of two concurrent
 * values. Whoever's words lost lays them onto the others': both keep what they typed. Only the loser sees the value
 * change, so it happens once.
 */
import type { Canvas, Stamp } from './canvas';
import { MAX_TEXT } from './canvas.gen';
import { merge3 } from './merge';

interface Write {
  base: string;
  text: string;
  stamp: Stamp;
}

export class Labels {
  /** the last words of this page, by shape */
  readonly #writes = new Map<string, Write>();

  constructor(readonly canvas: Canvas) {
    canvas.onChange((ids, transaction) => {
      if (transaction.local) return;
      for (const id of ids) this.#check(id);
    });
  }

  /** This person has just written the text of a shape, laid onto `base`. */
  wrote(id: string, base: string): void {
    const stamp = this.canvas.stamp(id, 'text');
    const text = this.canvas.find(id)?.text;
    if (stamp && text !== undefined) this.#writes.set(id, { base, text, stamp });
  }

  #check(id: string): void {
    const mine = this.#writes.get(id);
    const now = this.canvas.find(id);
    if (!mine || !now || now.text === mine.text) return;
    this.#writes.delete(id);
    if (this.canvas.isAfter(id, 'text', mine.stamp)) return; // they had read it and changed it
    const text = merge3(mine.base, mine.text, now.text).slice(0, MAX_TEXT);
    // Not inside the transaction that brought their words: its observers still run.
    queueMicrotask(() => {
      this.canvas.apply([{ id, fields: { text } }], this);
      this.wrote(id, now.text);
    });
  }
}
