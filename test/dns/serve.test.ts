import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { decode, encode } from 'dns-packet'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseAddress } from '../../agent/address.ts'
import { DirectError } from '../../agent/errors.ts'
import { discoverDeciding, type HostPort } from '../../dns/index.ts'
import { createResolver } from '../../dns/resolver/index.ts'
import { messageReader } from '../../dns/resolver/transport.ts'
import { type ServeOptions, type Serving, serveZone } from '../../dns/serve/index.ts'
import { openSockets, type Sockets } from '../../dns/serve/sockets.ts'
import { type Zone, zoneOf } from '../../dns/zone/index.ts'
import { makeCertificate } from './certificates.ts'
import { literalNetwork } from './literal-zone.ts'
import { framed } from './scripted-server.ts'

let big: Buffer
let small: Buffer
let zone: Zone
let ending: AbortController
let serving: Serving

beforeAll(() => {
  big = makeCertificate('rsa:4096', 'd.example')
  small = makeCertificate('ec', 'lee@d.example')
  zone = zoneOf([
    { name: 'd.example', der: big },
    { name: 'lee@d.example', der: small },
  ])
})

beforeEach(async () => {
  ending = new AbortController()
  serving = await serveZone({
    listen: { host: '127.0.0.1', port: 0 },
    zone,
    signal: ending.signal,
    idleMs: 300,
    maxConnections: 3,
  })
})

afterEach(async () => {
  ending.abort()
  await serving.closed
})

function question(name: string, id = 1): Buffer {
  return encode({ type: 'query', id, questions: [{ name, type: 'CERT' }] })
}

async function client() {
  const socket = connect(serving.address)
  socket.on('error', () => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** However it came about: a reset is as good as an end. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.on('close', () => resolve()))
}

describe('strangers find what we publish (H1, H2, D14)', () => {
  test('a small certificate over UDP, a large one over TCP, by our own discovery', async () => {
    const resolver = createResolver({ servers: [serving.address], timeoutMs: 5000 })
    const sources = { configured: () => [], network: literalNetwork(resolver) }
    for (const [who, certificate] of [
      ['lee@d.example', small],
      ['kim@d.example', big],
    ] as const) {
      const address = parseAddress(who)
      if ('code' in address) throw new Error(address.text)
      const found = (await discoverDeciding(address, sources)).find((place) => place.status === 'found')
      expect(found?.certificates).toEqual([certificate])
    }
  })

  test('many at once', async () => {
    const resolver = createResolver({ servers: [serving.address], timeoutMs: 5000 })
    const names = Array.from({ length: 100 }, (_, i) => `n${i}.d.example`)
    const answers = await Promise.all(names.map((name) => resolver.resolve(name, 'CERT')))
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set(['absent']))
  })
})

