// Honest people on boards, for benchmarks/honest.py: real Yjs documents behind a pipe instead of sockets.
//
//   node honest.mjs SEED UPDATES
//
// On both pipes: length (u32 little endian), kind (u8), connection (u32), payload. From here: 0 connect (the room's
// profile), 1 message of y-protocols, 2 disconnect, 3 flush, 4 end of a session (JSON: what everybody has). To here:
// 1 message, 3 flushed. A session is a few people in one room: they edit shapes and fields, in transactions or not, undo and
// redo, delete, lose their connection and come back, hand each other their copies offline, come late, and some keep
// what was deleted (`gc: false`). It ends when all are connected and have everything.
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'

let seed = Number(process.argv[2])
const wanted = Number(process.argv[3])
const random = () => {
  // mulberry32
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const below = (n) => Math.floor(random() * n)
const pick = (list) => list[below(list.length)]

const CONNECT = 0, MESSAGE = 1, DISCONNECT = 2, FLUSH = 3, END = 4
const SERVER = Symbol('server')
const people = new Map() // by connection
let connections = 0, updates = 0, written = 0, flushed = null, room = 0
let out = []

const say = (kind, connection, payload = new Uint8Array()) => {
  const head = Buffer.alloc(9)
  head.writeUInt32LE(payload.length, 0)
  head.writeUInt8(kind, 4)
  head.writeUInt32LE(connection, 5)
  out.push(head, payload)
  written++
}
const drain = () => {
  const data = Buffer.concat(out)
  out = []
  return new Promise((resolve) => process.stdout.write(data, resolve))
}

let unread = Buffer.alloc(0)
process.stdin.on('data', (data) => {
  unread = Buffer.concat([unread, data])
  while (unread.length >= 9) {
    const size = unread.readUInt32LE(0)
    if (unread.length < 9 + size) return
    const kind = unread.readUInt8(4), connection = unread.readUInt32LE(5)
    const payload = new Uint8Array(unread.subarray(9, 9 + size))
    unread = unread.subarray(9 + size)
    if (kind === FLUSH) flushed()
    else people.get(connection)?.hear(payload)
  }
})
process.stdin.on('end', () => process.exit(0))

class Person {
  constructor() {
    this.doc = new Y.Doc({ gc: random() > 0.15 })
    this.doc.clientID = 2 ** 21 + below(2 ** 32 - 2 ** 21)
    this.connection = null
    this.remember()
    this.doc.on('update', (update, origin) => {
      if (origin === SERVER || this.connection === null) return
      const encoder = encoding.createEncoder()
      encoding.writeVarUint(encoder, 0)
      sync.writeUpdate(encoder, update)
      updates++
      say(MESSAGE, this.connection, encoding.toUint8Array(encoder))
    })
  }

  remember() {
    this.undo?.destroy()
    this.undo = new Y.UndoManager([this.doc.getMap('shapes'), this.doc.getMap('meta')], {
      trackedOrigins: new Set(['me']), captureTimeout: random() < 0.5 ? 0 : 500
    })
  }

  // Yjs 13.6.33 throws in rare undos, half done; an application goes on with an empty history.
  take(step) {
    try {
      step()
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      this.remember()
    }
  }

  connect() {
    this.connection = ++connections
    people.set(this.connection, this)
    say(CONNECT, this.connection, Buffer.from(room % 2 ? 'board' : 'map'))
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 0)
    sync.writeSyncStep1(encoder, this.doc)
    say(MESSAGE, this.connection, encoding.toUint8Array(encoder))
  }

  disconnect() {
    say(DISCONNECT, this.connection)
    people.delete(this.connection)
    this.connection = null
  }

  hear(message) {
    const decoder = decoding.createDecoder(message)
    if (decoding.readVarUint(decoder) !== 0) return
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 0)
    sync.readSyncMessage(decoder, encoder, this.doc, SERVER)
    if (encoding.length(encoder) > 1) {
      updates++
      say(MESSAGE, this.connection, encoding.toUint8Array(encoder))
    }
  }

  get shapes() { return this.doc.getMap('shapes') }
  get shape() {
    const shape = this.shapes.get(`s${below(8)}`)
    return shape instanceof Y.Map ? shape : null
  }
}

