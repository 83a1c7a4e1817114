import type { JSX } from 'preact';
import type { Editor } from '../editor';
import { Minus, Plus, Redo2, Undo2 } from '../ui/icons';
import { Tooltip } from '../ui/Tooltip';

/** Undo, redo and zoom, bottom left. */
export function Corner({ editor }: { editor: Editor }): JSX.Element {
  const { history, camera } = editor;
  return (
    <div class="island corner" role="toolbar" aria-label="Undo and zoom">
      <Tooltip text="Undo" keys="Ctrl Z">
        <button
          type="button"
          class="icon-button"
          data-testid="undo"
          aria-label="Undo"
          disabled={!history.canUndo.value}
          onClick={() => history.undo()}
        >
          <Undo2 size={17} strokeWidth={1.75} />
        </button>
      </Tooltip>
      <Tooltip text="Redo" keys="Ctrl Shift Z">
        <button
          type="button"
          class="icon-button"
          data-testid="redo"
          aria-label="Redo"
          disabled={!history.canRedo.value}
          onClick={() => history.redo()}
        >
          <Redo2 size={17} strokeWidth={1.75} />
        </button>
      </Tooltip>
      <span class="zooming">
        <span class="rule" />
        <button type="button" class="icon-button" aria-label="Zoom out" onClick={() => camera.zoomBy(1 / 1.2)}>
          <Minus size={17} strokeWidth={1.75} />
        </button>
        <Tooltip text="Show everything" keys="Shift 1">
          <button
            type="button"
            class="zoom"
            data-testid="zoom"
            aria-label={`Zoom ${Math.round(camera.zoom.value * 100)} %. Show everything`}
            onClick={() => editor.fit()}
          >
            {Math.round(camera.zoom.value * 100)}%
          </button>
        </Tooltip>
        <button type="button" class="icon-button" aria-label="Zoom in" onClick={() => camera.zoomBy(1.2)}>
          <Plus size={17} strokeWidth={1.75} />
        </button>
      </span>
    </div>
  );
}
