import { afterEach, describe, expect, it, vi } from 'vitest';
import { Camera } from '../src/camera';
import { Grid } from '../src/draw/grid';
import { REST_MS } from '../src/draw/stage';

const VIEW = { w: 1000, h: 800 };

/** The layer of the dots: where its edges lie in the view, and where its dots are, px. */
function layer(grid: Grid): { left: number; right: number; step: number; dot: number } {
  const [, x, , scale] = /translate\((.+)px, (.+)px\) scale\((.+)\)/.exec(grid.root.style.transform)!.map(Number);
  const painted = Number.parseFloat(grid.root.style.backgroundSize);
  const left = x! - (VIEW.w * -Number.parseFloat(grid.root.style.inset)) / 100;
  const step = painted * scale!;
  return { left, right: left + VIEW.w * 2 * scale!, step, dot: left + step / 2 };
}

function grid(): { camera: Camera; grid: Grid } {
  const camera = new Camera();
  camera.size.value = VIEW;
  return { camera, grid: new Grid(camera) };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('the dots', () => {
  it('keep to the board and cover the view, wherever the camera is', () => {
    vi.useFakeTimers();
    const { camera, grid: dots } = grid();
    for (const zoom of [1, 1.2, 2, 8, 5, 0.7, 0.3, 0.12, 0.1, 0.24]) {
      for (const x of [0, 7, -7, 12_345.6, -999_999]) {
        camera.set({ x, y: 3, zoom });
        const { left, right, step, dot } = layer(dots);
        expect(left).toBeLessThanOrEqual(0);
        expect(right).toBeGreaterThanOrEqual(VIEW.w);
        // A dot stands half a step beyond every multiple of the step, as seen from the board's origin.
        const off = (dot + x * zoom - step / 2) / step;
        expect(Math.abs(off - Math.round(off))).toBeLessThan(1e-3);
      }
    }
  });

  it('are painted once for a pan, and for a zoom when it has come to rest', () => {
    vi.useFakeTimers();
    const { camera, grid: dots } = grid();
    const painted = (): string => dots.root.style.backgroundSize;
    expect(painted()).toBe('20px 20px');
    for (let x = 0; x < 500; x += 9) camera.set({ x, y: -x, zoom: 1 });
    expect(painted()).toBe('20px 20px');
    for (const zoom of [1.1, 1.3, 1.7]) camera.set({ x: 0, y: 0, zoom });
    vi.advanceTimersByTime(REST_MS - 1);
    expect(painted()).toBe('20px 20px');
    vi.advanceTimersByTime(1);
    expect(painted()).toBe('34px 34px');
    expect(dots.root.style.transform).toContain('scale(1)');
  });
});
