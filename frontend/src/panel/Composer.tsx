/** Where people ask: grows with the text, sends with Enter, carries the selection and the view. */
import { useSignal } from '@preact/signals';
import { Crosshair, SendHorizontal, SquareDashed, X } from 'lucide-preact';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { ask, MAX_PROMPT } from './asking';
import type { Panel } from './panel';
import { count } from './words';

/** The counter shows when fewer characters than this are left. */
const NEARLY_FULL = 500;

/** Sends with what is selected and in view now. Returns whether anything was sent. */
export function send({ board, view, propose }: Panel, text: string): boolean {
  const context = { selection: [...board.selection.peek()], view: view(), propose: propose.peek() };
  return ask(board.doc, board.me.peek(), text, context, Date.now()) !== null;
}

function SelectionChip({ panel }: { panel: Panel }): JSX.Element | null {
  const selected = panel.board.selection.value.size;
  if (selected === 0) return null;
  return (
    <button
      type="button"
      class="selection-chip"
      aria-label={`${selected} selected, sent along. Clear the selection`}
      title="The assistant is told what is selected. Click to clear."
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
  if (!panel.board.canWrite.value) return null;
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

export function Composer({ panel }: { panel: Panel }): JSX.Element {
  const { board } = panel;
  const input = useRef<HTMLTextAreaElement>(null);
  const text = useSignal('');
  const canWrite = board.canWrite.value;
  const left = MAX_PROMPT - text.value.length;

  useEffect(
    () =>
      board.onAsk((wanted) => {
        board.panelOpen.value = true;
        if (wanted !== undefined) text.value = wanted;
        // After the panel is shown: what is hidden cannot take the focus.
        requestAnimationFrame(() => {
          input.current?.focus();
          input.current?.setSelectionRange(text.value.length, text.value.length);
        });
      }),
    [board, text],
  );
  const value = text.value;
  useLayoutEffect(() => {
    const el = input.current;
    if (!el) return;
    el.style.height = 'auto';
    if (el.scrollHeight > 0) el.style.height = `${el.scrollHeight}px`;
  }, [value]);

  const submit = (): void => {
    if (canWrite && send(panel, text.value)) text.value = '';
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // An input method's Enter ends a word, not the prompt.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  };
  const hint = !canWrite
    ? 'Read only'
    : left < NEARLY_FULL
      ? `${count(left, 'character')} left`
      : panel.online.value
        ? panel.propose.value || panel.alwaysPropose.value
          ? 'You decide on each change'
          : 'Enter to send · Shift Enter for a line'
        : 'Offline: sent when you are back';
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
        disabled={!canWrite}
        aria-label="Ask the assistant"
        placeholder={canWrite ? 'Ask the assistant to draw or change something…' : 'You can look but not ask here.'}
        onInput={(event) => {
          text.value = event.currentTarget.value;
        }}
        onKeyDown={onKeyDown}
      />
      <div class="composer-row">
        <ProposeSwitch panel={panel} />
        <span class="composer-hint">{hint}</span>
        <button
          type="submit"
          class="composer-send"
          data-testid="assistant-send"
          aria-label="Send"
          title="Send"
          disabled={!canWrite || value.trim() === ''}
        >
          <SendHorizontal size={16} strokeWidth={1.75} aria-hidden="true" />
        </button>
      </div>
    </form>
  );
}
