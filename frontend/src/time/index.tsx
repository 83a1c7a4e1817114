/** Looking at the past of the board: an own picture over it, to pan and zoom but not to change, and a bar to move by. */
import { signal } from '@preact/signals';
import { render } from 'preact';
import type { Editor } from '../editor';
import { union } from '../geometry';
import { Pointers } from '../input/pointer';
import { type Looking, looking } from './looking';
import { Marks } from './Marks';
import type { Shapes } from './moments';
import { Preview } from './preview';
import { ReplayBar } from './ReplayBar';
import { VersionsBar } from './VersionsBar';
import './time.css';

/** Under this width the panel lies over the board. */
const PANEL_BESIDE = '(min-width: 1100px)';

/** Shows it until the person comes back to the board. */
export function lookBack(editor: Editor, app: HTMLElement, what: Looking): void {
  const stage = document.createElement('div');
  stage.className = 'canvas past';
  stage.dataset.testid = 'past';
  stage.dataset.tool = 'hand';
  stage.dataset.kind = what.kind;
  const bar = document.createElement('div');
  bar.className = 'past-dock';
  const preview = new Preview(editor.camera);
  const marked = signal<readonly string[]>([]);
  const overlay = document.createElement('div');
  overlay.className = 'layer';
  stage.append(preview.grid.root, preview.scene.root, overlay);
  app.querySelector('.canvas')?.after(stage);
  app.append(bar);

  const others = [...app.querySelectorAll<HTMLElement>('.chrome')];
  const tool = editor.tool.peek();
  const camera = editor.camera.port.peek();
  const page = document.documentElement;
  editor.select([]);
  editor.editing.value = null;
  editor.tool.value = 'hand';
  if (!matchMedia(PANEL_BESIDE).matches) editor.panelOpen.value = false;
  page.classList.add('looking-back');
  for (const other of others) other.inert = true;
  new Pointers(editor, stage);

  const close = (): void => {
    looking.value = null;
  };
  const onKey = (event: KeyboardEvent): void => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest('.panel-dock')) return;
    if (event.key === 'Escape' && target?.matches('.past-rename')) return; // gives up the name only
    if (event.key === 'F2') bar.querySelector<HTMLElement>('[data-testid="version-rename"]')?.click();
    else if (event.key === 'Escape') close();
    else if (target?.closest('.past-dock')) return; // the slider and the name
    // The board's keys would change what is not on screen now.
    event.stopImmediatePropagation();
  };
  addEventListener('keydown', onKey, true);

  const drawn = signal(false);
  const show = (shapes: Shapes | null, ids: readonly string[]): void => {
    drawn.value = shapes !== null;
    stage.hidden = shapes === null;
    if (shapes) preview.show(shapes);
    marked.value = ids;
  };
  const bring = (shapes: Shapes, ids: readonly string[]): void => {
    const isFirst = !drawn.peek();
    show(shapes, ids);
    const box = isFirst ? union(ids.flatMap((id) => preview.scene.place(id) ?? [])) : null;
    if (box) editor.camera.fit(box, Math.max(1, camera.zoom));
  };
  stage.hidden = true;
  render(<Marks scene={preview.scene} camera={editor.camera} ids={marked} />, overlay);
  render(
    what.kind === 'versions' ? (
      <VersionsBar editor={editor} show={show} close={close} />
    ) : (
      <ReplayBar editor={editor} run={what.run} show={bring} close={close} />
    ),
    bar,
  );
  const stop = looking.subscribe((now) => {
    if (now === what) return;
    queueMicrotask(() => stop());
    removeEventListener('keydown', onKey, true);
    render(null, bar);
    render(null, overlay);
    preview.dispose();
    stage.remove();
    bar.remove();
    for (const other of others) other.inert = false;
    page.classList.remove('looking-back');
    editor.tool.value = tool;
    editor.camera.set(camera);
  });
}
