/** How large a shape must be for its words. */
import type { Shape } from '../canvas';
import { paddingOf, textWidth, weightOf } from '../draw/shape';
import { LINE_HEIGHT, naturalWidth, wrap } from '../draw/text';

/** A text grows to this width by itself before it wraps, px. */
const WIDEST_TEXT = 480;

export function textHeight(shape: Shape): number {
  const lines = wrap(shape.text || ' ', textWidth(shape) + 0.5, shape.font_size, weightOf(shape));
  return Math.ceil(lines.length * shape.font_size * LINE_HEIGHT + 2 * paddingOf(shape));
}

const natural = (shape: Shape, text: string): number =>
  Math.ceil(naturalWidth(text, shape.font_size, weightOf(shape))) + 2;

/** Width and height after the words became `text`: a text that was never made narrower by hand fits them, a note only grows. */
export function fitted(shape: Shape, text: string): { w?: number; h?: number } {
  const next = { ...shape, text };
  if (shape.type === 'note') {
    const h = textHeight(next);
    return h > shape.h ? { h } : {};
  }
  if (shape.type !== 'text') return {};
  const isByHand = shape.text !== '' && natural(shape, shape.text) > shape.w + 4;
  const w = isByHand ? shape.w : Math.min(WIDEST_TEXT, Math.max(20, natural(shape, text)));
  return { w, h: textHeight({ ...next, w }) };
}
