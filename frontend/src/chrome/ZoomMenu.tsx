import type { JSX } from 'preact';
import type { Editor } from '../editor';
import { Menu } from '../ui/Menu';

export function ZoomMenu({ editor, close }: { editor: Editor; close: () => void }): JSX.Element {
  const zoomTo = (zoom: number) => (): void => editor.camera.zoomBy(zoom / editor.camera.port.peek().zoom);
  return (
    <Menu
      label="Zoom"
      class="up"
      testid="zoom-menu"
      close={close}
      items={[
        [
          { name: '50%', run: zoomTo(0.5) },
          { name: '100%', keys: 'Shift 0', testid: 'zoom-100', run: zoomTo(1) },
          { name: '200%', testid: 'zoom-200', run: zoomTo(2) },
        ],
        [
          { name: 'Show everything', keys: 'Shift 1', testid: 'zoom-fit', run: () => editor.fit() },
          {
            name: 'Zoom to selection',
            keys: 'Shift 2',
            testid: 'zoom-selection',
            isDisabled: editor.selection.value.size === 0,
            run: () => editor.zoomTo(editor.selection.peek()),
          },
        ],
      ]}
    />
  );
}
