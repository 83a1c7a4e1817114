/** Everything around the shapes. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Editor } from '../editor';
import '../style/menus.css';
import { Button } from '../ui/Button';
import { Sparkles, X } from '../ui/icons';
import { Corner } from './Corner';
import { later } from './later';
import { PeopleIsland } from './People';
import { StyleBar } from './StyleBar';
import { Toolbar } from './Toolbar';
import { BoardIsland } from './TopBar';

const Closed = later('Closed');
const ExportDialog = later('ExportDialog');
const Help = later('Help');
const ShapeMenu = later('ShapeMenu');

const NOTICE_MS = 6000;
/** Things that the demo assistant can do as well, so that a first click never disappoints. */
const PROMPTS = [
  'Draw three red circles in a row',
  'Flowchart Idea -> Draft -> Review -> Ship',
  'Make a 2 by 3 grid of yellow notes',
] as const;

type Ask = (text?: string, isComment?: boolean) => void;

export function App({ editor, ask }: { editor: Editor; ask: Ask }): JSX.Element {
  return (
    <>
      <Empty editor={editor} ask={ask} />
      <StyleBar editor={editor} ask={() => ask()} />
      <BoardIsland editor={editor} />
      <PeopleIsland editor={editor} />
      <Corner editor={editor} />
      <Toolbar editor={editor} ask={(isComment) => ask(undefined, isComment)} />
      {!editor.panelOpen.value && (
        <div class="island panel-tab">
          <Button
            name="Assistant"
            label="Open the assistant"
            icon={Sparkles}
            keys="/"
            testid="open-panel"
            side="bottom"
            onClick={() => ask()}
          />
        </div>
      )}
      <Notices editor={editor} />
      {editor.menuAt.value && (
        <ShapeMenu editor={editor} at={editor.menuAt.value} comment={() => ask(undefined, true)} />
      )}
      {editor.dialog.value === 'help' && <Help editor={editor} />}
      {editor.dialog.value === 'export' && <ExportDialog editor={editor} />}
      {editor.room.closed.value && <Closed editor={editor} />}
      <div class="sr-only" aria-live="polite">
        {editor.spoken.value}
      </div>
    </>
  );
}

/** What an empty board teaches: one gesture, and three things to ask for. The open panel offers those itself. */
function Empty({ editor, ask }: { editor: Editor; ask: Ask }): JSX.Element | null {
  const isWorking = editor.presence.here.value.some((player) => player.agent && player.agent.status !== 'idle');
  if (!editor.isEmpty.value || !editor.room.loaded.value || !editor.room.canWrite.value) return null;
  if (editor.tool.value !== 'select' || isWorking) return null;
  if (editor.panelOpen.value) {
    return (
      <div class="board-empty" data-testid="empty">
        <p>
          <FirstGesture />
        </p>
      </div>
    );
  }
  return (
    <div class="board-empty" data-testid="empty">
      <p>
        <FirstGesture />, or ask for one:
      </p>
      <div>
        {PROMPTS.map((text) => (
          <button type="button" key={text} class="button outline" onClick={() => ask(text)}>
            <Sparkles size={14} strokeWidth={1.9} />
            {text}
          </button>
        ))}
      </div>
    </div>
  );
}

function FirstGesture(): JSX.Element {
  const isTouch = matchMedia('(max-width: 699px), (pointer: coarse)').matches;
  if (isTouch) return <>Tap a shape below, then the board</>;
  return (
    <>
      Press <kbd>R</kbd> and drag to draw the first shape
    </>
  );
}

function Notices({ editor }: { editor: Editor }): JSX.Element | null {
  const notice = editor.notice.value;
  const close = (): void => {
    editor.notice.value = null;
  };
  useEffect(() => {
    if (!notice) return;
    const timer = setTimeout(() => {
      if (editor.notice.peek() === notice) editor.notice.value = null;
    }, NOTICE_MS);
    return () => clearTimeout(timer);
  }, [notice, editor]);
  if (!notice) return null;
  const { action } = notice;
  return (
    <div class="notice" role="status" data-testid="notice">
      <span>{notice.text}</span>
      {action && (
        <button
          type="button"
          onClick={() => {
            close();
            action.run();
          }}
        >
          {action.label}
        </button>
      )}
      <button type="button" aria-label="Close" onClick={close}>
        <X size={14} strokeWidth={2} />
      </button>
    </div>
  );
}
