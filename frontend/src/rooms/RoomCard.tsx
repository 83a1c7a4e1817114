/** One board in the list: picture, name, who is there, last edit; rename and delete. */
import { useComputed, useSignal } from '@preact/signals';
import { Pencil, Trash2 } from 'lucide-preact';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Clock } from '../panel/clock';
import { ago, count, moment } from '../panel/words';
import { boardUrl, type Room } from './api';
import { MAX_TITLE, rename } from './list';
import { Thumbnail } from './Thumbnail';

export const nameOf = (room: Room): string => room.title.trim() || 'Untitled board';

/** The name as a field: Enter and leaving save, Escape does not. */
function TitleField({ room, done }: { room: Room; done: () => void }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const isOver = useRef(false);
  useEffect(() => field.current?.select(), []);
  const close = (save: boolean): void => {
    if (isOver.current) return;
    isOver.current = true;
    if (save) void rename(room, field.current?.value ?? '');
    done();
  };
  return (
    <input
      ref={field}
      class="room-title-field"
      aria-label="Name of the board"
      maxLength={MAX_TITLE}
      defaultValue={room.title}
      placeholder="Untitled board"
      onBlur={() => close(true)}
      onKeyDown={(event) => {
        if (event.isComposing) return;
        if (event.key === 'Enter') close(true);
        if (event.key === 'Escape') close(false);
      }}
    />
  );
}

export function RoomCard(props: { room: Room; clock: Clock; onDelete: (room: Room) => void }): JSX.Element {
  const { room, clock, onDelete } = props;
  const renaming = useSignal(false);
  const again = useRef<HTMLButtonElement>(null);
  const when = useComputed(() => (room.editedAt ? `edited ${ago(room.editedAt, clock.now.value)}` : 'not edited yet'));
  const name = nameOf(room);
  return (
    <li class="room" data-room={room.room}>
      <a class="room-link" href={boardUrl(room.room)} aria-label={`Open ${name}`}>
        <Thumbnail room={room.room} editedAt={room.editedAt} />
      </a>
      <div class="room-foot">
        <div class="room-words">
          {renaming.value ? (
            <TitleField
              room={room}
              done={() => {
                renaming.value = false;
                requestAnimationFrame(() => again.current?.focus());
              }}
            />
          ) : (
            <a class="room-title" href={boardUrl(room.room)} tabIndex={-1} title={name}>
              {name}
            </a>
          )}
          <div class="room-meta">
            {room.people > 0 && (
              <>
                <span class="room-people">{count(room.people, 'person', 'people')} now</span> ·{' '}
              </>
            )}
            <span title={moment(room.editedAt)}>{when}</span>
          </div>
        </div>
        <button
          ref={again}
          type="button"
          class="icon-button"
          aria-label={`Rename ${name}`}
          title="Rename"
          onClick={() => (renaming.value = true)}
        >
          <Pencil size={16} strokeWidth={1.75} aria-hidden="true" />
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label={`Delete ${name}`}
          title="Delete"
          onClick={() => onDelete(room)}
        >
          <Trash2 size={16} strokeWidth={1.75} aria-hidden="true" />
        </button>
      </div>
    </li>
  );
}
