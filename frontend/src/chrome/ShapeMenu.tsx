import type { JSX } from 'preact';
import type { Editor } from '../editor';
import type { Point } from '../geometry';
import { Menu } from '../ui/Menu';
import { shapeItems } from './shape-items';

/** The menu of the selection, where the pointer asked for it. */
export function ShapeMenu(props: { editor: Editor; at: Point; comment: () => void }): JSX.Element {
  const { editor, at, comment } = props;
  const close = (): void => {
    editor.menuAt.value = null;
  };
  const items = shapeItems(editor, comment);
  return <Menu label="Selection" testid="shape-menu" class="fixed" items={items} at={at} close={close} />;
}
