/** Before the first prompt: what one can ask, each line sent with one click. */
import { MessageSquare, Sparkles } from 'lucide-preact';
import type { JSX } from 'preact';
import { send } from './Composer';
import type { Panel } from './panel';

const EXAMPLES = [
  'Draw three red circles in a row',
  'Flowchart Idea -> Draft -> Review -> Ship',
  'Make a 2 by 3 grid of yellow notes',
] as const;

export function Empty({ panel }: { panel: Panel }): JSX.Element {
  const canWrite = panel.board.canWrite.value;
  if (!canWrite && panel.board.canComment.value) {
    return (
      <div class="panel-empty">
        <span class="panel-empty-mark" data-kind="comment" aria-hidden="true">
          <MessageSquare size={22} strokeWidth={1.75} />
        </span>
        <h3>Say what you think</h3>
        <p>
          You can comment on this board. Select a shape first and your comment is pinned to it; everybody here reads it.
        </p>
      </div>
    );
  }
  return (
    <div class="panel-empty">
      <span class="panel-empty-mark" aria-hidden="true">
        <Sparkles size={22} strokeWidth={1.75} />
      </span>
      <h3>{canWrite ? 'Ask for a drawing' : 'The assistant'}</h3>
      <p>
        {canWrite
          ? 'The assistant works on the board beside you. Everybody here sees what it does, and anybody can stop it or undo it.'
          : 'The assistant works on the board beside people. This board is read only for you: here you see what it does.'}
      </p>
      {canWrite && (
        <div class="panel-examples">
          {EXAMPLES.map((example) => (
            <button key={example} type="button" class="example" onClick={() => send(panel, example)}>
              {example}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
