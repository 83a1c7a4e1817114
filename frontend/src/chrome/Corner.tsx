import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Editor } from '../editor';
import { Button } from '../ui/Button';
import { Minus, Plus, Redo2, Undo2 } from '../ui/icons';
import { later } from './later';

const ZoomMenu = later('ZoomMenu');

const SIZE = 17;

/** Undo, redo and zoom, bottom left. */
export function Corner({ editor }: { editor: Editor }): JSX.Element {
  const { history, camera } = editor;
  const isOpen = useSignal(false);
  const percent = `${Math.round(camera.zoom.value * 100)}%`;
  const close = (): void => {
    isOpen.value = false;
  };
  const toggle = (): void => {
    isOpen.value = !isOpen.value;
  };
  return (
    <div
      class={`island corner${editor.room.canWrite.value ? '' : ' zoom-only'}`}
      role="toolbar"
      aria-label="Undo and zoom"
    >
      {editor.room.canWrite.value && (
        <>
          <Button
            name="Undo"
            icon={Undo2}
            size={SIZE}
            keys="Ctrl Z"
            testid="undo"
            disabled={!history.canUndo.value}
            onClick={() => history.undo()}
          />
          <Button
            name="Redo"
            icon={Redo2}
            size={SIZE}
            keys="Ctrl Shift Z"
            testid="redo"
            disabled={!history.canRedo.value}
            onClick={() => history.redo()}
          />
        </>
      )}
      <span class="zooming">
        {editor.room.canWrite.value && <span class="rule" />}
        <Button name="Zoom out" icon={Minus} size={SIZE} keys="−" onClick={() => camera.zoomBy(1 / 1.2)} />
        <Button
          name="Zoom"
          label={`Zoom ${percent}`}
          class="zoom"
          testid="zoom"
          popup="menu"
          expanded={isOpen.value}
          onClick={toggle}
        >
          {percent}
        </Button>
        <Button name="Zoom in" icon={Plus} size={SIZE} keys="+" onClick={() => camera.zoomBy(1.2)} />
      </span>
      {isOpen.value && <ZoomMenu editor={editor} close={close} />}
    </div>
  );
}
