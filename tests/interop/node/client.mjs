// One stock Yjs client (yjs + y-websocket, unmodified) that a test drives over JSON lines.
//
// stdin:  {"id": 1, "do": "set", ...}          one request a line, answered in order
// stdout: {"id": 1, "result": ...}             or {"id": 1, "error": "..."}
//         {"event": "update"}                  something the test may be waiting for has changed
//
// The process ends when stdin does. SIGKILL is how a test takes a client away without a word.
import { createInterface } from 'node:readline'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const doc = new Y.Doc()
let provider = null
const closes = [] // codes of connections that ended, oldest first; null when this side closed
let finalClose = null // what the provider took as final

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const event = (name) => say({ event: name })

doc.on('update', () => event('update'))

// A nested Y.Map of the root map at `path`, made where it is missing.
const mapAt = (root, path) => {
  let map = doc.getMap(root)
  for (const key of path) {
    if (!(map.get(key) instanceof Y.Map)) map.set(key, new Y.Map())
    map = map.get(key)
  }
  return map
}

const roots = {
  map: (name) => doc.getMap(name),
  array: (name) => doc.getArray(name),
  text: (name) => doc.getText(name),
  xml: (name) => doc.getXmlFragment(name)
}

const actions = {
  connect({ server, room, params = {}, awareness = true }) {
    provider = new WebsocketProvider(server, room, doc, { WebSocketPolyfill: WebSocket, params, disableBc: true })
    if (!awareness) provider.awareness.setLocalState(null)
    provider.on('status', () => event('status'))
    provider.on('sync', () => event('sync'))
    provider.on('connection-close', (closed) => {
      closes.push(closed?.code ?? null)
      event('close')
    })
    provider.on('closed', (closed) => {
      finalClose = closed
      event('closed')
    })
    provider.awareness.on('change', () => event('awareness'))
    return doc.clientID
  },
  go_offline: () => provider.disconnect(),
  go_online: () => provider.connect(),

  // One transaction: {changes: [[path, key, value], ...]} under a root map.
  set: ({ root, changes }) =>
    doc.transact(() => {
      for (const [path, key, value] of changes) mapAt(root, path).set(key, value)
    }),
  insert_text: ({ root, index, text, attributes }) => doc.getText(root).insert(index, text, attributes),
  delete_text: ({ root, index, length }) => doc.getText(root).delete(index, length),
  insert_items: ({ root, index, items }) => doc.getArray(root).insert(index, items),
  insert_element: ({ root, name, text }) => {
    const element = new Y.XmlElement(name)
    element.insert(0, [new Y.XmlText(text)])
    doc.getXmlFragment(root).insert(0, [element])
  },
  say_presence: ({ state }) => provider.awareness.setLocalState(state),

  read: ({ types }) => Object.fromEntries(Object.entries(types).map(([name, type]) => [name, roots[type](name).toJSON()])),
  presence: () => Object.fromEntries(provider.awareness.getStates()),
  state: () => ({
    connected: provider.wsconnected,
    synced: provider.synced,
    wants_connection: provider.shouldConnect,
    closes,
    final_close: finalClose
  })
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: action, ...rest } = JSON.parse(line)
  try {
    say({ id, result: actions[action](rest) ?? null })
  } catch (error) {
    say({ id, error: String(error?.stack ?? error) })
  }
}
process.exit(0)
