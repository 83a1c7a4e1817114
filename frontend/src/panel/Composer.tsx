/** Where people ask and comment: grows with the text, sends with Enter, carries the selection and the view. */
import { useSignal } from '@preact/signals';
import { Crosshair, MessageSquare, SendHorizontal, SquareDashed, X } from 'lucide-preact';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { ask, comment, MAX_PROMPT } from './asking';
import type { Panel } from './panel';
import { count } from './words';

/** The counter shows when fewer characters than this are left. */
const NEARLY_FULL = 500;

/** Sends with what is selected and in view now. Returns whether anything was sent. */
export function send({ board, view, propose }: Panel, text: string): boolean {
  const context = { selection: [...board.selection.peek()], view: view(), propose: propose.peek() };
  return ask(board.doc, board.me.peek(), text, context, Date.now()) !== null;
}

/** Says it to everybody here, pinned to what is selected. Returns whether anything was said. */
function say({ board }: Panel, text: string): boolean {
  return comment(board.doc, board.me.peek(), text, [...board.selection.peek()], Date.now()) !== null;
}

function SelectionChip({ panel }: { panel: Panel }): JSX.Element | null {
  const selected = panel.board.selection.value.size;
  if (selected === 0) return null;
  return (
    <button
      type="button"
      class="selection-chip"
      aria-label={`${selected} selected, sent along. Clear the selection`}
      title="What you send is about the selection. Click to clear it."
      onClick={() => panel.board.select([])}
    >
      <Crosshair class="selection-icon" size={13} strokeWidth={1.75} aria-hidden="true" />
      <X class="selection-clear" size={13} strokeWidth={1.75} aria-hidden="true" />
      {selected} selected
    </button>
  );
}

/** Whether the assistant changes the board, or proposes and people decide. A room may have everything proposed. */
function ProposeSwitch({ panel }: { panel: Panel }): JSX.Element | null {
  if (!panel.board.canWrite.value || panel.commenting.value) return null;
  const always = panel.alwaysPropose.value;
  const isOn = always || panel.propose.value;
  const title = always
    ? 'On this board everything is proposed. The settings of the assistant change that.'
    : isOn
      ? 'The assistant proposes; nothing changes before somebody accepts it.'
      : 'Let the assistant propose instead of changing the board.';
  return (
    <button
      type="button"
      class="propose-switch"
      data-testid="propose-switch"
      aria-pressed={isOn}
      aria-label="Propose only"
      disabled={always}
      title={title}
      onClick={() => (panel.propose.value = !panel.propose.peek())}
    >
      <SquareDashed size={15} strokeWidth={1.75} aria-hidden="true" />
      {isOn && 'Propose'}
    </button>
  );
}

/** For who may do both: to the assistant, or to the people here. */
function CommentSwitch({ panel }: { panel: Panel }): JSX.Element | null {
  if (!panel.board.canWrite.value) return null;
  const isOn = panel.commenting.value;
  return (
    <button
      type="button"
      class="propose-switch comment-switch"
      data-testid="comment-switch"
      aria-pressed={isOn}
      aria-label="Comment"
      title={
        isOn ? 'People read it, the assistant does nothing.' : 'Comment instead: for people, not for the assistant.'
      }
      onClick={() => (panel.commenting.value = !panel.commenting.peek())}
    >
      <MessageSquare size={15} strokeWidth={1.75} aria-hidden="true" />
      {isOn && 'Comment'}
    </button>
  );
}

function placeholderOf(panel: Panel, isComment: boolean): string {
  const { board } = panel;
  if (!board.canComment.value) return 'You can look but not ask here.';
  if (!isComment) return 'Ask the assistant to draw or change something…';
  return board.selection.value.size > 0 ? 'Comment on what is selected…' : 'Comment for everybody here…';
}

function hintOf(panel: Panel, isComment: boolean, left: number): string {
  if (!panel.board.canComment.value) return 'Read only';
  if (left < NEARLY_FULL) return `${count(left, 'character')} left`;
  if (!panel.online.value) return 'Offline: sent when you are back';
  if (!isComment && (panel.propose.value || panel.alwaysPropose.value)) return 'You decide on each change';
  if (isComment && panel.board.canWrite.value) return 'Enter to send';
  return 'Enter to send · Shift Enter for a line';
}

export function Composer({ panel }: { panel: Panel }): JSX.Element {
  const { board } = panel;
  const input = useRef<HTMLTextAreaElement>(null);
  const text = useSignal('');
  const isComment = !board.canWrite.value || panel.commenting.value;
  const canSend = board.canComment.value;
  const left = MAX_PROMPT - text.value.length;

  useEffect(
    () =>
      board.onAsk((wanted, isForPeople = false) => {
        board.panelOpen.value = true;
        panel.commenting.value = isForPeople;
        if (wanted !== undefined) text.value = wanted;
        // After the panel is shown: what is hidden cannot take the focus.
        requestAnimationFrame(() => {
          input.current?.focus();
          input.current?.setSelectionRange(text.value.length, text.value.length);
        });
      }),
    [board, panel, text],
  );
  const value = text.value;
  useLayoutEffect(() => {
    const el = input.current;
    if (!el) return;
    el.style.height = 'auto';
    if (el.scrollHeight > 0) el.style.height = `${el.scrollHeight}px`;
  }, [value]);

  const submit = (): void => {
    if (canSend && (isComment ? say : send)(panel, text.value)) text.value = '';
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // An input method's Enter ends a word, not the prompt.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <SelectionChip panel={panel} />
      <textarea
        ref={input}
        class="composer-input"
        data-testid="assistant-input"
        rows={2}
        maxLength={MAX_PROMPT}
        value={value}
        disabled={!canSend}
        aria-label={isComment && canSend ? 'Comment' : 'Ask the assistant'}
        placeholder={placeholderOf(panel, isComment)}
        onInput={(event) => {
          text.value = event.currentTarget.value;
        }}
        onKeyDown={onKeyDown}
      />
      <div class="composer-row">
        <ProposeSwitch panel={panel} />
        <CommentSwitch panel={panel} />
        <span class="composer-hint">{hintOf(panel, isComment, left)}</span>
        <button
          type="submit"
          class="composer-send"
          data-testid="assistant-send"
          aria-label="Send"
          title="Send"
          disabled={!canSend || value.trim() === ''}
        >
          <SendHorizontal size={16} strokeWidth={1.75} aria-hidden="true" />
        </button>
      </div>
    </form>
  );
}
