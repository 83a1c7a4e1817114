import type { JSX } from 'preact';
import type { Editor } from '../editor';
import type { Point } from '../geometry';
import { Menu } from '../ui/Menu';
import { shapeItems } from './shape-items';

/** The menu of the selection, where the pointer asked for it. */
export function ShapeMenu({ editor, at }: { editor: Editor; at: Point }): JSX.Element {
  const close = (): void => {
    editor.menuAt.value = null;
  };
  return <Menu label="Selection" testid="shape-menu" class="fixed" items={shapeItems(editor)} at={at} close={close} />;
}
