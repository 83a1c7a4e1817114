/** The board page: makes the room and the editor, and puts the parts where they belong. */
import './style/base.css';
import './style/board.css';
import { computed, effect, signal } from '@preact/signals';
import { render } from 'preact';
import type { Board } from './board';
import { App } from './chrome/App';
import { Cursors } from './chrome/Cursors';
import { fetchParts } from './chrome/later';
import { Overlay } from './chrome/Overlay';
import { Grid } from './draw/grid';
import { Editor } from './editor';
import { callsOfRun, undoCalls } from './history';
import { mountKeyboard } from './input/keyboard';
import { Pointers } from './input/pointer';
import { mountTextEditor } from './input/text-editor';
import { me } from './me';
import { keepThePage } from './offline/register';
import { Room } from './room';
import { looking } from './time/looking';
import { mountDrop } from './transfer/files';
import { ofThisTab } from './ui/storage';

/** Under this width the panel lies over the board, and starts closed. */
const PANEL_BESIDE_PX = 1100;
const PANEL_WIDTH_PX = 348;
/** Narrower is a phone, as in the style sheet. */
const PHONE_PX = 700;
/** Its panel is a sheet, of this height in the style sheet: what is zoomed to stands above it. */
const SHEET = { part: 0.7, most: 560 };

function element(tag: string, className: string, parent: HTMLElement): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  parent.append(made);
  return made;
}