describe('TCP (RFC 7766)', () => {
  test('questions may come in one go, or byte by byte, and are answered in order', async () => {
    const socket = await client()
    const all = Buffer.concat([1, 2, 3].map((id) => framed(question('d.example', id))))
    socket.write(all.subarray(0, 1))
    socket.write(all.subarray(1, 40))
    socket.write(all.subarray(40))
    const ids: number[] = []
    let held = Buffer.alloc(0)
    for await (const chunk of socket) {
      held = Buffer.concat([held, chunk])
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        ids.push(decode(held.subarray(2, 2 + held.readUInt16BE(0))).id as number)
        held = held.subarray(2 + held.readUInt16BE(0))
      }
      if (ids.length === 3) break
    }
    expect(ids).toEqual([1, 2, 3])
  })

  test('a client that goes on asking is kept, for longer than an idle one', async () => {
    const own = new AbortController()
    const listen = { host: '127.0.0.1', port: 0 }
    const patient = await serveZone({ listen, zone, signal: own.signal, idleMs: 1000 })
    const socket = connect(patient.address)
    const gone = closed(socket)
    for (let i = 0; i < 4; i++) {
      await setTimeout(400)
      socket.write(framed(question('no.d.example')))
      await once(socket, 'data')
    }
    own.abort()
    await Promise.all([gone, patient.closed])
  })

  test('a client that never finishes its question is let go, however it drips', async () => {
    const socket = await client()
    socket.resume()
    const dripping = setInterval(() => socket.writable && socket.write(Buffer.from([0xff])), 50)
    await closed(socket)
    clearInterval(dripping)
  })

  test('a client that reads nothing is let go', async () => {
    const socket = await client()
    socket.pause()
    const flood = Buffer.concat(Array.from({ length: 4000 }, () => framed(question('d.example'))))
    const flooding = setInterval(() => socket.writable && socket.write(flood), 5)
    await closed(socket)
    clearInterval(flooding)
  })

  test('to a client that reads nothing no more is answered than there is room for, however much it asked', async () => {
    const own = new AbortController()
    const many = zoneOf(
      Array.from({ length: 40 }, (_, i) => ({
        name: 'd.example',
        der: i === 0 ? big : makeCertificate('ec', `d${i}.example`),
      })),
    )
    let answered = 0
    const serving = await serveZone({
      listen: { host: '127.0.0.1', port: 0 },
      zone() {
        answered++
        return many
      },
      signal: own.signal,
      idleMs: 300,
    })
    const socket = connect(serving.address)
    socket.on('error', () => socket.destroy())
    socket.pause()
    socket.write(Buffer.concat(Array.from({ length: 4000 }, () => framed(question('d.example')))))
    await vi.waitFor(() => expect(answered).toBeGreaterThan(0), 40_000)
    await setTimeout(400)
    expect(answered).toBeLessThan(2000)
    socket.destroy()
    own.abort()
    await serving.closed
  })

  test('more questions in one go than are answered at once are all answered, also to one who has ended', async () => {
    const socket = await client()
    socket.end(Buffer.concat(Array.from({ length: 1000 }, (_, id) => framed(question('lee.d.example', id)))))
    let received = Buffer.alloc(0)
    for await (const chunk of socket) received = Buffer.concat([received, chunk])
    const ids: number[] = []
    const read = messageReader((message) => ids.push(message.readUInt16BE(0)))
    read(received)
    expect(ids).toEqual(Array.from({ length: 1000 }, (_, id) => id))
  })

  test('places that are held without a question keep nobody out: the one idle for longest makes room (RFC 7766 6.2.3)', async () => {
    const asking = await client()
    const idle = await Promise.all([client(), client()])
    asking.write(framed(question('d.example')))
    await once(asking, 'data')
    const gone = idle.map((socket) => closed(socket.resume()))
    const newcomer = await client()
    newcomer.write(framed(question('d.example')))
    await once(newcomer, 'data')
    await Promise.race(gone)
    asking.write(framed(question('lee.d.example')))
    await once(asking, 'data')
    for (const socket of [asking, newcomer, ...idle]) socket.destroy()
  })
})

describe('starting and ending', () => {
  test('UDP and TCP share one port, and both are free again at the end', async () => {
    const { address } = serving
    ending.abort()
    await serving.closed
    const next = new AbortController()
    const again = await serveZone({ listen: address, zone, signal: next.signal })
    expect(again.address).toEqual(address)
    next.abort()
    await again.closed
  })

  test('open connections do not keep it from ending', async () => {
    const socket = await client()
    socket.resume()
    ending.abort()
    await Promise.all([serving.closed, closed(socket)])
  })

  test('a signal that has already fired ends it at once', async () => {
    const listen = { host: '127.0.0.1', port: 0 }
    const over = await serveZone({ listen, zone, signal: AbortSignal.abort() })
    await over.closed
  })

  test('a port that is taken, for UDP or for TCP alone, is LISTEN_FAILED with a hint, for now', async () => {
    const udp = createSocket('udp4')
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    const tcp = createServer()
    tcp.listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    for (const taken of [udp.address().port, (tcp.address() as { port: number }).port]) {
      const starting = serveZone({ listen: { host: '127.0.0.1', port: taken }, zone, signal: ending.signal })
      await expect(starting).rejects.toMatchObject({
        code: 'LISTEN_FAILED',
        hint: expect.stringContaining('port'),
        temporary: true,
      })
    }
    udp.close()
    tcp.close()
  })
})

