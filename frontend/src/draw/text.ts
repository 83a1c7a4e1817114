/** Measuring and wrapping labels. */

export const LINE_HEIGHT = 1.4;
export const FAMILY = '"Inter Variable", system-ui, sans-serif';
const REMEMBERED = 4000; // widths; enough for a full screen of words

export type Measure = (text: string, size: number, weight: number) => number;

let context: CanvasRenderingContext2D | null | undefined;
const widths = new Map<string, number>();

/** Width in px by the browser's own shaping; a guess where there is no 2D canvas (unit tests). */
export const measure: Measure = (text, size, weight) => {
  const key = `${weight} ${size} ${text}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  if (context === undefined) context = document.createElement('canvas').getContext?.('2d') ?? null;
  let width = text.length * size * 0.55;
  if (context) {
    context.font = `${weight} ${size}px ${FAMILY}`;
    width = context.measureText(text).width;
  }
  if (widths.size > REMEMBERED) widths.clear();
  widths.set(key, width);
  return width;
};

/** Forget widths: they were measured before the font had come. */
export function forgetWidths(): void {
  widths.clear();
}

/** Lines that fit a width; long words are broken, blank lines and inner spaces stay. */
export function wrap(text: string, width: number, size: number, weight: number, by: Measure = measure): string[] {
  const lines: string[] = [];
  const fits = (line: string): boolean => by(line, size, weight) <= width;
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(/(?<=\s)(?=\S)/u)) {
      if (fits((line + word).trimEnd())) {
        line += word;
        continue;
      }
      if (line) lines.push(line.trimEnd());
      line = '';
      for (const character of word) {
        if (line && !fits((line + character).trimEnd())) {
          lines.push(line);
          line = '';
        }
        line += character;
      }
    }
    lines.push(line.trimEnd());
  }
  return lines;
}

/** Width of the longest line when nothing is wrapped, px. */
export function naturalWidth(text: string, size: number, weight: number): number {
  return Math.max(0, ...text.split('\n').map((line) => measure(line, size, weight)));
}
