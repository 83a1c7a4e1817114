import 'tldraw/tldraw.css';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { createShapeId, Tldraw, toRichText } from 'tldraw';
import { boxes, zoom } from './grid.js';

function onMount(editor) {
  editor.createShapes(
    boxes.map(({ id, x, y, w, h, text }) => ({
      id: createShapeId(id),
      type: 'geo',
      x,
      y,
      props: { w, h, geo: 'rectangle', fill: 'solid', color: 'blue', size: 's', richText: toRichText(text) },
    })),
  );
  editor.setCamera({ x: 20 / zoom, y: 70 / zoom, z: zoom });
  requestAnimationFrame(() => requestAnimationFrame(() => { window.ready = performance.now(); }));
}
createRoot(document.getElementById('root')).render(
  createElement('div', { style: { position: 'fixed', inset: 0 } }, createElement(Tldraw, { onMount, options: { maxShapesPerPage: 20000 } })),
);