describe('what goes on while it is served', () => {
  async function ask(name: string) {
    const resolver = createResolver({ servers: [serving.address], timeoutMs: 5000 })
    return resolver.resolve(name, 'CERT')
  }

  async function serve(options: Partial<ServeOptions>): Promise<void> {
    ending.abort()
    await serving.closed
    ending = new AbortController()
    const listen = { host: '127.0.0.1', port: 0 }
    serving = await serveZone({ listen, zone, signal: ending.signal, ...options })
  }

  test('what is published may change: each question is answered from what is published then', async () => {
    let current = zoneOf([], { also: ['d.example'], serial: 1 })
    await serve({ zone: () => current })
    expect(await ask('lee.d.example')).toMatchObject({ status: 'absent', kind: 'NXDOMAIN' })
    current = zone
    expect(await ask('lee.d.example')).toMatchObject({ status: 'found' })
  })

  test('a network that is at its limit makes room in its own ranks, not in those of others', async () => {
    await serve({ maxPerNetwork: 2, maxConnections: 10 })
    const from = async (localAddress: string) => {
      const socket = connect({ ...serving.address, localAddress })
      socket.on('error', () => socket.destroy()).resume()
      await once(socket, 'connect')
      return socket
    }
    const asks = async (socket: Socket) => {
      socket.write(framed(question('d.example')))
      await once(socket, 'data')
    }
    const neighbour = await from('127.0.1.2')
    const crowd = [await from('127.0.0.2'), await from('127.0.0.3')]
    const firstGone = closed(crowd[0] as Socket)
    const newcomer = await from('127.0.0.4')
    await asks(newcomer)
    await firstGone
    for (const socket of [crowd[1] as Socket, neighbour]) await asks(socket)
    const resolver = createResolver({ servers: [serving.address], timeoutMs: 5000 })
    expect(await resolver.resolve('d.example', 'CERT')).toMatchObject({ status: 'found' })
    for (const socket of [...crowd, newcomer, neighbour]) socket.destroy()
  })

  test('who goes on asking keeps its place, however many come and say nothing', async () => {
    await serve({ maxPerNetwork: 3 })
    const loyal = connect(serving.address).on('error', () => undefined)
    const silent: Socket[] = []
    for (let i = 0; i < 20; i++) {
      loyal.write(framed(question('d.example')))
      await once(loyal, 'data')
      const socket = connect(serving.address).on('error', () => undefined)
      silent.push(socket.resume())
      await once(socket, 'connect')
    }
    for (const socket of [loyal, ...silent]) socket.destroy()
  })

  test.each(['udp', 'tcp'] as const)(
    'a %s socket that breaks is opened again on the same port, with pauses while it is not to be had, and told',
    async (which) => {
      const opened: Sockets[] = []
      const told: string[] = []
      let failures = 2
      const open = async (listen: HostPort) => {
        if (opened.length > 0 && failures-- > 0) throw new DirectError('LISTEN_FAILED', 'the port is taken')
        const sockets = await openSockets(listen)
        opened.push(sockets)
        return sockets
      }
      await serve({ open, reopenMs: 1, tell: (note) => told.push(note) })
      opened[0]?.[which].emit('error', Object.assign(new Error('broken'), { code: 'ENETDOWN' }))
      await vi.waitFor(() => expect(told.at(-1)).toMatch(/^answering DNS at .* again$/), 40_000)
      expect(told).toEqual([
        expect.stringMatching(/ENETDOWN/),
        expect.stringMatching(/the port is taken/),
        expect.stringMatching(/the port is taken/),
        expect.stringMatching(/again/),
      ])
      expect(opened.map(({ port }) => port)).toEqual([serving.address.port, serving.address.port])
      expect(await ask('d.example')).toMatchObject({ status: 'found' })
    },
  )

  test('a signal that fires while a broken socket waits to be opened again ends it', async () => {
    let first: Sockets | undefined
    const told: string[] = []
    const open = async (listen: HostPort) => {
      first = await openSockets(listen)
      return first
    }
    await serve({ open, reopenMs: 600_000, tell: (note) => told.push(note) })
    first?.udp.emit('error', new Error('broken'))
    await vi.waitFor(() => expect(told).toHaveLength(1), 40_000)
    ending.abort()
    await serving.closed
  })
})
