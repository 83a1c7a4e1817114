/** Who is here, and Share, top right. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Editor } from '../editor';
import type { Player } from '../presence';
import { Avatar } from '../ui/Avatar';
import { Button } from '../ui/Button';
import { Share2 } from '../ui/icons';
import { later } from './later';

const Me = later('Me');
const Share = later('Share');

/** More faces than this become "+3". */
const MOST_FACES = 6;

export function PeopleIsland({ editor }: { editor: Editor }): JSX.Element {
  const players = editor.presence.here.value;
  const shown = players.slice(0, MOST_FACES);
  const rest = players.length - shown.length;
  const isSharing = useSignal(false);
  return (
    <div class="island people-island">
      <div class="avatars" data-testid="avatars" role="group" aria-label={`${players.length} here`}>
        {shown.map((player) => (
          <Face key={player.clientId} editor={editor} player={player} />
        ))}
        {rest > 0 && <span class="avatar more">+{rest}</span>}
      </div>
      <span class="face">
        <button
          type="button"
          class="button primary share"
          data-testid="share"
          aria-label="Share"
          aria-haspopup="dialog"
          aria-expanded={isSharing.value}
          onClick={() => {
            isSharing.value = !isSharing.value;
          }}
        >
          <Share2 size={16} strokeWidth={1.9} aria-hidden="true" />
          <span>Share</span>
        </button>
        {isSharing.value && (
          <Share
            editor={editor}
            close={() => {
              isSharing.value = false;
            }}
          />
        )}
      </span>
    </div>
  );
}

function Face({ editor, player }: { editor: Editor; player: Player }): JSX.Element {
  const isOpen = useSignal(false);
  const follows = editor.following.value === player.clientId;
  const name = player.isMe ? `${player.user.name} (you)` : player.user.name;
  const what = player.isMe ? 'Change your name and colour' : follows ? 'Stop following' : `Follow ${player.user.name}`;
  const click = (): void => {
    if (player.isMe) isOpen.value = !isOpen.value;
    else editor.following.value = follows ? null : player.clientId;
  };
  const isBusy = player.agent !== null && player.agent.status !== 'idle';
  return (
    <span class="face" data-kind={player.user.kind} data-user={player.user.id}>
      <Button
        name={name}
        label={`${name}. ${what}`}
        side="bottom"
        class={`face-button ${player.user.kind}${follows ? ' follows' : ''}${isBusy ? ' busy' : ''}`}
        {...(player.isMe ? { testid: 'me', expanded: isOpen.value } : {})}
        onClick={click}
      >
        <Avatar person={player.user} />
      </Button>
      {isOpen.value && (
        <Me
          close={() => {
            isOpen.value = false;
          }}
        />
      )}
    </span>
  );
}
