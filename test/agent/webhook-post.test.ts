import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { type Answer, post } from '../../agent/deliver/post.ts'
import { DirectError } from '../../agent/errors.ts'
import type { Source } from '../../agent/smime/source.ts'
import { serverCertificate } from '../services/certificates.ts'

/** A server that does this with each connection. */
async function serve(act: (socket: Socket, head: string) => void, tls?: { key: string; cert: string }) {
  const sockets = new Set<Socket>()
  const take = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', (data) => act(socket, data.toString('latin1')))
  }
  const server = tls ? createTlsServer(tls, take) : createServer(take)
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  return new URL(`${tls ? 'https' : 'http'}://127.0.0.1:${port}/direct`)
}

const SMALL = sourceOf(1, 1000)

function sourceOf(chunks: number, bytes: number, onRead: () => void = () => undefined): Source {
  return {
    bytes: chunks * bytes,
    async *read() {
      for (let n = 0; n < chunks; n++) {
        onRead()
        yield Buffer.alloc(bytes, n)
      }
    },
  }
}

const ask = (url: URL, over: Partial<Parameters<typeof post>[0]> = {}): Promise<Answer> =>
  post({
    url,
    headers: {},
    body: SMALL,
    ca: undefined,
    lookup: async () => ['127.0.0.1'],
    timeoutMs: 2000,
    ...over,
  })

const WHOLE = 'HTTP/1.1 200 OK\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{"where": "x-1"}'

test('an answer that is cut at any byte is none, so that the message comes again', async () => {
  let cut = 0
  const url = await serve((socket) => socket.end(WHOLE.slice(0, cut)))
  for (cut = 0; cut < WHOLE.length; cut += 7) expect(await ask(url), `cut at ${cut}`).toHaveProperty('failed')
  cut = WHOLE.length - 1
  expect(await ask(url)).toHaveProperty('failed')
  cut = WHOLE.length
  expect(await ask(url)).toEqual({ status: 200, text: '{"where": "x-1"}' })
})

test('a server that is silent, before or in the middle of its answer, is given up after the time that it has', async () => {
  const silent = await serve(() => undefined)
  expect(await ask(silent, { timeoutMs: 100 })).toEqual({ failed: `${silent.host} was silent for 0.1 s` })
  const half = await serve((socket) => socket.write(WHOLE.slice(0, 40)))
  expect(await ask(half, { timeoutMs: 100 })).toHaveProperty('failed')
})

test('a server that drips its answer is given up too', async () => {
  const drips = await serve((socket) => {
    const timer = setInterval(() => socket.write('H'), 20)
    socket.on('close', () => clearInterval(timer))
    socket.write('HTTP/1.1 200 OK\r\nX: ')
  })
  expect(await ask(drips, { timeoutMs: 200 })).toEqual({ failed: `${drips.host} takes too long` })
})

test('a redirect is an answer like any other: nobody is asked where it points', async () => {
  let others = 0
  const other = await serve(() => others++)
  const url = await serve((socket) =>
    socket.end(`HTTP/1.1 307 Elsewhere\r\nLocation: ${other}\r\nContent-Length: 0\r\n\r\n`),
  )
  expect(await ask(url)).toEqual({ status: 307, text: '' })
  expect(others).toBe(0)
})

test('of an answer no more is read than anybody needs', async () => {
  const url = await serve((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    const pour = () => {
      while (socket.write(Buffer.alloc(65_536, 'a')));
    }
    socket.on('drain', pour)
    pour()
  })
  expect(await ask(url)).toEqual({ status: 200, text: null })
})

test('while 25 MB are sent, no more is read than the other side takes, and its early answer ends the sending', async () => {
  let read = 0
  const body = sourceOf(400, 65_536, () => read++)
  const stuck = await serve((socket) => socket.pause())
  expect(await ask(stuck, { body, timeoutMs: 300 })).toHaveProperty('failed')
  expect(read).toBeLessThan(200)
  read = 0
  const early = await serve((socket) => {
    socket.resume()
    socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n')
  })
  expect(await ask(early, { body })).toEqual({ status: 413, text: '' })
  expect(read).toBeLessThan(400)
  const closes = await serve((socket) => socket.destroy())
  expect(await ask(closes, { body })).toHaveProperty('failed')
})

test('TLS that cannot be proved is no connection; the CA that is named is believed', async () => {
  await using certificate = await serverCertificate(['IP:127.0.0.1'])
  await using other = await serverCertificate(['DNS:other.example'])
  const heard: string[] = []
  const answer = (socket: Socket, head: string) => {
    heard.push(head)
    socket.end(WHOLE)
  }
  const url = await serve(answer, certificate)
  expect(await ask(url)).toHaveProperty('failed', expect.stringContaining('TLS'))
  expect(await ask(url, { ca: certificate.cert })).toMatchObject({ status: 200 })
  const named = await serve(answer, other)
  expect(await ask(named, { ca: other.cert })).toHaveProperty('failed', expect.stringContaining('TLS'))
  expect(heard).toHaveLength(1)
})

test('plain http goes to this machine alone, whatever a name server says', async () => {
  const url = new URL('http://localhost:1/direct')
  expect(await ask(url, { lookup: async () => ['192.0.2.1'] })).toHaveProperty(
    'failed',
    expect.stringContaining('plain http'),
  )
})

test('a fault of ours while the body is read is thrown, and does not count as the other side’s', async () => {
  const url = await serve(() => undefined)
  const broken: Source = {
    bytes: 10,
    async *read() {
      yield Buffer.from('x')
      throw new DirectError('STORE_DAMAGED', 'not what was written')
    },
  }
  await expect(ask(url, { body: broken })).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  const bug: Source = {
    bytes: 10,
    async *read() {
      yield Buffer.from('x')
      throw new TypeError('a bug')
    },
  }
  await expect(ask(url, { body: bug })).rejects.toThrow(TypeError)
})

test('who is told to stop stops', async () => {
  const url = await serve(() => undefined)
  const stop = new AbortController()
  const asked = ask(url, { signal: stop.signal })
  stop.abort()
  await expect(asked).rejects.toMatchObject({ code: 'ABORTED' })
})

test('who says yes before all of it was written has not taken it; who begins to answer early gets the rest', async () => {
  const large = sourceOf(100, 65_536)
  const early = await serve((socket) => socket.pause().write(WHOLE))
  expect(await ask(early, { body: large })).toEqual({
    failed: `${early.host} answers 200 before it has all of it`,
  })
  const length = WHOLE.indexOf('{')
  const patient = await serve((socket, first) => {
    let left = large.bytes - (first.length - first.indexOf('\r\n\r\n') - 4)
    socket.write(WHOLE.slice(0, length))
    socket.on('data', (data) => {
      left -= data.length
      if (left === 0) socket.end(WHOLE.slice(length))
    })
  })
  expect(await ask(patient, { body: large })).toEqual({ status: 200, text: '{"where": "x-1"}' })
  const no = await serve((socket) => socket.pause().write('HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n'))
  expect(await ask(no, { body: large })).toEqual({ status: 413, text: '' })
})
