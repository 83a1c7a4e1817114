import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** A small window beside the button that opens it; Escape and a press elsewhere close it. */
export function Popover(props: {
  label: string;
  testid: string;
  close: () => void;
  children: ComponentChildren;
}): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const opener = useRef(document.activeElement);
  const { close } = props;
  useEffect(() => {
    // What is inside may have chosen its own.
    if (!root.current?.contains(document.activeElement))
      root.current?.querySelector<HTMLElement>('button, input')?.focus();
  }, []);
  useEffect(() => {
    const onDown = (event: Event): void => {
      if (!root.current?.parentElement?.contains(event.target as Node)) close();
    };
    addEventListener('pointerdown', onDown, true);
    return () => removeEventListener('pointerdown', onDown, true);
  }, [close]);
  return (
    <div
      class="island popover"
      role="dialog"
      aria-label={props.label}
      data-testid={props.testid}
      ref={root}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          close();
          if (opener.current instanceof HTMLElement) opener.current.focus();
        }
        event.stopPropagation();
      }}
    >
      {props.children}
    </div>
  );
}
