import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { Editor } from '../editor';
import { Button } from '../ui/Button';
import { CloudOff, Menu } from '../ui/icons';
import { Tooltip } from '../ui/Tooltip';
import { later } from './later';

const BoardMenu = later('BoardMenu');

const LONGEST_TITLE = 80;

/** Menu, name and chip, top left. */
export function BoardIsland({ editor }: { editor: Editor }): JSX.Element {
  const isOpen = useSignal(false);
  return (
    <header class="island board-island">
      <Button
        name="Menu"
        icon={Menu}
        side="bottom"
        popup="menu"
        expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      />
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
