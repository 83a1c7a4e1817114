/**
 * The SVG on screen, and the camera's way into it. On a full board a moving camera only sets one CSS transform, which
 * costs the same for any number of shapes; 120 ms after it came to rest the shapes are drawn anew for where it is.
 */
import type { Camera, Viewport } from '../camera';
import { oncePerFrame } from '../frames';
import { node } from './svg';

/** After the last move of the camera. Notches of a wheel come up to 100 ms apart. */
export const REST_MS = 120;

export class Stage {
  /** what lies in the page: cut off at the canvas' edge, while the SVG in it may reach farther and move */
  readonly root = document.createElement('div');
  readonly world = node('g', { class: 'world' });
  /** the camera moves and the picture is only shifted and scaled */
  isFrozen = false;
  readonly #svg = node('svg', { class: 'scene', role: 'group', 'aria-label': 'Shapes' });
  #drawn: Viewport = { x: 0, y: 0, zoom: 1 };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasRested = false;
  readonly #told: () => void;

  constructor(
    readonly camera: Camera,
    /** Whether there are so many shapes that drawing them at each step would take longer than a frame. */
    readonly isFull: () => boolean,
    /** Called at most once a frame while the camera moves, and when it came to rest. */
    onView: () => void,
  ) {
    this.root.className = 'stage';
    this.root.append(this.#svg);
    this.#svg.append(this.world);
    this.#told = oncePerFrame(onView);
    camera.port.subscribe((port) => {
      if (this.isFull()) this.#freeze(port);
      else this.#draw(port);
      this.#told();
    });
    camera.size.subscribe(() => this.#told());
  }

  /** Whether it came to rest since this was last asked. */
  hasRested(): boolean {
    const was = this.#hasRested;
    this.#hasRested = false;
    return was;
  }

  #freeze(port: Viewport): void {
    const { x, y, zoom } = this.#drawn;
    const scale = port.zoom / zoom;
    const { style } = this.#svg;
    style.willChange = 'transform';
    style.transform = `translate(${(x - port.x) * port.zoom}px, ${(y - port.y) * port.zoom}px) scale(${scale})`;
    this.isFrozen = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#draw(this.camera.port.peek());
      this.#told();
    }, REST_MS);
  }

  #draw(port: Viewport): void {
    clearTimeout(this.#timer);
    this.#drawn = port;
    this.#svg.style.willChange = '';
    this.#svg.style.transform = '';
    this.world.setAttribute('transform', `scale(${port.zoom}) translate(${-port.x} ${-port.y})`);
    this.#hasRested ||= this.isFrozen;
    this.isFrozen = false;
  }
}
