// The same list from a terminal, with the stock y-websocket client.
//
//   node todo.mjs list
//   node todo.mjs add "buy milk"
//   node todo.mjs done 1
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const [command = 'list', argument] = process.argv.slice(2)
const server = process.env.TODO_SERVER ?? 'ws://127.0.0.1:8010/docs/sync'
const doc = new Y.Doc()
const todos = doc.getArray('todos')
const provider = new WebsocketProvider(server, 'groceries', doc, { WebSocketPolyfill: WebSocket, disableBc: true })
const synced = new Promise((resolve) => provider.once('sync', resolve))
// 102 comes back when everything sent before it is on disk
const saved = new Promise((resolve) => { provider.messageHandlers[102] = resolve })

await synced
if (command === 'add') todos.push([new Y.Map([['text', argument], ['done', false]])])
if (command === 'done') todos.get(Number(argument) - 1).set('done', true)
if (command !== 'list') {
  provider.ws.send(new Uint8Array([102, 0]))
  await saved
}
todos.forEach((todo, index) => console.log(`${index + 1}. [${todo.get('done') ? 'x' : ' '}] ${todo.get('text')}`))
process.exit(0)
