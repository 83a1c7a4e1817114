import { describe, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { Camera } from '../src/camera';
import { Canvas } from '../src/canvas';
import { Scene } from '../src/draw/scene';
import { REST_MS } from '../src/draw/stage';
import { type Player, readState } from '../src/presence';

vi.setConfig({ testTimeout: 30_000 });

const COLUMNS = 40;
const STEP = 200;
const BOX = { type: 'rect', w: 100, h: 60 };

/** A grid of boxes, 40 to a row, 200 px apart: `s0` at the origin, 1000 x 800 px of it in view. */
function board(count: number): { canvas: Canvas; camera: Camera; scene: Scene; doc: Y.Doc } {
  const doc = new Y.Doc();
  const shapes = doc.getMap('shapes');
  doc.transact(() => {
    for (let i = 0; i < count; i++) {
      const place = { x: (i % COLUMNS) * STEP, y: Math.floor(i / COLUMNS) * STEP, z: `a${String(i).padStart(5, '0')}` };
      shapes.set(`s${i}`, new Y.Map(Object.entries({ ...BOX, ...place })));
    }
  });
  const canvas = new Canvas(doc);
  const camera = new Camera();
  camera.size.value = { w: 1000, h: 800 };
  const scene = new Scene(canvas, camera);
  document.body.replaceChildren(scene.root);
  return { canvas, camera, scene, doc };
}

const drawn = (scene: Scene): string[] =>
  [...scene.root.querySelectorAll<SVGElement>('[data-shape-id]')].map((node) => node.dataset.shapeId!);
const isDrawn = (scene: Scene, id: string): boolean => drawn(scene).includes(id);
const until = (holds: () => boolean): Promise<unknown> =>
  vi.waitFor(() => expect(holds()).toBe(true), { timeout: 10_000, interval: 10 });
/** The same document in another page. */
function peerOf(doc: Y.Doc): Canvas {
  const other = new Y.Doc();
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  other.on('update', (update: Uint8Array) => Y.applyUpdate(doc, update, 'link'));
  return new Canvas(other);
}

describe('a board with few shapes', () => {
  it('is drawn whole, wherever the camera is', async () => {
    const { scene, camera } = board(200);
    await until(() => drawn(scene).length === 200);
    camera.set({ x: 50_000, y: 50_000, zoom: 1 });
    expect(scene.root.querySelector('.world')?.getAttribute('transform')).toBe('scale(1) translate(-50000 -50000)');
    expect(drawn(scene)).toHaveLength(200);
  });
});

describe('a full board', () => {
  it('has nodes near the view only, and for the first and the last shape, where Tab comes in', async () => {
    const { scene } = board(1200);
    await until(() => isDrawn(scene, 's1199'));
    expect(drawn(scene).length).toBeLessThan(100);
    expect(isDrawn(scene, 's0')).toBe(true);
    expect(isDrawn(scene, 's1199')).toBe(true);
    expect(isDrawn(scene, 's1000')).toBe(false);
  });

  it('D15 tells places and lines of what is not drawn from the model', async () => {
    const { scene, canvas } = board(1200);
    canvas.apply([
      { id: 'c', create: true, fields: { type: 'connector', from: { id: 's1000' }, to: { id: 's1001' } } },
    ]);
    expect(isDrawn(scene, 'c')).toBe(false);
    expect(scene.place('s1000')).toMatchObject({ x: 0, y: 5000 });
    expect(scene.line('c')).toMatchObject({ start: { x: 100, y: 5030 }, end: { x: 200, y: 5030 } });
    scene.override(new Map([['s1001', { x: 400 }]]));
    expect(scene.line('c')).toMatchObject({ end: { x: 400, y: 5030 } });
  });

  it('draws what the camera comes to, in the order of the board, and drops what it left once it rests', async () => {
    const { scene, camera, canvas } = board(1200);
    await until(() => isDrawn(scene, 's164'));
    camera.set({ x: 3000, y: 3000, zoom: 1 });
    await until(() => isDrawn(scene, 's655') && !isDrawn(scene, 's41'));
    const order = canvas.shapes().map((shape) => shape.id);
    expect(drawn(scene)).toEqual(order.filter((id) => isDrawn(scene, id)));
  });

  it('draws a connector of which only the middle is in view', async () => {
    const { scene, canvas } = board(1200);
    canvas.apply([
      { id: 'c', create: true, fields: { type: 'connector', from: { x: -9000, y: 100 }, to: { x: 9000, y: 100 } } },
    ]);
    await until(() => isDrawn(scene, 'c'));
  });

  it('draws a shape of which only the words reach into the view', async () => {
    const { scene, canvas } = board(1200);
    const text = 'word '.repeat(800);
    canvas.apply([{ id: 't', create: true, fields: { type: 'rect', x: 300, y: -2000, w: 60, h: 40, text } }]);
    await until(() => isDrawn(scene, 't'));
  });

  it('only shifts and scales the picture while the camera moves, and draws it anew when it rests', async () => {
    const { scene, camera } = board(1200);
    camera.set({ x: 0, y: 0, zoom: 0.3 });
    await until(() => drawn(scene).length > 300);
    const svg = scene.root.querySelector<SVGElement>('.scene')!;
    const world = scene.root.querySelector('.world')!;
    await until(() => svg.style.transform === '');
    const before = world.getAttribute('transform');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      camera.set({ x: 100, y: 50, zoom: 0.6 });
      expect(world.getAttribute('transform')).toBe(before);
      expect(svg.style.transform).toBe('translate(-60px, -30px) scale(2)');
      expect(svg.style.willChange).toBe('transform');
      vi.advanceTimersByTime(REST_MS - 1);
      camera.set({ x: 100, y: 60, zoom: 0.6 });
      vi.advanceTimersByTime(REST_MS - 1);
      expect(world.getAttribute('transform')).toBe(before);
      vi.advanceTimersByTime(1);
    } finally {
      vi.useRealTimers();
    }
    expect(world.getAttribute('transform')).toBe('scale(0.6) translate(-100 -60)');
    expect(svg.style.transform).toBe('');
    expect(svg.style.willChange).toBe('');
  });

  it('draws words only where the camera is near enough to read them, and all their names for screen readers', async () => {
    const { scene, camera, canvas } = board(1200);
    canvas.apply([{ id: 's0', fields: { text: 'Login' } }]);
    const label = (): string | undefined => scene.root.querySelector('[data-shape-id="s0"]')?.textContent ?? undefined;
    await until(() => label() === 'Login');
    camera.set({ x: 0, y: 0, zoom: 0.1 });
    await until(() => label() === '');
    expect(scene.root.querySelector('[data-shape-id="s0"]')?.getAttribute('aria-label')).toBe('Rectangle: Login');
    camera.set({ x: 0, y: 0, zoom: 1 });
    await until(() => label() === 'Login');
  });

  it('D15 has nodes for the neighbours of the shape in focus, so that Tab walks the whole board', async () => {
    const { scene, camera } = board(1200);
    await until(() => isDrawn(scene, 's1199'));
    const last = scene.root.querySelector<SVGElement>('[data-shape-id="s1199"]')!;
    last.focus();
    await until(() => isDrawn(scene, 's1198'));
    camera.set({ x: -9000, y: -9000, zoom: 1 });
    await until(() => !isDrawn(scene, 's41'));
    expect(document.activeElement).toBe(last);
  });
});

