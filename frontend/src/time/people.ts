/** Names for the ids that documents and logs carry. */
import * as Y from 'yjs';
import type { Editor } from '../editor';
import { me } from '../me';

/** "You", the name of somebody who is here or has asked here, "Assistant"; '' when nobody knows. */
export function nameOf(editor: Editor, id: string): string {
  if (!id) return '';
  if (id === me.peek().id) return 'you';
  const present = editor.presence.players.peek().find((player) => player.user.id === id);
  if (present) return present.user.name;
  if (id === 'assistant') return 'the assistant';
  for (const message of editor.room.doc.getMap<unknown>('messages').values()) {
    if (!(message instanceof Y.Map) || message.get('by') !== id) continue;
    const name = message.get('by_name');
    if (typeof name === 'string' && name) return name;
  }
  return '';
}
