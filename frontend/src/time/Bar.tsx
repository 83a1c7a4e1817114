/** The frame that the bars of versions and replay share: what is shown, a slider through it, what can be done. */
import { ChevronLeft, ChevronRight, type LucideIcon, X } from 'lucide-preact';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export interface BarProps {
  label: string;
  icon: LucideIcon;
  title: string;
  /** stands in the place of the title while that is written */
  field?: ComponentChildren;
  /** beside the title */
  tool?: ComponentChildren;
  /** small, beside the title */
  when: string;
  detail: ComponentChildren;
  /** the stops of the slider, 0 .. last */
  last: number;
  at: number;
  /** what a stop is called, for screen readers */
  stop: string;
  onMove: (at: number) => void;
  onClose: () => void;
  children?: ComponentChildren;
}

export function Bar(props: BarProps): JSX.Element {
  const { icon: Icon, last, at, onMove } = props;
  const slider = useRef<HTMLInputElement>(null);
  useEffect(() => slider.current?.focus(), []);
  const step = (to: number): void => {
    if (to <= 0 || to >= last) slider.current?.focus(); // the button goes grey, and would take the focus with it
    onMove(to);
  };
  return (
    <section class="island past-bar" data-testid="past-bar" aria-label={props.label}>
      <header>
        <Icon size={16} strokeWidth={1.75} aria-hidden="true" />
        {props.field ?? <h2 data-testid="past-title">{props.title}</h2>}
        {props.tool}
        <span class="past-when">{props.when}</span>
        <button
          type="button"
          class="icon-button"
          data-testid="past-close"
          aria-label="Back to the board"
          title="Back to the board (Esc)"
          onClick={props.onClose}
        >
          <X size={17} strokeWidth={1.75} />
        </button>
      </header>
      <div class="past-slider">
        <button
          type="button"
          class="icon-button"
          data-testid="past-earlier"
          aria-label="Earlier"
          disabled={at <= 0}
          onClick={() => step(at - 1)}
        >
          <ChevronLeft size={18} strokeWidth={1.75} />
        </button>
        <input
          ref={slider}
          type="range"
          data-testid="past-slider"
          min={0}
          max={last}
          step={1}
          value={at}
          disabled={last === 0}
          aria-label={props.label}
          aria-valuetext={props.stop}
          onInput={(event) => onMove(Number(event.currentTarget.value))}
        />
        <button
          type="button"
          class="icon-button"
          data-testid="past-later"
          aria-label="Later"
          disabled={at >= last}
          onClick={() => step(at + 1)}
        >
          <ChevronRight size={18} strokeWidth={1.75} />
        </button>
      </div>
      <footer>
        <p class="past-detail" data-testid="past-detail">
          {props.detail}
        </p>
        {props.children}
      </footer>
    </section>
  );
}
