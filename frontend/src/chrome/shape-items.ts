/** What the menu of the selection offers: on a right click, a long press and behind "More" in the style bar. */
import type { Editor } from '../editor';
import { duplicate, isAllLocked, remove, reorder, selectAll, toggleLock } from '../input/actions';
import { canGroup, group, groupsOf, ungroup } from '../input/groups';
import { pasteAsked } from '../transfer/clipboard';
import type { Item, Items } from '../ui/Menu';

/** The copy and cut listeners of the keyboard do the work: this is what Ctrl+C and Ctrl+X call, too. */
const viaBrowser = (command: 'copy' | 'cut'): void => {
  document.execCommand(command);
};

export function shapeItems(editor: Editor, comment: () => void): Items {
  const shapes = editor.selected();
  const copy: Item = { name: 'Copy', keys: 'Ctrl C', testid: 'menu-copy', run: () => viaBrowser('copy') };
  const exporting: Item = {
    name: 'Export…',
    testid: 'menu-export',
    run: () => {
      editor.dialog.value = 'export';
    },
  };
  const commenting: Item[] = editor.room.canComment.peek()
    ? [{ name: 'Comment…', keys: 'C', testid: 'menu-comment', run: comment }]
    : [];
  if (!editor.canWrite) return shapes.length ? [[copy], commenting, [exporting]] : [commenting, [exporting]];
  const paste: Item = { name: 'Paste', keys: 'Ctrl V', testid: 'menu-paste', run: () => void pasteAsked(editor) };
  const all: Item = { name: 'Select all', keys: 'Ctrl A', run: () => selectAll(editor) };
  if (!shapes.length) return [[paste, all], commenting, [exporting]];
  const isLocked = isAllLocked(shapes);
  const lock: Item = {
    name: isLocked ? 'Unlock' : 'Lock',
    keys: 'Ctrl Shift L',
    testid: 'menu-lock',
    run: () => toggleLock(editor),
  };
  if (isLocked) return [[copy, paste], [lock], commenting, [exporting]];
  return [
    [
      { name: 'Cut', keys: 'Ctrl X', testid: 'menu-cut', run: () => viaBrowser('cut') },
      copy,
      paste,
      { name: 'Duplicate', keys: 'Ctrl D', testid: 'menu-duplicate', run: () => duplicate(editor) },
    ],
    [
      ...(canGroup(shapes) ? [{ name: 'Group', keys: 'Ctrl G', testid: 'menu-group', run: () => group(editor) }] : []),
      ...(groupsOf(shapes).size
        ? [{ name: 'Ungroup', keys: 'Ctrl Shift G', testid: 'menu-ungroup', run: () => ungroup(editor) }]
        : []),
      lock,
    ],
    [
      { name: 'Bring to front', keys: '}', testid: 'menu-front', run: () => reorder(editor, 'top') },
      { name: 'Bring forward', keys: ']', run: () => reorder(editor, 'up') },
      { name: 'Send backward', keys: '[', run: () => reorder(editor, 'down') },
      { name: 'Send to back', keys: '{', testid: 'menu-back', run: () => reorder(editor, 'bottom') },
    ],
    [...commenting, exporting],
    [{ name: 'Delete', keys: 'Del', testid: 'menu-delete', isDanger: true, run: () => remove(editor) }],
  ];
}
