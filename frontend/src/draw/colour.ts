/** Colours of the document as CSS. Parsed, never passed through: a colour is what somebody else wrote. */
import { PALETTE } from '../canvas.gen';

const NAMES: ReadonlySet<string> = new Set(PALETTE);

interface Rgb {
  r: number;
  g: number;
  b: number;
}

function parse(value: string): Rgb | null {
  const hex = /^#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})$/.exec(value);
  if (hex) return { r: parseInt(hex[1]!, 16), g: parseInt(hex[2]!, 16), b: parseInt(hex[3]!, 16) };
  const hsl = /^hsl\(\s*([\d.]+)\s*,\s*([\d.]+)%\s*,\s*([\d.]+)%\s*\)$/.exec(value);
  if (!hsl) return null;
  const [h, s, l] = [Number(hsl[1]) % 360, Math.min(1, Number(hsl[2]) / 100), Math.min(1, Number(hsl[3]) / 100)];
  const channel = (offset: number): number => {
    const k = (offset + h / 30) % 12;
    return Math.round(255 * (l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return { r: channel(0), g: channel(8), b: channel(4) };
}

const css = ({ r, g, b }: Rgb): string => `rgb(${r} ${g} ${b})`;

/** A fill: a palette name is the theme's. */
export function fillOf(value: string): string {
  if (NAMES.has(value)) return `var(--${value}-fill)`;
  const rgb = parse(value);
  return rgb ? css(rgb) : 'none';
}

export function strokeOf(value: string): string {
  if (NAMES.has(value)) return `var(--${value}-stroke)`;
  const rgb = parse(value);
  return rgb ? css(rgb) : 'none';
}

/** What text on this fill is drawn in, so that it can be read in both themes. */
export function inkOn(fill: string): string {
  if (fill === 'white') return 'var(--ink-dark)';
  const rgb = NAMES.has(fill) ? null : parse(fill);
  if (!rgb) return 'var(--text)';
  const linear = (c: number): number => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = 0.2126 * linear(rgb.r) + 0.7152 * linear(rgb.g) + 0.0722 * linear(rgb.b);
  return luminance > 0.18 ? 'var(--ink-dark)' : 'var(--ink-light)';
}
