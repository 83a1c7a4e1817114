/** Pictures of shapes as files: SVG that stands alone (colours resolved, letters embedded), and PNG of it. */
import { type Shape, same } from '../canvas';
import { body, connectorBody, placing } from '../draw/shape';
import { node } from '../draw/svg';
import type { Editor } from '../editor';
import { type Box, union } from '../geometry';

const MARGIN = 24;
const NAME_ABOVE = 16; // a frame's name stands over it
/** Screens of today have two px for one; a larger picture than this is scaled down, browsers refuse more. */
const SCALE = 2;
const MOST_PX = 8192;
/** Computed styles that a picture needs as attributes. */
const STYLES = [
  'fill',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'paint-order',
  'font-family',
  'font-size',
  'font-weight',
  'white-space',
  'filter',
] as const;

export interface Picture {
  svg: string;
  w: number;
  h: number;
}

function boxOf(editor: Editor, shapes: readonly Shape[]): Box {
  const boxes = shapes.flatMap((shape) => {
    const box = editor.boundsOf([shape.id]);
    return box ? (shape.type === 'frame' ? { ...box, y: box.y - NAME_ABOVE, h: box.h + NAME_ABOVE } : box) : [];
  });
  const box = union(boxes) ?? { x: 0, y: 0, w: 1, h: 1 };
  return {
    x: Math.floor(box.x) - MARGIN,
    y: Math.floor(box.y) - MARGIN,
    w: Math.ceil(box.w) + 2 * MARGIN,
    h: Math.ceil(box.h) + 2 * MARGIN,
  };
}

function groupOf(editor: Editor, shape: Shape): SVGGElement {
  const group = node('g', { opacity: shape.opacity });
  const line = shape.type === 'connector' ? editor.scene.line(shape.id) : undefined;
  if (line) group.append(...connectorBody(shape, line));
  else if (shape.type !== 'connector') {
    group.setAttribute('transform', placing(shape));
    group.append(...body(shape));
  }
  return group;
}

/** Theme colours and rules of the style sheet become attributes; helpers that nobody sees go. */
function resolve(root: SVGElement): void {
  for (const element of root.querySelectorAll<SVGElement>('*')) {
    if (element.classList.contains('hit')) {
      element.remove();
      continue;
    }
    const style = getComputedStyle(element);
    const isText = element.tagName === 'text' || element.tagName === 'tspan';
    const values = STYLES.filter((name) => isText || !/^font|white|paint/.test(name)).flatMap((name) => {
      const value = style.getPropertyValue(name);
      return value && !(value === 'none' && name === 'filter') ? [[name, value] as const] : [];
    });
    for (const name of ['style', 'class', 'pointer-events']) element.removeAttribute(name);
    for (const [name, value] of values) {
      const parent = element.tagName === 'tspan' ? element.parentElement?.getAttribute(name) : null;
      if (!same(value, parent)) element.setAttribute(name, value);
    }
  }
}

/** The picture of these shapes, in the theme that is shown now. */
export async function pictureOf(editor: Editor, shapes: readonly Shape[], hasBackground: boolean): Promise<Picture> {
  const { x, y, w, h } = boxOf(editor, shapes);
  const svg = node('svg', { xmlns: 'http://www.w3.org/2000/svg', viewBox: `${x} ${y} ${w} ${h}`, width: w, height: h });
  if (hasBackground) svg.append(node('rect', { x, y, width: w, height: h, fill: 'var(--canvas)' }));
  svg.append(...shapes.map((shape) => groupOf(editor, shape)));
  // Styles are computed only for what is in the page.
  Object.assign(svg.style, { position: 'fixed', left: '0', top: '0', visibility: 'hidden', pointerEvents: 'none' });
  document.body.append(svg);
  resolve(svg);
  svg.remove();
  svg.removeAttribute('style');
  const title = node('title');
  title.textContent = editor.title.peek() || 'Untitled board';
  svg.prepend(title);
  const letters = await fontFaces(svg.textContent ?? '');
  if (letters) {
    const style = document.createElementNS('http://www.w3.org/2000/svg', 'style');
    style.textContent = letters;
    svg.prepend(style);
  }
  return { svg: new XMLSerializer().serializeToString(svg), w, h };
}

/** `@font-face` rules that carry the page's own font, those of its parts that have letters of the text. */
async function fontFaces(text: string): Promise<string> {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
  const faces = rules.filter((rule): rule is CSSFontFaceRule => rule instanceof CSSFontFaceRule);
  const used = faces.filter((face) => covers(face.style.getPropertyValue('unicode-range'), text));
  const embedded = used.map(async (face) => {
    const found = /url\("?([^")]+)"?\)/.exec(face.style.getPropertyValue('src'));
    if (!found) return '';
    const base = face.parentStyleSheet?.href ?? location.href;
    const data = await dataUrl(await (await fetch(new URL(found[1]!, base))).blob());
    return `@font-face{font-family:"Inter Variable";font-weight:100 900;src:url(${data}) format("woff2")}`;
  });
  return (await Promise.all(embedded)).join('');
}

function covers(ranges: string, text: string): boolean {
  const parsed = ranges.split(',').map((range) => {
    const [from, to] = range.trim().replace(/^U\+/i, '').split('-');
    return [parseInt(from ?? '0', 16), parseInt(to ?? from ?? '0', 16)] as const;
  });
  return [...new Set(text)].some((letter) => {
    const code = letter.codePointAt(0)!;
    return parsed.some(([from, to]) => code >= from && code <= to);
  });
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** The picture as PNG, two px for one where that is not too large. Throws when the browser cannot draw it. */
export async function pngOf({ svg, w, h }: Picture): Promise<Blob> {
  const scale = Math.min(SCALE, MOST_PX / w, MOST_PX / h);
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(w * scale));
    canvas.height = Math.max(1, Math.round(h * scale));
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise<Blob>((done, fail) => {
      canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('the picture is too large'))), 'image/png');
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}