const value = () => pick([
  () => below(1000), () => -below(70), () => random(), () => 2 ** 40 + below(9), () => true, () => null, () => '',
  () => 'text', () => 'größer → 🌍', () => 'x'.repeat(200), () => [1, { a: [below(9)] }], () => ({ id: `s${below(8)}`, anchor: 'top' })
])()
const FIELDS = ['x', 'y', 'w', 'text', 'fill', 'points', 'to']
const new_shape = () => new Y.Map(Array.from({ length: below(7) }, () => [pick(FIELDS), value()]))
const EDITS = [
  (one) => one.shapes.set(`s${below(8)}`, new_shape()),
  (one) => one.shape?.set(pick(FIELDS), value()),
  (one) => one.shape?.set('x', below(1000)),
  (one) => { const shape = one.shape; for (let n = below(5); shape && n > 0; n--) shape.set(pick(FIELDS), value()) },
  (one) => one.shape?.delete(pick(FIELDS)),
  (one) => random() < 0.3 && one.shapes.delete(`s${below(8)}`),
  (one) => one.doc.getMap('meta').set(pick(['title', 'by']), value()),
  (one) => random() < 0.2 && one.shape?.set('deep', new Y.Map([['a', new Y.Map([['b', below(9)]])]])),
  (one) => { const deep = one.shape?.get('deep'); if (deep instanceof Y.Map) deep.set('c', value()) },
  (one) => random() < 0.03 && [...one.shapes.keys()].forEach((key) => one.shapes.delete(key)),
  (one) => { const shape = one.shape; if (shape && random() < 0.1) one.shapes.set(`s${below(8)}`, shape.clone()) }
]
const edit = (one) => {
  const what = random()
  if (what < 0.05) one.take(() => one.undo.undo())
  else if (what < 0.08) one.take(() => one.undo.redo())
  else if (what < 0.15) one.undo.stopCapturing()
  else if (what < 0.3) one.doc.transact(() => { for (let n = 1 + below(8); n > 0; n--) pick(EDITS)(one) }, 'me')
  else one.doc.transact(() => pick(EDITS)(one), random() < 0.9 ? 'me' : null)
}
const turn = () => new Promise((resolve) => setImmediate(resolve))
const flush = async () => {
  say(FLUSH, 0)
  const done = new Promise((resolve) => { flushed = resolve })
  await drain()
  await done
}

const session = async () => {
  room++
  const all = Array.from({ length: 2 + below(4) }, () => new Person())
  for (const one of all) if (random() < 0.7) one.connect()
  const end = updates + 200 + below(1500)
  while (updates < end) {
    const one = pick(all)
    const what = random()
    if (what < 0.004) one.connection === null ? one.connect() : one.disconnect()
    else if (what < 0.006) { // a copy by hand: a file, another tab, a backup
      const other = pick(all)
      const copy = random() < 0.5 ? Y.encodeStateAsUpdate(other.doc) : Y.encodeStateAsUpdate(other.doc, Y.encodeStateVector(one.doc))
      Y.applyUpdate(one.doc, random() < 0.3 ? Y.mergeUpdates([Y.encodeStateAsUpdate(one.doc), copy]) : copy, 'copy')
    } else if (what < 0.007 && all.length < 8) {
      const late = new Person()
      all.push(late)
      late.connect()
    } else if (what < 0.01) await flush()
    else edit(one)
    if (all.every(({ connection }) => connection === null)) pick(all).connect()
    if (random() < 0.05) { await drain(); await turn() }
  }
  for (const one of all) if (one.connection === null) one.connect()
  let before
  do { // what somebody is asked for is brought, and told to all
    before = written
    await flush()
  } while (written > before + 1)
  const ends = all.map(({ doc }) => JSON.stringify({ shapes: sorted(doc.getMap('shapes').toJSON()), meta: sorted(doc.getMap('meta').toJSON()) }))
  const pending = all.filter(({ doc }) => doc.store.pendingStructs || doc.store.pendingDs).length
  say(END, 0, Buffer.from(JSON.stringify({ updates, pending, end: JSON.parse(ends[0]), same: ends.every((end) => end === ends[0]) })))
  for (const one of all) { one.disconnect(); one.undo.destroy(); one.doc.destroy() }
  await flush()
}
const sorted = (value) => value === null || typeof value !== 'object' || Array.isArray(value) ? value
  : Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))

while (updates < wanted) await session()
process.exit(0)
