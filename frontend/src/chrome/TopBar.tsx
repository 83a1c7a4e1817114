import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Editor } from '../editor';
import { me, rename } from '../me';
import type { Player } from '../presence';
import { Avatar } from '../ui/Avatar';
import { CloudOff, Menu, Share2 } from '../ui/icons';
import { Tooltip } from '../ui/Tooltip';
import { BoardMenu } from './BoardMenu';

/** More faces than this become "+3". */
const MOST_FACES = 6;
const LONGEST_TITLE = 80;

/** Menu, name and chip, top left. */
export function BoardIsland({ editor }: { editor: Editor }): JSX.Element {
  const isOpen = useSignal(false);
  return (
    <header class="island board-island">
      <button
        type="button"
        class="icon-button"
        aria-label="Menu"
        aria-haspopup="menu"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <Menu size={18} strokeWidth={1.75} />
      </button>
      <BoardName editor={editor} />
      <span class="rule" />
      <StatusChip editor={editor} />
      {isOpen.value && (
        <BoardMenu
          editor={editor}
          close={() => {
            isOpen.value = false;
          }}
        />
      )}
    </header>
  );
}

function BoardName({ editor }: { editor: Editor }): JSX.Element {
  const stored = editor.title.value;
  const draft = useSignal<string | null>(null);
  const isGivenUp = useRef(false);
  const shown = draft.value ?? stored;
  const finish = (): void => {
    const next = draft.peek()?.trim().slice(0, LONGEST_TITLE);
    draft.value = null;
    if (!isGivenUp.current && next && next !== stored) editor.setTitle(next);
    isGivenUp.current = false;
  };
  return (
    <span class="board-name" data-value={shown || 'Untitled board'}>
      <input
        data-testid="board-name"
        aria-label="Name of the board"
        size={1}
        value={shown}
        placeholder="Untitled board"
        maxLength={LONGEST_TITLE}
        readOnly={!editor.room.canWrite.value}
        onInput={(event) => {
          draft.value = event.currentTarget.value;
        }}
        onBlur={finish}
        onKeyDown={(event) => {
          if (event.key === 'Escape') isGivenUp.current = true;
          if (event.key === 'Enter' || event.key === 'Escape') event.currentTarget.blur();
        }}
      />
    </span>
  );
}

function StatusChip({ editor }: { editor: Editor }): JSX.Element {
  const { state, pending, text, detail } = editor.room.status.value;
  return (
    <Tooltip text={detail} side="bottom">
      <span class="status-chip" role="status" data-testid="status" data-state={state} data-pending={pending}>
        {state === 'offline' || state === 'error' ? <CloudOff size={14} strokeWidth={1.9} /> : <i class="dot" />}
        <span>{text}</span>
      </span>
    </Tooltip>
  );
}

/** Who is here, and Share, top right. */
export function PeopleIsland({ editor }: { editor: Editor }): JSX.Element {
  const players = editor.presence.here.value;
  const shown = players.slice(0, MOST_FACES);
  const rest = players.length - shown.length;
  const isCopied = useSignal(false);
  const share = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(location.href);
      isCopied.value = true;
      setTimeout(() => {
        isCopied.value = false;
      }, 2000);
    } catch {
      // No clipboard without https or permission: show the link to copy by hand.
      editor.notice.value = { text: location.href };
    }
  };
  return (
    <div class="island people-island">
      <div class="avatars" data-testid="avatars" role="group" aria-label={`${players.length} here`}>
        {shown.map((player) => (
          <Face key={player.clientId} editor={editor} player={player} />
        ))}
        {rest > 0 && <span class="avatar more">+{rest}</span>}
      </div>
      <button type="button" class="button primary share" data-testid="share" aria-label="Share" onClick={share}>
        <Share2 size={16} strokeWidth={1.9} />
        <span>{isCopied.value ? 'Link copied' : 'Share'}</span>
      </button>
    </div>
  );
}

function Face({ editor, player }: { editor: Editor; player: Player }): JSX.Element {
  const isNaming = useSignal(false);
  const follows = editor.following.value === player.clientId;
  const name = player.isMe ? `${player.user.name} (you)` : player.user.name;
  const what = player.isMe ? 'Change your name' : follows ? 'Stop following' : `Follow ${player.user.name}`;
  const click = (): void => {
    if (player.isMe) isNaming.value = !isNaming.value;
    else editor.following.value = follows ? null : player.clientId;
  };
  const isBusy = player.agent !== null && player.agent.status !== 'idle';
  return (
    <span class="face">
      <Tooltip text={name} side="bottom">
        <button
          type="button"
          class={`face-button${follows ? ' follows' : ''}${isBusy ? ' busy' : ''}`}
          data-kind={player.user.kind}
          data-user={player.user.id}
          aria-label={`${name}. ${what}`}
          onClick={click}
        >
          <Avatar person={player.user} />
        </button>
      </Tooltip>
      {isNaming.value && (
        <NameForm
          close={() => {
            isNaming.value = false;
          }}
        />
      )}
    </span>
  );
}

function NameForm({ close }: { close: () => void }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  return (
    <form
      class="island popover name-form"
      onSubmit={(event) => {
        event.preventDefault();
        rename(field.current?.value ?? '');
        close();
      }}
    >
      <label for="my-name">Your name</label>
      <input
        id="my-name"
        ref={field}
        defaultValue={me.peek().name}
        maxLength={40}
        onKeyDown={(event) => {
          if (event.key === 'Escape') close();
        }}
      />
      <button type="submit" class="button primary">
        Save
      </button>
    </form>
  );
}
