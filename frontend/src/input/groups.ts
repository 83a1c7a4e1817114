/** Groups: shapes that are selected, moved and removed as one. A group is an id that its shapes share. */
import type { Canvas, Edit, Shape } from '../canvas';
import { newId } from '../canvas';
import type { Editor } from '../editor';

/** These shapes and everybody in their groups, but not in the group that one has gone into. */
export function withGroups(canvas: Canvas, ids: Iterable<string>, inside: string | null): Set<string> {
  const found = new Set(ids);
  const groups = new Set<string>();
  for (const id of found) {
    const group = canvas.get(id)?.group;
    if (group && group !== inside) groups.add(group);
  }
  if (groups.size) for (const shape of canvas.shapes()) if (shape.group && groups.has(shape.group)) found.add(shape.id);
  return found;
}

/** The groups that the shapes belong to. */
export const groupsOf = (shapes: readonly Shape[]): Set<string> =>
  new Set(shapes.flatMap((shape) => shape.group ?? []));

/** Whether grouping would do something: two shapes at least that are not one group already. */
export function canGroup(shapes: readonly Shape[]): boolean {
  const groups = groupsOf(shapes);
  return shapes.length > 1 && !(groups.size === 1 && shapes.every((shape) => shape.group));
}

/** Makes one group of the selection; groups in it are taken up. */
export function group(editor: Editor): void {
  const shapes = editor.selected().filter((shape) => !shape.locked);
  if (!canGroup(shapes)) return;
  const id = newId();
  editor.inside.value = null;
  editor.commit(shapes.map((shape) => ({ id: shape.id, fields: { group: id } })));
}

/** Takes the selection's groups apart. */
export function ungroup(editor: Editor): void {
  const shapes = editor.selected().filter((shape) => shape.group && !shape.locked);
  editor.inside.value = null;
  editor.commit(shapes.map((shape): Edit => ({ id: shape.id, fields: { group: null } })));
}