function start(app: HTMLElement): void {
  const path = location.pathname.replace(/^\/r\//, '').replace(/\/$/, '');
  const room = new Room(decodeURIComponent(path), path, new URLSearchParams(location.search).get('token'));
  const editor = new Editor(room);

  skipLink(app);
  const canvas = element('div', 'canvas', app);
  canvas.dataset.testid = 'canvas';
  canvas.append(new Grid(editor.camera).root, editor.scene.root);
  const cursors = element('div', 'layer', canvas);
  const overlay = element('div', 'layer', canvas);
  const words = element('div', 'layer', canvas);
  const chrome = element('div', 'chrome', app);
  const dock = element('aside', 'island panel-dock', app);
  dock.dataset.testid = 'assistant-panel';
  dock.setAttribute('aria-label', 'Assistant');

  const board = boardOf(editor);
  const ask = (text?: string, isComment = false): void => {
    editor.panelOpen.value = true;
    board.ask(text, isComment);
  };
  const pointers = new Pointers(editor, canvas);
  mountKeyboard(editor, pointers, (isComment) => ask(undefined, isComment));
  mountTextEditor(editor, words);
  mountDrop(editor, canvas);
  render(<Overlay editor={editor} />, overlay);
  render(<Cursors editor={editor} />, cursors);
  render(<App editor={editor} ask={ask} />, chrome);
  watchSize(editor, canvas, dock);
  watchView(editor, canvas);
  app.dataset.room = room.name;
  // Its own chunk: the board is drawn before the panel's code has come.
  void import('./panel').then(({ mountPanel }) => mountPanel(dock, board));
  fetchParts();
  void import('./ghosts').then(({ mountGhosts }) => mountGhosts(editor, app));
  void import('./ghost-bar').then(({ mountGhostBar }) => mountGhostBar(editor, app));
  void import('./attribution').then(({ mountAttribution }) => mountAttribution(editor, canvas));
  void import('./comments').then(({ mountComments }) => mountComments(editor, chrome, board));
  looking.subscribe((what) => {
    if (what) void import('./time').then(({ lookBack }) => lookBack(editor, app, what));
  });
  addEventListener('beforeunload', (event) => {
    if (room.isAtRisk) event.preventDefault();
  });
}

/** The first stop of Tab: past all shapes to the tools. */
function skipLink(app: HTMLElement): void {
  const skip = element('button', 'button primary skip', app);
  skip.textContent = 'Go to the tools';
  skip.addEventListener('click', () => app.querySelector<HTMLElement>('[data-testid=tool-select]')?.focus());
}

function boardOf(editor: Editor): Board & { ask: (text: string | undefined, isComment: boolean) => void } {
  const { room } = editor;
  const listeners = new Set<(text?: string, isComment?: boolean) => void>();
  let unheard: [text: string | undefined, isComment: boolean] | null = null;
  return {
    doc: room.doc,
    awareness: room.awareness,
    room: room.name,
    me,
    people: editor.presence.here,
    status: room.status,
    canWrite: room.canWrite,
    canComment: room.canComment,
    wanted: signal(null),
    selection: editor.selection,
    panelOpen: editor.panelOpen,
    view: () => editor.camera.view(),
    highlight: (ids) => {
      editor.highlighted.value = ids ?? [];
    },
    zoomTo: (ids) => editor.zoomTo(ids),
    select: (ids) => editor.select(ids),
    shapeLabel: (id) => editor.label(id),
    shapeType: (id) => editor.canvas.find(id)?.type ?? null,
    announce: (text) => {
      editor.spoken.value = text;
    },
    notice: (text, action) => {
      editor.notice.value = action ? { text, action } : { text };
    },
    undoRun: (run) => undoCalls(editor.canvas, callsOfRun(room.doc, run), me.peek().id, Date.now()),
    undoCall: (call) => undoCalls(editor.canvas, [call], me.peek().id, Date.now()),
    replay: (run) => {
      looking.value = { kind: 'replay', run };
    },
    onAsk: (listener) => {
      listeners.add(listener);
      if (unheard) listener(...unheard);
      unheard = null;
      return () => listeners.delete(listener);
    },
    ask: (...what) => {
      if (!listeners.size) unheard = what;
      for (const listener of listeners) listener(...what);
    },
  };
}

function watchSize(editor: Editor, canvas: HTMLElement, dock: HTMLElement): void {
  const beside = matchMedia(`(min-width: ${PANEL_BESIDE_PX}px)`);
  editor.panelOpen.value = beside.matches;
  beside.addEventListener('change', () => {
    editor.panelOpen.value = beside.matches;
  });
  effect(() => {
    const isOpen = editor.panelOpen.value;
    dock.inert = !isOpen;
    document.documentElement.classList.toggle('panel-open', isOpen);
    const { w, h } = editor.camera.size.value;
    const sheet = isOpen ? Math.min(h * SHEET.part, SHEET.most) : 60;
    const right = isOpen && w >= PANEL_BESIDE_PX ? PANEL_WIDTH_PX + 24 : 24;
    // On a phone a second row of islands stands under the first.
    editor.camera.inset =
      w < PHONE_PX ? { top: 120, right: 12, bottom: sheet + 12, left: 12 } : { top: 64, right, bottom: 72, left: 24 };
  });
  const measure = (): void => {
    editor.camera.size.value = { w: canvas.clientWidth || 1, h: canvas.clientHeight || 1 };
  };
  measure();
  new ResizeObserver(measure).observe(canvas);
}

/** The camera: where this person left it, else on the content; told to others; following somebody else's. */
function watchView(editor: Editor, canvas: HTMLElement): void {
  const key = `coplayer:view:${editor.room.name}`;
  const stored = ofThisTab.get(key)?.split(' ').map(Number);
  const [x, y, zoom] = stored ?? [];
  const isKnown = stored?.length === 3 && stored.every(Number.isFinite);
  if (isKnown) editor.camera.set({ x: x!, y: y!, zoom: zoom! });
  else editor.fit();
  let isPlaced = isKnown;
  // The copy in this browser may be empty or old: the view waits for the server's content, but not for other people's.
  const isSynced = signal(editor.room.provider.synced);
  editor.room.provider.on('sync', (synced) => {
    isSynced.value ||= synced;
  });
  effect(() => {
    if (!editor.room.loaded.value) return;
    editor.scene.isLive = true;
    if (isPlaced) return;
    void editor.version.value;
    const isEmpty = editor.canvas.shapes().length === 0; // `editor.isEmpty` is told of others' shapes a frame later
    if (!isEmpty) editor.fit();
    isPlaced = isSynced.value || !isEmpty;
  });
  effect(() => {
    const port = editor.camera.port.value;
    void editor.camera.size.value;
    ofThisTab.set(key, `${port.x} ${port.y} ${port.zoom}`);
    const view = editor.camera.view();
    editor.presence.set({
      view: { x: Math.round(view.x), y: Math.round(view.y), w: Math.round(view.w), h: Math.round(view.h) },
    });
  });
  const led = computed(() => editor.presence.players.value.find((p) => p.clientId === editor.following.value)?.view);
  effect(() => {
    const view = led.value;
    if (view && view.w > 0 && view.h > 0) editor.camera.fit({ x: view.x, y: view.y, w: view.w, h: view.h }, 8);
  });
  effect(() => {
    canvas.dataset.tool = editor.tool.value;
  });
}

start(document.getElementById('app')!);
keepThePage();
