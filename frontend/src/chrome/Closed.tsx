/** A calm screen when the server has closed this board for good: what happened, what is safe, what one can do. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Editor } from '../editor';
import { CloseCode } from '../protocol.gen';
import { boardJson, settled } from '../transfer/board-json';
import { fileName, save } from '../transfer/files';

interface Words {
  title: string;
  text: string;
  /** does opening the page again help? */
  again?: boolean;
}

const WORDS: Readonly<Record<number, Words>> = {
  [CloseCode.MALFORMED]: {
    title: 'This page is out of date',
    text: 'The page and the server do not understand each other any more.',
    again: true,
  },
  [CloseCode.UNAUTHORIZED]: {
    title: 'This link has ended',
    text: 'Ask whoever shared the board for a new link.',
  },
  [CloseCode.FORBIDDEN]: {
    title: 'This board is not open to you',
    text: 'The link you have is for something else. Ask whoever shared it.',
  },
  [CloseCode.NOT_FOUND]: {
    title: 'This board was deleted',
    text: 'Somebody removed it from the server. What you saw last is still here, and you can keep a copy.',
  },
  [CloseCode.SUPERSEDED]: {
    title: 'Opened elsewhere',
    text: 'A newer connection took the place of this one.',
    again: true,
  },
  [CloseCode.TOO_BIG]: {
    title: 'A change was too big',
    text: 'The server takes changes only up to a size, and yours was over it. Keep a copy before you open the board again.',
    again: true,
  },
  [CloseCode.REFUSED]: {
    title: 'The server refused a change',
    text: 'What came from this page does not fit on a board. Keep a copy before you open the board again.',
    again: true,
  },
};

const OTHERWISE: Words = { title: 'The server closed this board', text: '', again: true };

export function Closed({ editor }: { editor: Editor }): JSX.Element | null {
  const isLooking = useSignal(false);
  const closed = editor.room.closed.value;
  if (!closed || isLooking.value) return null;
  const { title, text, again } = WORDS[closed.code] ?? OTHERWISE;
  const { pending } = editor.room.status.value;
  const hasShapes = !editor.isEmpty.value;
  const look = (): void => {
    isLooking.value = true;
  };
  const keep = (): void => {
    const name = editor.title.peek();
    const json = boardJson(settled(editor.canvas), name, (id) => editor.scene.line(id));
    save(new Blob([json], { type: 'application/json' }), fileName(name, 'json'));
  };
  return (
    <dialog
      class="dialog closed"
      data-testid="closed"
      data-code={closed.code}
      role="alertdialog"
      aria-labelledby="closed-title"
      ref={(dialog) => {
        if (dialog && !dialog.open) dialog.showModal();
      }}
      onClose={look}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <h2 id="closed-title">{title}</h2>
      <p>{text}</p>
      {closed.reason && <p class="hint">The server says: {closed.reason}</p>}
      {pending > 0 && (
        <p class="hint">
          {pending === 1 ? 'One change of yours has' : `${pending} changes of yours have`} not been sent. A copy holds
          {pending === 1 ? ' it.' : ' them.'}
        </p>
      )}
      <div class="closed-actions">
        {again ? (
          <button type="button" class="button primary" onClick={() => location.reload()}>
            Open again
          </button>
        ) : (
          <a class="button primary" href="/">
            All boards
          </a>
        )}
        {hasShapes && (
          <>
            <button type="button" class="button outline" data-testid="closed-copy" onClick={keep}>
              Keep a copy
            </button>
            <button type="button" class="button quiet" data-testid="closed-look" onClick={look}>
              Look at it
            </button>
          </>
        )}
      </div>
    </dialog>
  );
}
