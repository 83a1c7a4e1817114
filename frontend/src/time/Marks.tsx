/** Frames around the shapes that a moment is about. */
import type { ReadonlySignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Camera } from '../camera';
import type { Scene } from '../draw/scene';

const OUT = 6;
/** More frames than this say nothing any more. */
const MOST = 200;

export function Marks(props: { scene: Scene; camera: Camera; ids: ReadonlySignal<readonly string[]> }): JSX.Element {
  const { scene, camera, ids } = props;
  void scene.version.value;
  const zoom = camera.zoom.value;
  return (
    <svg class="overlay" aria-hidden="true">
      {ids.value.slice(0, MOST).map((id) => {
        const place = scene.place(id);
        if (!place) return null;
        const at = camera.toScreen(place);
        const [w, h] = [place.w * zoom, place.h * zoom];
        const turn = place.rotation ? `rotate(${place.rotation} ${at.x + w / 2} ${at.y + h / 2})` : undefined;
        return (
          <rect
            key={id}
            class="target highlight"
            data-mark={id}
            x={at.x - OUT}
            y={at.y - OUT}
            width={w + 2 * OUT}
            height={h + 2 * OUT}
            rx={14}
            transform={turn}
          />
        );
      })}
    </svg>
  );
}
