/** The buttons of the board: a picture with a name, a hint on hover and, where there is one, its key. */
import type { LucideIcon } from 'lucide-preact';
import type { ComponentChildren, JSX } from 'preact';
import { Tooltip } from './Tooltip';

interface Props {
  /** what it does: the label for screen readers and the hint */
  name: string;
  icon?: LucideIcon;
  size?: number;
  keys?: string;
  testid?: string;
  class?: string;
  side?: 'top' | 'bottom';
  /** a toggle: pressed or not */
  pressed?: boolean;
  /** it opens something: open or not */
  expanded?: boolean;
  popup?: 'menu' | 'dialog';
  disabled?: boolean;
  /** another label than the hint */
  label?: string;
  onClick: (event: MouseEvent) => void;
  /** instead of an icon */
  children?: ComponentChildren;
}

export function Button(props: Props): JSX.Element {
  const { icon: Icon, size = 18 } = props;
  return (
    <Tooltip text={props.name} {...(props.keys ? { keys: props.keys } : {})} side={props.side ?? 'top'}>
      <button
        type="button"
        class={props.class ?? 'icon-button'}
        data-testid={props.testid}
        aria-label={props.label ?? props.name}
        aria-keyshortcuts={props.keys?.length === 1 ? props.keys : undefined}
        aria-pressed={props.pressed}
        aria-expanded={props.expanded}
        aria-haspopup={props.popup}
        disabled={props.disabled}
        onClick={props.onClick}
      >
        {Icon && <Icon size={size} strokeWidth={1.75} aria-hidden="true" />}
        {props.children}
      </button>
    </Tooltip>
  );
}

/** One of several choices in a popover. */
export function Choice(props: {
  name: string;
  isChosen: boolean;
  testid?: string;
  class?: string;
  onClick: () => void;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <button
      type="button"
      class={props.class}
      aria-label={props.name}
      title={props.name}
      data-testid={props.testid}
      aria-pressed={props.isChosen}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}
