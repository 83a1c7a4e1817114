/** A board drawn from plain fields, over the live one, to be looked at only. It follows the live board's camera. */
import { effect } from '@preact/signals';
import * as Y from 'yjs';
import { Camera } from '../camera';
import { Canvas, same } from '../canvas';
import { Grid } from '../draw/grid';
import { Scene } from '../draw/scene';
import type { Fields, Shapes } from './moments';

export class Preview {
  readonly scene: Scene;
  readonly grid: Grid;
  readonly #doc = new Y.Doc();
  readonly #stop: () => void;

  constructor(camera: Camera) {
    // A camera of its own: a scene never lets go of the one it is given.
    const own = new Camera();
    this.#stop = effect(() => {
      own.size.value = camera.size.value;
      own.port.value = camera.port.value;
    });
    this.scene = new Scene(new Canvas(this.#doc), own);
    this.grid = new Grid(own);
  }

  /** Draws this moment; of what stays the same the nodes stay, too. */
  show(shapes: Shapes): void {
    const stored = this.#doc.getMap<Y.Map<unknown>>('shapes');
    this.#doc.transact(() => {
      for (const id of [...stored.keys()]) if (!shapes[id]) stored.delete(id);
      for (const [id, fields] of Object.entries(shapes)) {
        const shape = stored.get(id);
        if (shape) rewrite(shape, fields);
        else stored.set(id, new Y.Map(Object.entries(fields)));
      }
    });
  }

  dispose(): void {
    this.#stop();
    this.#doc.destroy();
  }
}

function rewrite(shape: Y.Map<unknown>, fields: Fields): void {
  for (const key of [...shape.keys()]) if (!(key in fields)) shape.delete(key);
  for (const [key, value] of Object.entries(fields)) if (!same(shape.get(key), value)) shape.set(key, value);
}
