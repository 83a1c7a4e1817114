// Stock Yjs clients (unmodified, from npm) that a test drives over JSON lines.
//
// stdin:  {"id": 1, "client": 7, "do": "set", ...}   one request a line; `client` tells one from another, 0 if missing
// stdout: {"id": 1, "result": ...}                   or {"id": 1, "error": "..."}
//         {"event": "update"}                        something the test may be waiting for has changed
//
// A client is made by its first request, of the kind that this names: "y-websocket" or "hocuspocus", and a major version.
// The process ends when stdin does. SIGKILL is how a test takes a client away without a word.
import { createInterface } from 'node:readline'
import * as Y from 'yjs'
import { HocuspocusClient } from './hocuspocus.mjs'
import { YWebsocketClient } from './y_websocket.mjs'

const KINDS = { 'y-websocket': YWebsocketClient, hocuspocus: HocuspocusClient }
const clients = new Map()

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const report = (name) => say({ event: name })
const complaints = [] // what the clients logged, which a test may ask for
const complain = (...words) => {
  complaints.push(words.map(String).join(' '))
  process.stderr.write(`${complaints.at(-1)}\n`) // stdout is for the test
}
console.error = console.warn = console.log = complain

// A nested Y.Map of the root map at `path`, made where it is missing.
const mapAt = (doc, root, path) => {
  let map = doc.getMap(root)
  for (const key of path) {
    if (!(map.get(key) instanceof Y.Map)) map.set(key, new Y.Map())
    map = map.get(key)
  }
  return map
}

const roots = {
  map: (doc, name) => doc.getMap(name),
  array: (doc, name) => doc.getArray(name),
  text: (doc, name) => doc.getText(name),
  xml: (doc, name) => doc.getXmlFragment(name)
}

// What works on any client's document, presence or socket; the rest are the methods of its class.
const actions = {
  make: () => null,
  // One transaction: {changes: [[path, key, value], ...]} under a root map; without a value the key is deleted.
  set: ({ doc }, { root, changes }) =>
    doc.transact(() => {
      for (const [path, key, value] of changes) {
        if (value === undefined) mapAt(doc, root, path).delete(key)
        else mapAt(doc, root, path).set(key, value)
      }
    }),
  // A transaction each.
  count_up: ({ doc }, { root, key, to }) => {
    for (let number = 1; number <= to; number++) doc.getMap(root).set(key, number)
  },
  insert_text: ({ doc }, { root, index, text, attributes }) => doc.getText(root).insert(index, text, attributes),
  delete_text: ({ doc }, { root, index, length }) => doc.getText(root).delete(index, length),
  insert_items: ({ doc }, { root, index, items }) => doc.getArray(root).insert(index, items),
  delete_items: ({ doc }, { root, index, length }) => doc.getArray(root).delete(index, length),
  insert_element: ({ doc }, { root, name, text }) => {
    const element = new Y.XmlElement(name)
    element.insert(0, [new Y.XmlText(text)])
    doc.getXmlFragment(root).insert(0, [element])
  },
  // @y/y 14 has one type for all
  set_attribute: ({ doc }, { root, key, value }) => doc.get(root).setAttr(key, value),
  attribute: ({ doc }, { root, key }) => doc.get(root).getAttr(key),

  say_presence: ({ awareness }, { state }) => awareness.setLocalState(state),
  read: ({ doc }, { types }) =>
    Object.fromEntries(Object.entries(types).map(([name, type]) => [name, roots[type](doc, name).toJSON()])),
  presence: ({ awareness }) => Object.fromEntries(awareness.getStates()),
  send_bytes: ({ socket }, { hex }) => socket.send(Buffer.from(hex, 'hex')),
  drop: ({ socket }) => socket.terminate() // no close frame, as when a train enters a tunnel
}

const make = (number, { kind = 'y-websocket', ...options }) => {
  if (!clients.has(number)) clients.set(number, new KINDS[kind](report, options))
  return clients.get(number)
}

const perform = async (number, action, rest) => {
  if (action === 'end_all') {
    for (const client of clients.values()) client.destroy()
    clients.clear()
    return
  }
  if (action === 'complaints') return complaints
  const client = make(number, rest)
  return actions[action] ? actions[action](client, rest) : await client[action](rest)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, client = 0, do: action, ...rest } = JSON.parse(line)
  perform(client, action, rest).then(
    (result) => say({ id, result: result ?? null }),
    (error) => say({ id, error: String(error?.stack ?? error) })
  )
}
process.exit(0)
