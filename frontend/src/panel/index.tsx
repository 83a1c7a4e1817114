/** The assistant panel beside the board. `mountPanel` is its only export. */
import { type JSX, render } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Board } from '../board';
import { stop } from './asking';
import { Composer } from './Composer';
import { Conversation } from './Conversation';
import type { RunCard } from './card';
import { Empty } from './Empty';
import { Header } from './Header';
import { makePanel, type Panel } from './panel';
import { newsBetween } from './speech';
import './panel.css';

/** The run that is going on, unless it is told to stop already. */
function stoppable(panel: Panel): RunCard | null {
  const [id] = panel.active.peek();
  const item = panel.items.peek().find((each) => each.kind === 'prompt' && each.run?.id === id);
  const run = item?.kind === 'prompt' ? item.run : null;
  const canStop = run !== null && run.status !== 'queued' && !run.stopping && panel.board.canWrite.peek();
  return canStop ? run : null;
}

const stopRun = ({ board }: Panel, run: RunCard): void => stop(board.doc, board.me.peek(), run.id, Date.now());

/** Esc inside the panel stops the run, whoever asked; with nothing to stop it closes a panel that covers the board. */
function onPanelKey(panel: Panel, event: KeyboardEvent): void {
  if (event.key !== 'Escape' || event.isComposing || event.defaultPrevented) return;
  const run = stoppable(panel);
  if (run) stopRun(panel, run);
  else if (matchMedia('(max-width: 1099px)').matches) panel.board.panelOpen.value = false;
  else return;
  event.preventDefault();
}

/** Esc elsewhere stops one's own run when nobody else has a use for the key: the board prevents the default then. */
function useEscape(panel: Panel): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      const isField =
        event.target instanceof Element && event.target.closest('input, textarea, [contenteditable], dialog');
      if (isField) return;
      // After every other listener has had the event.
      setTimeout(() => {
        const run = event.defaultPrevented ? null : stoppable(panel);
        if (run && run.askedBy === panel.board.me.peek().id) stopRun(panel, run);
      });
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [panel]);
}

function useSpeech(panel: Panel): void {
  useEffect(() => {
    let before = panel.items.peek();
    const since = Date.now();
    return panel.items.subscribe((items) => {
      const around = {
        assistant: panel.assistant.peek(),
        online: panel.online.peek(),
        nameOf: (user: string) => panel.nameOf(user).replace(/^You$/, 'you'),
      };
      const news = newsBetween(before, items, around, since);
      before = items;
      if (news.length > 0) panel.board.announce(news.join('. '));
    });
  }, [panel]);
}

function PanelView({ panel }: { panel: Panel }): JSX.Element {
  useEscape(panel);
  useSpeech(panel);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc is heard here for every control inside
    <div class="panel" onKeyDown={(event) => onPanelKey(panel, event)}>
      <Header panel={panel} />
      {panel.items.value.length > 0 ? <Conversation panel={panel} /> : <Empty panel={panel} />}
      <Composer panel={panel} />
    </div>
  );
}

/** Fills `el`, the dock that the board places beside the canvas and hides by `board.panelOpen`. */
export function mountPanel(el: HTMLElement, board: Board): void {
  render(<PanelView panel={makePanel(board, el)} />, el);
}
