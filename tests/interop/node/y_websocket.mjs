// y-websocket 3.1 (yjs 13) and @y/websocket 4 (@y/y 14) as they come, behind the calls of client.mjs.
import * as Y14 from '@y/y'
import { WebsocketProvider as WebsocketProvider4 } from '@y/websocket'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'

globalThis.WebSocket ??= WebSocket // its resync interval looks for the browser's constants

const SYNC_STATUS = 102 // an extension: the server echoes it when all that was sent before it is durable

export class YWebsocketClient {
  constructor(report, { version = 3 }) {
    this.report = report
    this.version = version
    this.doc = version === 4 ? new Y14.Doc() : new Y.Doc()
    this.doc.on('update', () => report('update'))
    this.closes = [] // codes of connections that ended, oldest first; null when this side closed
    this.finalClose = null // what the provider took as final
    this.frames = [] // [type, bytes] of what came, when asked to record
    this.saves = new Map()
  }

  connect({ server, room, params = {}, awareness = true, protocols = [], resync = -1, record = false }) {
    const Provider = this.version === 4 ? WebsocketProvider4 : WebsocketProvider
    const provider = new Provider(server, room, this.doc, {
      WebSocketPolyfill: WebSocket, params, disableBc: true, protocols, resyncInterval: resync, connect: false
    })
    this.provider = provider
    if (!awareness) provider.awareness.setLocalState(null)
    provider.on('status', () => {
      if (record && provider.wsconnecting) provider.ws.addEventListener('message', ({ data }) => this.note(data))
      this.report('status')
    })
    provider.on('sync', () => this.report('sync'))
    provider.on('connection-close', (closed) => {
      this.closes.push(closed?.code ?? null)
      this.report('close')
    })
    provider.on('closed', (closed) => {
      this.finalClose = closed
      this.report('closed')
    })
    provider.awareness.on('change', () => this.report('awareness'))
    provider.messageHandlers[SYNC_STATUS] = (_encoder, decoder) => {
      const number = decoding.readVarUint(decoding.createDecoder(decoding.readVarUint8Array(decoder)))
      this.saves.get(number)?.()
    }
    provider.connect()
    return this.doc.clientID
  }

  note(data) {
    this.frames.push([new Uint8Array(data)[0], data.byteLength])
    this.report('frame')
  }

  get awareness() {
    return this.provider.awareness
  }

  get socket() {
    return this.provider.ws
  }

  go_offline() {
    this.provider.disconnect()
  }

  go_online({ params = null }) {
    if (params !== null) this.provider.params = params
    this.provider.connect()
  }

  // All that was sent so far is durable on the server.
  saved() {
    const number = this.saves.size + 1
    const content = encoding.encode((encoder) => encoding.writeVarUint(encoder, number))
    this.socket.send(encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, SYNC_STATUS)
      encoding.writeVarUint8Array(encoder, content)
    }))
    return new Promise((resolve) => this.saves.set(number, resolve))
  }

  state() {
    const { provider } = this
    return {
      connected: provider.wsconnected,
      synced: provider.synced,
      wants_connection: provider.shouldConnect,
      closes: this.closes,
      final_close: this.finalClose,
      protocol: provider.ws?.protocol ?? null,
      frames: this.frames
    }
  }

  destroy() {
    this.provider?.destroy()
  }
}
