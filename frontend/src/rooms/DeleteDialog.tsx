/** Asks before a board is deleted for everybody. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { count } from '../panel/words';
import type { Room } from './api';
import { remove, trouble } from './list';
import { nameOf } from './RoomCard';

export function DeleteDialog({ room, onClose }: { room: Room; onClose: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const busy = useSignal(false);
  useEffect(() => dialog.current?.showModal(), []);
  const confirm = async (): Promise<void> => {
    busy.value = true;
    if (await remove(room)) onClose();
    busy.value = false;
  };
  return (
    <dialog ref={dialog} class="ask-dialog" aria-labelledby="delete-title" onClose={onClose}>
      <h2 id="delete-title">Delete “{nameOf(room)}”?</h2>
      <p>
        The board and everything on it is deleted for everybody. This cannot be undone.
        {room.people > 0 && ` ${count(room.people, 'person is', 'people are')} on it right now.`}
      </p>
      {trouble.value && <p role="alert">{trouble.value}</p>}
      <div class="ask-buttons">
        <button type="button" class="button quiet" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button type="button" class="button danger" disabled={busy.value} onClick={() => void confirm()}>
          Delete
        </button>
      </div>
    </dialog>
  );
}
