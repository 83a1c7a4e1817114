/** SVG nodes from an allow-list. Nothing of the document is ever parsed as markup. */

const NS = 'http://www.w3.org/2000/svg';
type Tag = 'svg' | 'g' | 'rect' | 'ellipse' | 'polygon' | 'path' | 'text' | 'tspan' | 'title';

export function node<T extends Tag>(tag: T, attributes: Record<string, string | number> = {}): SVGElementTagNameMap[T] {
  const element = document.createElementNS(NS, tag) as SVGElementTagNameMap[T];
  set(element, attributes);
  return element;
}

/** More looks than a board has; past it somebody makes up colours, and what is kept is forgotten. */
const MOST_KEPT = 500;
const kept = new Map<string, SVGElement>();

/**
 * A node of a look that many share, with its own attributes on top. The look is copied from the first such node: one
 * call for many, and the browser works out the style of all copies once.
 */
export function stamp<T extends Tag>(
  tag: T,
  look: Record<string, string | number>,
  attributes: Record<string, string | number>,
): SVGElementTagNameMap[T] {
  const key = `${tag} ${Object.values(look).join('|')}|${Object.keys(look).join('|')}`;
  let first = kept.get(key);
  if (!first) {
    first = node(tag, look);
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(key, first);
  }
  const element = first.cloneNode() as SVGElementTagNameMap[T];
  set(element, attributes);
  return element;
}

const PAINT = new Set(['fill', 'stroke']);

/** Sets attributes; paints go through style because var() is not valid in a presentation attribute. */
export function set(element: SVGElement, attributes: Record<string, string | number>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (PAINT.has(name)) element.style.setProperty(name, String(value));
    else element.setAttribute(name, String(value));
  }
}
