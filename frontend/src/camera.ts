/** What part of the board is on screen. world = screen / zoom + (x, y). */
import { computed, signal } from '@preact/signals';
import type { Box, Point } from './geometry';

export const MIN_ZOOM = 0.1;
export const MAX_ZOOM = 8;
const LIMIT = 1e6;

export interface Viewport {
  x: number;
  y: number;
  zoom: number;
}

export class Camera {
  readonly port = signal<Viewport>({ x: 0, y: 0, zoom: 1 });
  readonly zoom = computed(() => this.port.value.zoom);
  /** screen size of the canvas, px */
  readonly size = signal({ w: 1, h: 1 });
  /** what islands cover at each side, px: "fit" and "zoom to" keep clear of it */
  inset = { top: 64, right: 24, bottom: 72, left: 24 };

  toWorld(screen: Point): Point {
    const { x, y, zoom } = this.port.peek();
    return { x: screen.x / zoom + x, y: screen.y / zoom + y };
  }

  toScreen(world: Point): Point {
    const { x, y, zoom } = this.port.value;
    return { x: (world.x - x) * zoom, y: (world.y - y) * zoom };
  }

  view(): Box {
    const { x, y, zoom } = this.port.peek();
    const { w, h } = this.size.peek();
    return { x, y, w: w / zoom, h: h / zoom };
  }

  set(next: Viewport): void {
    const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, next.zoom));
    const clamp = (value: number): number => Math.min(LIMIT, Math.max(-LIMIT, value));
    this.port.value = { x: clamp(next.x), y: clamp(next.y), zoom };
  }

  pan(dx: number, dy: number): void {
    const { x, y, zoom } = this.port.peek();
    this.set({ x: x - dx / zoom, y: y - dy / zoom, zoom });
  }

  /** Zooms so that the board under this screen point stays there. */
  zoomAt(screen: Point, zoom: number): void {
    const still = this.toWorld(screen);
    const next = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, zoom));
    this.set({ x: still.x - screen.x / next, y: still.y - screen.y / next, zoom: next });
  }

  zoomBy(factor: number): void {
    const { w, h } = this.size.peek();
    this.zoomAt({ x: w / 2, y: h / 2 }, this.port.peek().zoom * factor);
  }

  /** Shows a box as large as it fits between the islands, at most at `largest`. */
  fit(box: Box, largest = 1): void {
    const { w, h } = this.size.peek();
    const { top, right, bottom, left } = this.inset;
    const free = { w: Math.max(80, w - left - right), h: Math.max(80, h - top - bottom) };
    const zoom = Math.min(largest, Math.max(MIN_ZOOM, Math.min(free.w / (box.w + 40), free.h / (box.h + 40))));
    this.set({
      x: box.x + box.w / 2 - (left + free.w / 2) / zoom,
      y: box.y + box.h / 2 - (top + free.h / 2) / zoom,
      zoom,
    });
  }
}
