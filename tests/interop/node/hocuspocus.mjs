// @hocuspocus/provider 4.8 and 3.4 as they come, behind the calls of client.mjs.
import * as four from '@hocuspocus/provider'
import * as three from 'hocuspocus-provider-3'
import WebSocket from 'ws'
import * as Y from 'yjs'

const QUICK = { delay: 50, minDelay: 50, maxDelay: 200 } // of the pauses between attempts, so that tests need not wait
const sockets = new Map() // name -> HocuspocusProviderWebsocket that several clients share

export class HocuspocusClient {
  constructor(report, { version = 4 }) {
    this.report = report
    this.library = version === 3 ? three : four
    this.doc = new Y.Doc()
    this.doc.on('update', () => report('update'))
    this.closes = []
    this.denials = []
    this.heard = [] // stateless payloads
    this.tokensAsked = 0
    this.unsynced = [] // each value of the counter
  }

  // `tokens` are given out one after the other, the last one again and again. `share` names a socket for several clients.
  connect({ server, room, tokens = [''], share = null, awareness = true, record = false, ...options }) {
    this.tokens = tokens
    const socket = this.share(server, share)
    socket.on('close', ({ event }) => {
      this.closes.push(event?.code ?? null)
      this.report('close')
    })
    socket.on('status', () => this.report('status'))
    const note = (name, take) => (data) => {
      take?.(data)
      this.report(name)
    }
    this.provider = new this.library.HocuspocusProvider({
      name: room,
      document: this.doc,
      websocketProvider: socket,
      token: () => {
        this.report('token')
        return this.tokens[Math.min(this.tokensAsked++, this.tokens.length - 1)]
      },
      ...(awareness ? {} : { awareness: null }),
      ...options,
      onSynced: note('synced'),
      onAuthenticated: note('authenticated'),
      onAuthenticationFailed: note('denied', ({ reason }) => this.denials.push(reason)),
      onStateless: note('stateless', ({ payload }) => this.heard.push(payload)),
      onUnsyncedChanges: note('unsynced', ({ number }) => this.unsynced.push(number)),
      onAwarenessChange: note('awareness'),
      onClose: note('document closed')
    })
    this.provider.attach()
    return this.doc.clientID
  }

  share(server, name) {
    if (name !== null && sockets.has(name)) return sockets.get(name)
    const socket = new this.library.HocuspocusProviderWebsocket({ url: server, WebSocketPolyfill: WebSocket, ...QUICK })
    if (name !== null) sockets.set(name, socket)
    this.ownSocketName = name
    return socket
  }

  get link() {
    return this.provider.configuration.websocketProvider
  }

  get awareness() {
    return this.provider.awareness
  }

  get socket() {
    return this.link.webSocket
  }

  go_offline() {
    this.link.disconnect()
  }

  go_online({ tokens = null }) {
    if (tokens !== null) {
      this.tokens = tokens
      this.tokensAsked = 0
    }
    this.link.connect()
  }

  // This document only.
  close_document() {
    this.provider.detach()
  }

  open_document({ tokens = null }) {
    if (tokens !== null) {
      this.tokens = tokens
      this.tokensAsked = 0
    }
    this.provider.attach()
  }

  send_stateless({ payload }) {
    this.provider.sendStateless(payload)
  }

  force_sync() {
    this.provider.forceSync()
  }

  state() {
    const { provider } = this
    return {
      connected: this.link.status === 'connected',
      synced: provider.synced,
      authenticated: provider.isAuthenticated,
      scope: provider.authorizedScope ?? null,
      unsynced: provider.unsyncedChanges,
      was_unsynced: this.unsynced,
      denials: this.denials,
      heard: this.heard,
      closes: this.closes,
      tokens_asked: this.tokensAsked
    }
  }

  destroy() {
    this.provider?.destroy()
    this.link?.destroy()
    sockets.clear()
  }
}
