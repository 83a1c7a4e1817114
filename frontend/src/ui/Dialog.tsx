import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from './Button';
import { X } from './icons';

/** A window over the page: the browser keeps the focus in it, Escape and a press beside it close it. */
export function Dialog(props: {
  title: string;
  testid: string;
  class?: string;
  close: () => void;
  children: ComponentChildren;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const onDown = (event: PointerEvent): void => {
    const box = dialog.current?.getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    const isBeside = box && (x < box.left || x > box.right || y < box.top || y > box.bottom);
    if (isBeside && event.target === dialog.current) props.close();
  };
  return (
    <dialog
      class={`dialog ${props.class ?? ''}`}
      ref={dialog}
      aria-label={props.title}
      data-testid={props.testid}
      onClose={props.close}
      onPointerDown={onDown}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <header>
        <h2>{props.title}</h2>
        <Button name="Close" icon={X} side="bottom" onClick={props.close} />
      </header>
      {props.children}
    </dialog>
  );
}
