/** The one ticking signal that every time in the panel and the room list is drawn from. */
import { type ReadonlySignal, signal } from '@preact/signals';

const SLOW_MS = 10_000; // "2 min ago" need not be fresher
const FAST_MS = 100; // tenths of a second while something runs

export interface Clock {
  /** Epoch ms of the last tick. */
  readonly now: ReadonlySignal<number>;
  /** Tick each 100 ms (a run is going on) or each 10 s. */
  setFast(fast: boolean): void;
  stop(): void;
}

/** Ticks while the page is visible; a page that comes back is brought up to date at once. */
export function startClock(): Clock {
  const now = signal(Date.now());
  let period = SLOW_MS;
  let timer: ReturnType<typeof setInterval> | undefined;
  const tick = (): void => {
    now.value = Date.now();
  };
  const arm = (): void => {
    clearInterval(timer);
    timer = document.hidden ? undefined : setInterval(tick, period);
    if (!document.hidden) tick();
  };
  document.addEventListener('visibilitychange', arm);
  arm();
  return {
    now,
    setFast(fast) {
      const wanted = fast ? FAST_MS : SLOW_MS;
      if (wanted === period) return;
      period = wanted;
      arm();
    },
    stop() {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', arm);
    },
  };
}
