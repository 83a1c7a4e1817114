// Make tests/vectors/yjs.json (documents written by real yjs) and keys.json (z keys of npm fractional-indexing).
//
//     cd frontend && npm ci && cd .. && node tests/vectors/make_yjs.mjs
//
// Client ids and order are fixed, so the same versions write the same bytes.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const root = new URL('../../', import.meta.url);
const require = createRequire(new URL('frontend/package.json', root));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const Y = await load('yjs');
const { generateKeyBetween, generateNKeysBetween } = await load('fractional-indexing');
const version = (name) => JSON.parse(readFileSync(new URL(`frontend/node_modules/${name}/package.json`, root), 'utf8')).version;

function peer(clientID) {
  const doc = new Y.Doc();
  doc.clientID = clientID;
  return doc;
}
const shape = (doc, id) => doc.getMap('shapes').get(id);
const create = (doc, id, fields) => doc.transact(() => doc.getMap('shapes').set(id, new Y.Map(Object.entries(fields))));
const set = (doc, id, fields) =>
  doc.transact(() => Object.entries(fields).forEach(([field, value]) => shape(doc, id).set(field, value)));
const sync = (from, to) => Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)));

const RECT = { type: 'rect', x: 0, y: 0, w: 160, h: 76, z: 'a0', fill: 'slate', stroke: 'slate', by: 'ann', at: 1795000000000 };

const cases = {
  'every kind of value a shape holds': () => {
    const doc = peer(4000000001);
    create(doc, 'r', { ...RECT, x: -120.5, y: 3, rotation: 359.99, opacity: 0.25, dashed: true, text: 'Login', locked: false, parent: null });
    create(doc, 'c', { type: 'connector', from: { id: 'r', anchor: 'top' }, to: { x: 10.5, y: -3 }, route: 'elbow', z: 'a1' });
    create(doc, 'd', { type: 'draw', points: [0, 0, 5, -7, 1000000, 64, -65, 8191, -8192], z: 'a2' });
    return doc;
  },
  'numbers at the edges': () => {
    const doc = peer(4000000002);
    create(doc, 'n', { ...RECT, at: 2 ** 53 - 1, x: -1e6, y: 1e6, w: 1e5, h: 1.000001, stroke_width: 0.1, opacity: 1e-7 });
    create(doc, 'm', { ...RECT, x: -0.5, y: 2147483648, w: 4294967296.5, h: 127, font_size: 128 });
    return doc;
  },
  'text of many scripts, quotes and control characters': () => {
    const doc = peer(4000000003);
    create(doc, 't', { ...RECT, type: 'text', text: 'Grüße "du"\\ \n\t 日本語 👩‍👩‍👧‍👦 \u202eevil\u202c \u2028 \u0000 </board>' });
    create(doc, 'схема 1', { ...RECT, text: '' });
    return doc;
  },
  'fields changed, a tombstone and one brought back': () => {
    const doc = peer(4000000004);
    create(doc, 'a', RECT);
    create(doc, 'b', { ...RECT, x: 300 });
    set(doc, 'a', { x: 40, fill: 'blue' });
    set(doc, 'a', { x: 80 });
    set(doc, 'a', { deleted: true });
    set(doc, 'b', { deleted: true });
    set(doc, 'b', { deleted: false });
    return doc;
  },
  'two people at one shape: different fields both stay, the same field has one winner': () => {
    const ann = peer(1000000);
    const ben = peer(4000000005);
    create(ann, 'a', RECT);
    sync(ann, ben);
    set(ann, 'a', { x: 10, fill: 'red' });
    set(ben, 'a', { y: 20, fill: 'green' });
    sync(ben, ann);
    sync(ann, ben);
    return ann;
  },
  'a person and the assistant (client id 3) write one field: the person wins': () => {
    const person = peer(4000000006);
    const assistant = peer(3);
    create(person, 'a', RECT);
    sync(person, assistant);
    set(assistant, 'a', { x: 500, w: 90, text: 'from the assistant' });
    set(person, 'a', { x: 77 });
    sync(assistant, person);
    sync(person, assistant);
    return assistant;
  },
  'a run, its message and its call': () => {
    const doc = peer(4000000007);
    doc.transact(() => {
      doc.getMap('meta').set('schema', 1);
      doc.getMap('meta').set('title', 'Plan');
      doc.getMap('messages').set('m1', new Y.Map(Object.entries({
        thread: 'main', role: 'user', by: 'ann', by_name: 'Ann', at: 1795000000001, run: 'r1', body: 'draw two',
        context: { selection: ['a'], view: { x: -600, y: -400, w: 1200, h: 800.5 } },
      })));
      doc.getMap('runs').set('r1', new Y.Map(Object.entries({ thread: 'main', prompt: 'm1', agent: 'assistant', asked_by: 'ann', at: 1795000000001, status: 'queued' })));
      doc.getMap('calls').set('r1.1', new Y.Map(Object.entries({ run: 'r1', seq: 1, tool: 'update', status: 'done', changes: { a: { x: [0, 10.5], text: [null, 'hi'] } }, created: [] })));
    });
    doc.getMap('runs').get('r1').set('cancel', { by: 'ann', at: 1795000000002 });
    return doc;
  },
};

const documents = Object.entries(cases).map(([name, make]) => {
  const doc = make();
  const json = Object.fromEntries([...doc.share.keys()].sort().map((key) => [key, doc.getMap(key).toJSON()]));
  return { name, update: Buffer.from(Y.encodeStateAsUpdate(doc)).toString('base64'), json };
});
const write = (file, value) => writeFileSync(new URL(file, import.meta.url), `${JSON.stringify(value, null, 1)}\n`);
write('yjs.json', { writer: `yjs ${version('yjs')}`, documents });

// A seeded walk over z keys: insert anywhere, at both ends often, and many at once.
let seed = 42;
const random = (below) => {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed % below;
};
const keys = [];
const between = [];
for (let i = 0; i < 400; i++) {
  const at = i % 3 === 0 ? 0 : i % 3 === 1 ? keys.length : random(keys.length + 1);
  const [below, above] = [keys[at - 1] ?? null, keys[at] ?? null];
  const key = generateKeyBetween(below, above);
  between.push([below, above, key]);
  keys.splice(at, 0, key);
}
for (const [below, above] of [['az', null], ['zzzzzzzzzzzzzzzzzzzzzzzzzzz', null], [null, 'A00000000000000000000000001'], ['a0', 'a1'], ['a0', 'a0V'], ['Zz', 'a0'], ['Zz', 'a01'], ['a0V', 'a1'], ['b0z', null], ['bzz', null], [null, 'b00'], [null, 'Y00'], ['a1', 'a2V'], ['a0', 'b00']]) {
  between.push([below, above, generateKeyBetween(below, above)]);
}
const many = [[null, null, 5], ['a0', null, 70], [null, 'a0', 70], ['a0', 'a1', 17], ['a0', 'a5', 100]].map(
  ([below, above, count]) => [below, above, count, generateNKeysBetween(below, above, count)],
);
write('keys.json', { writer: `fractional-indexing ${version('fractional-indexing')}`, between, many });
