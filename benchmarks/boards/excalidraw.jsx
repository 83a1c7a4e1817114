import '@excalidraw/excalidraw/index.css';
import { convertToExcalidrawElements, Excalidraw } from '@excalidraw/excalidraw';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { boxes, zoom } from './grid.js';

const elements = convertToExcalidrawElements(
  boxes.map(({ x, y, w, h, text }) => ({
    type: 'rectangle',
    x,
    y,
    width: w,
    height: h,
    backgroundColor: '#a5d8ff',
    fillStyle: 'solid',
    roughness: 0,
    label: { text, fontSize: 15 },
  })),
);
const appState = { zoom: { value: zoom }, scrollX: 20 / zoom, scrollY: 70 / zoom };
const onApi = () => requestAnimationFrame(() => requestAnimationFrame(() => { window.ready = performance.now(); }));
createRoot(document.getElementById('root')).render(
  createElement(Excalidraw, { initialData: { elements, appState }, excalidrawAPI: onApi }),
);
