/** The assistant panel beside the board. `mountPanel` is its only export. */
import { Sparkles } from 'lucide-preact';
import { type JSX, render } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Board } from '../board';
import { stop } from './asking';
import { Composer } from './Composer';
import { Conversation } from './Conversation';
import { Empty } from './Empty';
import { Header } from './Header';
import { makePanel, type Panel } from './panel';
import { newsBetween } from './speech';
import './panel.css';

/** Opens the panel again; says when something is going on behind it. */
function Opener({ panel }: { panel: Panel }): JSX.Element | null {
  const { board } = panel;
  if (board.panelOpen.value) return null;
  const busy = panel.active.value.length > 0;
  return (
    <button
      type="button"
      class="panel-opener island"
      aria-label={busy ? 'Show the assistant, it is working' : 'Show the assistant'}
      onClick={() => (board.panelOpen.value = true)}
    >
      {busy ? (
        <span class="spinner" aria-hidden="true" />
      ) : (
        <Sparkles size={18} strokeWidth={1.75} aria-hidden="true" />
      )}
      <span class="panel-opener-text">Assistant</span>
    </button>
  );
}

/** Esc stops the run from inside the panel; elsewhere only one's own run, and only when the board has no use for Esc. */
function useEscape(panel: Panel): void {
  useEffect(() => {
    const { board } = panel;
    let boardBusy = false;
    const before = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') boardBusy = board.selection.peek().size > 0;
    };
    const after = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.defaultPrevented || !board.canWrite.peek()) return;
      const target = event.target instanceof Element ? event.target : null;
      const inPanel = target?.closest('.panel') != null;
      if (!inPanel && (boardBusy || target?.closest('input, textarea, [contenteditable], dialog, [role=menu]'))) return;
      const [run] = panel.active.peek();
      const item = panel.items.peek().find((item) => item.kind === 'prompt' && item.run?.id === run);
      if (item?.kind !== 'prompt' || !item.run || item.run.status === 'queued' || item.run.stopping) return;
      if (!inPanel && item.run.askedBy !== board.me.peek().id) return;
      stop(board.doc, board.me.peek(), item.run.id, Date.now());
    };
    window.addEventListener('keydown', before, { capture: true });
    window.addEventListener('keydown', after);
    return () => {
      window.removeEventListener('keydown', before, { capture: true });
      window.removeEventListener('keydown', after);
    };
  }, [panel]);
}

function useSpeech(panel: Panel): void {
  useEffect(() => {
    let before = panel.items.peek();
    return panel.items.subscribe((items) => {
      const around = {
        assistant: panel.assistant.peek(),
        online: panel.online.peek(),
        nameOf: (user: string) => panel.nameOf(user).replace(/^You$/, 'you'),
      };
      const news = newsBetween(before, items, around);
      before = items;
      if (news.length > 0) panel.board.announce(news.join('. '));
    });
  }, [panel]);
}

function PanelView({ panel }: { panel: Panel }): JSX.Element {
  const open = panel.board.panelOpen.value;
  useEscape(panel);
  useSpeech(panel);
  return (
    <>
      <Opener panel={panel} />
      <aside class="panel" data-testid="assistant-panel" data-open={open} inert={!open} aria-label="Assistant">
        <Header panel={panel} />
        {panel.items.value.length > 0 ? <Conversation panel={panel} /> : <Empty panel={panel} />}
        <Composer panel={panel} />
      </aside>
    </>
  );
}

/** Draws the panel into `el`; it places itself on the right, or at the bottom of a phone. */
export function mountPanel(el: HTMLElement, board: Board): void {
  render(<PanelView panel={makePanel(board)} />, el);
}
