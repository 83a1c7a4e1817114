/** Other people's cursors, and the assistant's. They glide: CSS moves them in board coordinates, the layer is the camera. */
import type { JSX } from 'preact';
import type { Editor } from '../editor';
import type { Player } from '../presence';

export function Cursors({ editor }: { editor: Editor }): JSX.Element {
  const { x, y, zoom } = editor.camera.port.value;
  const players = editor.presence.players.value.filter((player) => !player.isMe && player.cursor);
  const layer = { transform: `scale(${zoom}) translate(${-x}px, ${-y}px)`, '--unzoom': String(1 / zoom) };
  return (
    <div class="cursors" style={layer} aria-hidden="true">
      {players.map((player) => (
        <Cursor key={player.clientId} player={player} />
      ))}
    </div>
  );
}

function Cursor({ player }: { player: Player }): JSX.Element {
  const at = player.cursor!;
  const isAgent = player.user.kind === 'agent';
  const colour = isAgent ? 'var(--agent)' : player.user.color;
  const isBusy = player.agent !== null && player.agent.status !== 'idle';
  return (
    <div
      class="cursor"
      data-cursor={player.clientId}
      data-kind={player.user.kind}
      style={{ transform: `translate(${at.x}px, ${at.y}px)` }}
    >
      <div class="cursor-body" style={{ '--colour': colour }}>
        <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
          <path d="M1.6 1.6 15.4 6.7 9.2 9.1 6.8 15.3Z" />
        </svg>
        <span class="cursor-name">
          {player.user.name}
          {isBusy && (
            <i class="dots">
              <b />
              <b />
              <b />
            </i>
          )}
        </span>
      </div>
    </div>
  );
}
