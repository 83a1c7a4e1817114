/** The board that all three draw: labelled boxes in rows, as `board()` of frames.py makes them. */
const query = new URLSearchParams(location.search);
export const count = Number(query.get('shapes') ?? 1000);
const columns = Number(query.get('columns') ?? 40);

export const boxes = Array.from({ length: count }, (_, i) => ({
  id: `s${i}`,
  x: (i % columns) * 130,
  y: Math.floor(i / columns) * 90,
  w: 100,
  h: 60,
  text: `Task ${i}`,
}));
export const all = { x: 0, y: 0, w: columns * 130, h: Math.ceil(count / columns) * 90 };
/** Fits everything, as our board does when it opens, but not below our smallest zoom. */
export const zoom = Math.max(0.1, Math.min(1, 1320 / all.w, 660 / all.h));