it('many changes from others are one redraw', async () => {
  const { scene, doc } = board(100);
  await until(() => drawn(scene).length === 100);
  const other = peerOf(doc);
  const before = scene.version.value;
  for (let i = 0; i < 50; i++) other.apply([{ id: `s${i}`, fields: { x: -500 - i } }]);
  expect(scene.place('s49')?.x).toBe(-549); // the model is ahead of the picture
  await until(() => scene.root.querySelector('[data-shape-id="s49"]')?.getAttribute('data-x') === '-549');
  expect(scene.version.value).toBe(before + 1);
});

describe('the end of a drag of somebody else', () => {
  const dragging = (dx: number): Player[] => [
    readState(7, false, { user: { id: 'b' }, drag: { ids: ['s0'], dx, dy: 0 } })!,
  ];

  it('keeps the picture until the document has it', () => {
    const { scene, doc } = board(3);
    const other = peerOf(doc);
    scene.follow(dragging(50));
    scene.follow([]);
    expect(scene.look('s0')?.x).toBe(50);
    other.apply([{ id: 's0', fields: { x: 40 } }]);
    expect(scene.look('s0')?.x).toBe(40);
  });

  it('shows the document when that came first, or in the same frame', () => {
    const { scene, doc } = board(3);
    const other = peerOf(doc);
    scene.follow(dragging(50));
    other.apply([{ id: 's0', fields: { x: 40 } }]);
    scene.follow([]);
    expect(scene.look('s0')?.x).toBe(40);
  });
});

describe('a board of 5 000 shapes', () => {
  /** What changed in the picture while something was done: nodes that came, went or have other attributes. */
  async function changedBy(root: Element, work: () => Promise<void>): Promise<Node[]> {
    const seen: Node[] = [];
    const observer = new MutationObserver((records) => seen.push(...records.map((record) => record.target)));
    observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    await work();
    seen.push(...observer.takeRecords().map((record) => record.target));
    observer.disconnect();
    return seen;
  }
  const frame = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve));

  it('is panned and zoomed by one transform: no shape is painted again', async () => {
    const { scene, camera } = board(5000);
    camera.set({ x: 0, y: 0, zoom: 0.25 });
    const svg = scene.root.querySelector<SVGElement>('.scene')!;
    await until(() => isDrawn(scene, 's908') && svg.style.transform === '');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }); // it does not come to rest meanwhile
    const changed = await changedBy(scene.root, async () => {
      for (let step = 1; step <= 20; step++) {
        camera.set({ x: 40 * step, y: 20 * step, zoom: 0.25 + (step % 5) / 100 });
        await frame();
      }
    });
    vi.useRealTimers();
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.filter((node) => node !== svg)).toEqual([]);
  });

  it('shows a first picture in which only words in sight were laid out', async () => {
    const made = vi.spyOn(document, 'createElementNS');
    const { scene, canvas, camera, doc } = board(0);
    const write = (): void => {
      const shapes = doc.getMap('shapes');
      doc.transact(() => {
        for (let i = 0; i < 5000; i++) {
          const place = { x: (i % COLUMNS) * STEP, y: Math.floor(i / COLUMNS) * STEP, z: `a${i}` };
          shapes.set(`s${i}`, new Y.Map(Object.entries({ ...BOX, ...place, text: `Task ${i}` })));
        }
      });
    };
    write();
    await until(() => isDrawn(scene, 's124'));
    const lines = (): number => made.mock.calls.filter(([, tag]) => tag === 'tspan').length;
    expect(canvas.shapes()).toHaveLength(5000);
    expect(lines()).toBeGreaterThan(20);
    expect(lines()).toBeLessThanOrEqual(drawn(scene).length);
    expect(drawn(scene).length).toBeLessThan(150);
    const before = lines();
    camera.set({ x: 0, y: 0, zoom: 0.1 });
    await until(() => drawn(scene).length > 2000);
    expect(lines()).toBe(before); // too small to read
    made.mockRestore();
  });
});
