import type { ComponentChildren, JSX } from 'preact';
import './tooltip.css';

/** A label that appears on hover and keyboard focus. The child carries its own aria-label; this is for eyes only. */
export function Tooltip(props: {
  text: string;
  keys?: string;
  side?: 'top' | 'bottom';
  children: ComponentChildren;
}): JSX.Element {
  return (
    <span class="tip" data-side={props.side ?? 'top'}>
      {props.children}
      <span class="tip-text" aria-hidden="true">
        {props.text}
        {props.keys ? <kbd>{props.keys}</kbd> : null}
      </span>
    </span>
  );
}
