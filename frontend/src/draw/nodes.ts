/** The keyed nodes of the shapes: one a shape, made anew only when its look changes, in the order of the board. */
import type { Shape } from '../canvas';
import type { Line } from '../geometry';
import { TYPE_WORDS } from '../history';
import { body, connectorBody, hasSameLook, linesOf, placing } from './shape';
import { node } from './svg';

/** Copied for each shape: a full board's first picture is thousands of nodes, and a copy is one call. */
const SHAPE = node('g', { class: 'shape', role: 'img', tabindex: 0 });
const BODY = node('g', { class: 'body' });

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
    if ((was?.opacity ?? 1) !== shape.opacity) group.setAttribute('opacity', String(shape.opacity));
    const isTurned = Boolean(was?.draft) !== Boolean(shape.draft);
    if (isTurned) markProposed(group, Boolean(shape.draft));
    if (entry.stored !== stored) tell(group, stored, entry.stored);
    const isRedrawn =
      !was || isTurned || !hasSameLook(was, shape) || entry.line?.path !== line?.path || entry.hasWords !== hasWords;
    Object.assign(entry, { shape, stored, line, hasWords });
    if (!isRedrawn) return;
    const inner = BODY.cloneNode() as SVGGElement;
    inner.append(
      ...(shape.type === 'connector' ? (line ? connectorBody(shape, line, hasWords) : []) : body(shape, hasWords)),
    );
    group.setAttribute('aria-label', describe(shape));
    if (this.#editing === shape.id) group.classList.add('editing');
    if (!group.firstChild) {
      group.append(inner);
      return;
    }
    group.replaceChildren(inner);
    group.classList.remove('made');
  }

  remove(id: string): void {
    this.#entries.get(id)?.group.remove();
    this.#entries.delete(id);
  }

  /**
   * Forgets what those nodes show whose words would break into other lines by now, so that the next update draws them
   * anew; their ids. The browser itself puts words that stay on their lines into another font.
   */
  spoil(): string[] {
    const ids: string[] = [];
    for (const [id, entry] of this.#entries) {
      const { shape, hasWords, group } = entry;
      if (!hasWords || !shape?.text || shape.type === 'frame') continue;
      const shown = Array.from(group.querySelectorAll('tspan'), (line) => line.textContent);
      if (linesOf(shape).join('\n') === shown.join('\n')) continue;
      entry.shape = null;
      ids.push(id);
    }
    return ids;
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
    const group = SHAPE.cloneNode() as SVGGElement;
    group.setAttribute('data-shape-id', shape.id);
    const entry: Entry = { group, shape: null, stored: null, line: null, hasWords: true };
    this.#entries.set(shape.id, entry);
    this.#isOrderStale = true;
    return entry;
  }
}

/** The handles for tests and scripts: fields as they are written. */
function tell(group: SVGGElement, stored: Shape, told: Shape | null): void {
  for (const field of stored.type === 'connector' ? TOLD_OF_ALL : TOLD) {
    if (told?.[field] !== stored[field]) group.setAttribute(`data-${field}`, String(stored[field]));
  }
}
const TOLD_OF_ALL = ['type', 'z', 'fill', 'stroke'] as const;
const TOLD = [...TOLD_OF_ALL, 'x', 'y', 'w', 'h'] as const;

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
