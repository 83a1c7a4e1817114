/** The keyed nodes of the shapes: one a shape, made anew only when its look changes, in the order of the board. */
import type { Shape } from '../canvas';
import type { Line } from '../geometry';
import { TYPE_WORDS } from '../history';
import { body, connectorBody, hasSameLook, placing } from './shape';
import { node, set } from './svg';

interface Entry {
  group: SVGGElement;
  /** what the node shows: its look with live gestures, and the shape as it is stored */
  shape: Shape | null;
  stored: Shape | null;
  line: Line | null;
  hasWords: boolean;
}

export class Nodes {
  readonly layer = node('g');
  readonly #entries = new Map<string, Entry>();
  #editing: string | null = null;
  #isOrderStale = false;

  get size(): number {
    return this.#entries.size;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** Whether a shape's node shows its words; undefined when it has none. */
  hasWords(id: string): boolean | undefined {
    return this.#entries.get(id)?.hasWords;
  }

  ids(): IterableIterator<string> {
    return this.#entries.keys();
  }

  group(id: string): SVGGElement | undefined {
    return this.#entries.get(id)?.group;
  }

  /** Shows a shape; `stored` is what the document has of it, `line` a connector's way. */
  update(shape: Shape, stored: Shape, line: Line | null, hasWords: boolean): void {
    const entry = this.#entries.get(shape.id) ?? this.#mount(shape);
    const { group, shape: was } = entry;
    const isSame = was === shape && entry.stored === stored && entry.line === line;
    if (isSame && entry.hasWords === hasWords) return;
    if (was?.z !== shape.z) this.#isOrderStale = true;
    if (shape.type === 'connector') group.removeAttribute('transform');
    else if (!was || was.type === 'connector' || !hasSamePlace(was, shape)) {
      group.setAttribute('transform', placing(shape));
    }
    if (was?.opacity !== shape.opacity) group.setAttribute('opacity', String(shape.opacity));
    const isTurned = !was || Boolean(was.draft) !== Boolean(shape.draft);
    if (isTurned) markProposed(group, Boolean(shape.draft));
    if (entry.stored !== stored) tell(group, stored);
    const isRedrawn =
      isTurned || !hasSameLook(was, shape) || entry.line?.path !== line?.path || entry.hasWords !== hasWords;
    Object.assign(entry, { shape, stored, line, hasWords });
    if (!isRedrawn) return;
    const inner = node('g', { class: 'body' });
    inner.append(
      ...(shape.type === 'connector' ? (line ? connectorBody(shape, line, hasWords) : []) : body(shape, hasWords)),
    );
    group.replaceChildren(inner);
    group.classList.remove('made');
    group.setAttribute('aria-label', describe(shape));
    group.classList.toggle('editing', this.#editing === shape.id);
  }

  remove(id: string): void {
    this.#entries.get(id)?.group.remove();
    this.#entries.delete(id);
  }

  /** Forgets what the nodes show, so that the next update draws them anew (a font came). */
  spoil(): void {
    for (const entry of this.#entries.values()) if (entry.shape?.text) entry.shape = null;
  }

  /** The shape whose words are in the text editor instead. */
  setEditing(id: string | null): void {
    const before = this.#editing;
    this.#editing = id;
    for (const each of [before, id]) if (each) this.group(each)?.classList.toggle('editing', each === id);
  }

  /** Puts nodes where they belong when some were made or moved in the stack; `shapes` lowest first. */
  sort(shapes: readonly Shape[]): void {
    if (!this.#isOrderStale) return;
    this.#isOrderStale = false;
    let next = this.layer.firstChild;
    for (const shape of shapes) {
      const group = this.#entries.get(shape.id)?.group;
      if (!group) continue;
      if (group === next) next = next.nextSibling;
      else this.layer.insertBefore(group, next);
    }
  }

  #mount(shape: Shape): Entry {
    const group = node('g', { class: 'shape', 'data-shape-id': shape.id, role: 'img', tabindex: 0 });
    const entry: Entry = { group, shape: null, stored: null, line: null, hasWords: true };
    this.#entries.set(shape.id, entry);
    this.#isOrderStale = true;
    return entry;
  }
}

/** The handles for tests and scripts: fields as they are written. */
function tell(group: SVGGElement, stored: Shape): void {
  set(group, { 'data-type': stored.type, 'data-z': stored.z, 'data-fill': stored.fill, 'data-stroke': stored.stroke });
  if (stored.type === 'connector') return;
  set(group, { 'data-x': stored.x, 'data-y': stored.y, 'data-w': stored.w, 'data-h': stored.h });
}

/** A proposal is seen but neither hit nor reached by Tab: people decide on it in the panel. */
function markProposed(group: SVGGElement, isProposed: boolean): void {
  group.classList.toggle('proposed', isProposed);
  group.setAttribute('tabindex', isProposed ? '-1' : '0');
}

const hasSamePlace = (a: Shape, b: Shape): boolean =>
  a.x === b.x && a.y === b.y && a.rotation === b.rotation && (!a.rotation || (a.w === b.w && a.h === b.h));

/** "Rectangle: Sync server", for screen readers. */
function describe(shape: Shape): string {
  const words = shape.text.trim();
  const what = shape.draft ? `Proposed ${TYPE_WORDS[shape.type].toLowerCase()}` : TYPE_WORDS[shape.type];
  return words ? `${what}: ${words}` : what;
}
