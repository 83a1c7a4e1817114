/**
 * The dots behind the shapes. They are painted once: a moving camera only shifts and scales the layer that they are on.
 * They are painted anew when a zoom has come to rest, or has gone so far that the layer would no longer cover the view.
 */
import type { Camera, Viewport } from '../camera';
import { REST_MS } from './stage';

/** Distance of the dots at 100 %, px of the board. */
const STEP = 20;
/** Dots closer than this on the screen are thinned out. */
const CLOSEST = 10;
const THINNED = 4;
/** How far the layer reaches beyond each edge of the view, in views. */
const REACH = 0.5;
/** Dots scaled by more look coarse. */
const LARGEST = 2.5;

export class Grid {
  readonly root = document.createElement('div');
  #zoom = 1;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly camera: Camera) {
    this.root.className = 'grid';
    this.root.style.inset = `${-REACH * 100}%`;
    camera.port.subscribe((port) => this.#move(port));
    camera.size.subscribe(() => this.#paint());
  }

  #move(port: Viewport): void {
    clearTimeout(this.#timer);
    const scale = port.zoom / this.#zoom;
    if (scale > LARGEST || this.#spare(scale) < (spread(this.#zoom) * scale) / 2) this.#paint();
    else if (scale === 1) this.#shift(port);
    else {
      this.#shift(port);
      this.#timer = setTimeout(() => this.#paint(), REST_MS);
    }
  }

  /** How far the layer at that scale, in the middle of the view, reaches beyond the view's nearest edge, px. */
  #spare(scale: number): number {
    const { w, h } = this.camera.size.peek();
    return ((scale * (1 + 2 * REACH) - 1) / 2) * Math.min(w, h);
  }

  /** Puts the layer about the middle of the view, at most half a step off: dots repeat, so it never needs to go farther. */
  #shift(port: Viewport): void {
    const { w, h } = this.camera.size.peek();
    const scale = port.zoom / this.#zoom;
    const step = spread(this.#zoom) * scale;
    const at = (board: number, view: number): number => {
      const middle = (view - scale * (1 + 2 * REACH) * view) / 2;
      const off = (((-board * port.zoom - middle) % step) + step) % step;
      return middle + (off > step / 2 ? off - step : off) + REACH * view;
    };
    this.root.style.transform = `translate(${at(port.x, w)}px, ${at(port.y, h)}px) scale(${scale})`;
  }

  #paint(): void {
    const port = this.camera.port.peek();
    this.#zoom = port.zoom;
    const step = spread(port.zoom);
    this.root.style.backgroundSize = `${step}px ${step}px`;
    this.#shift(port);
  }
}

/** Distance of the dots on the screen, px. */
function spread(zoom: number): number {
  const step = STEP * zoom;
  return step < CLOSEST ? step * THINNED : step;
}
