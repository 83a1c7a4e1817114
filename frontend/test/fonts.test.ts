import { expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { Camera } from '../src/camera';
import { Canvas } from '../src/canvas';
import { Scene } from '../src/draw/scene';

/** A browser whose letters are 5 px wide until the font has come, and 11 px from then on. */
function browser(): EventTarget {
  let width = 5;
  const context = { font: '', measureText: (text: string) => ({ width: text.length * width }) };
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(context as never);
  const fonts = new EventTarget();
  fonts.addEventListener('loadingdone', () => {
    width = 11;
  });
  Object.defineProperty(document, 'fonts', { value: fonts, configurable: true });
  return fonts;
}

it('lays those words out anew that break otherwise in a font that came after they were drawn', () => {
  const fonts = browser();
  const doc = new Y.Doc();
  const note = { type: 'note', x: 0, y: 0, w: 160, h: 160, z: 'a', text: 'seven words that stand on a note' };
  doc.getMap('shapes').set('n', new Y.Map(Object.entries(note)));
  doc.getMap('shapes').set('short', new Y.Map(Object.entries({ ...note, x: 200, text: 'one line\n\nand one' })));
  const camera = new Camera();
  camera.size.value = { w: 1000, h: 800 };
  const scene = new Scene(new Canvas(doc), camera);
  const lines = (): number => scene.root.querySelectorAll('[data-shape-id="n"] tspan').length;
  const body = (): Element | null => scene.root.querySelector('[data-shape-id="short"] .body');
  const [before, kept] = [lines(), body()];
  expect(before).toBeGreaterThan(0);
  fonts.dispatchEvent(new Event('loadingdone'));
  expect(lines()).toBeGreaterThan(before);
  expect(body()).toBe(kept); // its lines stay what they are: the browser alone changes the letters
});
