/** SVG nodes from an allow-list. Nothing of the document is ever parsed as markup. */

const NS = 'http://www.w3.org/2000/svg';
type Tag = 'svg' | 'g' | 'rect' | 'ellipse' | 'polygon' | 'path' | 'text' | 'tspan' | 'title';

export function node<T extends Tag>(tag: T, attributes: Record<string, string | number> = {}): SVGElementTagNameMap[T] {
  const element = document.createElementNS(NS, tag) as SVGElementTagNameMap[T];
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
