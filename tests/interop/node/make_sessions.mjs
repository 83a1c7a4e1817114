// Writes tests/vectors/sessions.json: editing sessions of real Yjs documents, as updates in the order they were made.
//
//   node tests/interop/node/make_sessions.mjs > tests/vectors/sessions.json
//
// {profile, roots, updates: [[author, base64], ...], end: {root: JSON}}: `end` is what every replica holds that has all
// updates. `pending` are sessions in which one replica has a gap of its own, so that its step 2 has one too.
import * as Y from 'yjs'

let seed = 20261122
const random = () => {
  // mulberry32
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const below = (n) => Math.floor(random() * n)
const pick = (list) => list[below(list.length)]
const base64 = (bytes) => Buffer.from(bytes).toString('base64')
const merged = (doc) => base64(Y.encodeStateAsUpdate(doc))

const ROOTS = { map: { shapes: 'map', meta: 'map' }, any: { note: 'text', list: 'array', page: 'xml', shapes: 'map' } }

// Between two characters: who splits a surrogate pair gets U+FFFD from Yjs, and no editor does.
const boundary = (text) => {
  const index = below(text.length + 1)
  return /[\uDC00-\uDFFF]/.test(text.toString().charAt(index)) ? index - 1 : index
}
const cut = (text) => {
  const [from, to] = [boundary(text), boundary(text)].sort((a, b) => a - b)
  if (to > from) text.delete(from, to - from)
}

const EDITS = {
  map: [
    (doc) => doc.getMap('shapes').set(`s${below(4)}`, new Y.Map([['x', below(100)], ['fill', 'red']])),
    (doc) => onShape(doc, (shape) => shape.set(pick(['x', 'y', 'w']), below(1000))),
    (doc) => onShape(doc, (shape) => { shape.set('x', below(9)); shape.set('text', 'héllo 🌍'); shape.set('list', [1, { a: null }]) }),
    (doc) => onShape(doc, (shape) => shape.delete(pick(['x', 'y', 'w']))),
    (doc) => doc.getMap('shapes').delete(`s${below(4)}`),
    (doc) => doc.getMap('meta').set('title', `title ${below(10)}`)
  ],
  any: [
    (doc) => doc.getText('note').insert(boundary(doc.getText('note')), pick(['a', 'bcd', '🌍', 'é'])),
    (doc) => cut(doc.getText('note')),
    (doc) => doc.getText('note').format(0, boundary(doc.getText('note')), { bold: random() < 0.5 || null }),
    (doc) => doc.getArray('list').insert(below(doc.getArray('list').length + 1), [below(9), { deep: [below(9)] }]),
    (doc) => doc.getArray('list').length > 1 && doc.getArray('list').delete(below(doc.getArray('list').length), 1),
    (doc) => doc.getXmlFragment('page').insert(0, [new Y.XmlElement(pick(['p', 'h1']))]),
    (doc) => doc.getXmlFragment('page').length > 2 && doc.getXmlFragment('page').delete(1, 1),
    (doc) => doc.getMap('shapes').set(`s${below(3)}`, new Y.Array())
  ]
}
const onShape = (doc, change) => {
  const shape = doc.getMap('shapes').get(`s${below(4)}`)
  if (shape instanceof Y.Map) change(shape)
}

const read = (doc, roots) =>
  Object.fromEntries(Object.entries(roots).map(([name, type]) => [name, {
    map: () => doc.getMap(name).toJSON(),
    array: () => doc.getArray(name).toJSON(),
    text: () => doc.getText(name).toString(),
    xml: () => doc.getXmlFragment(name).toString()
  }[type]()]))

const people = (count) => Array.from({ length: count }, (_, number) => {
  const doc = new Y.Doc()
  doc.clientID = 2 ** 21 + 1000 * number + below(1000)
  return { doc, number, inbox: [] }
})

// Each writes, and hears of the others late and in order; sometimes several edits in one transaction.
const session = (profile, edits) => {
  const all = people(2 + below(3))
  const updates = []
  for (const person of all) {
    person.doc.on('update', (update, origin) => {
      if (origin === 'others') return
      updates.push([person.number, base64(update)])
      for (const other of all) if (other !== person) other.inbox.push(update)
    })
  }
  const hear = (person, count) => {
    for (const update of person.inbox.splice(0, count)) Y.applyUpdate(person.doc, update, 'others')
  }
  while (updates.length < edits) {
    const person = pick(all)
    if (random() < 0.5) hear(person, 1 + below(6))
    person.doc.transact(() => {
      for (let n = random() < 0.3 ? 3 : 1; n > 0; n--) pick(EDITS[profile])(person.doc)
    })
  }
  for (const person of all) hear(person, Infinity)
  return {
    profile,
    roots: ROOTS[profile],
    updates,
    end: read(all[0].doc, ROOTS[profile])
  }
}

// One heard a late change of the other and not the earlier ones; it goes on writing.
const pending = (profile) => {
  const [one, two] = people(2)
  const updates = []
  one.doc.on('update', (update) => updates.push(update))
  while (updates.length < 6) pick(EDITS[profile])(one.doc)
  pick(EDITS[profile])(two.doc)
  two.doc.getMap('shapes').set('own', 1)
  Y.applyUpdate(two.doc, updates[updates.length - 1])
  two.doc.getMap('shapes').set('later', 2)
  const step2 = merged(two.doc)
  for (const update of updates) Y.applyUpdate(two.doc, update)
  return {
    profile,
    roots: ROOTS[profile],
    updates: updates.map(base64),
    step2,
    whole: merged(two.doc),
    end: read(two.doc, ROOTS[profile])
  }
}

const sessions = []
for (let number = 0; number < 12; number++) sessions.push(session(number % 2 ? 'any' : 'map', 10 + 4 * number))
const out = { sessions, pending: ['map', 'any', 'map', 'any'].map(pending) }
const lines = (list) => `[\n${list.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`
process.stdout.write(`{"sessions":${lines(out.sessions)},\n"pending":${lines(out.pending)}}\n`)
