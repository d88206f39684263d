import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { startTcpProxy } from './tcp-proxy.ts'

/** Says back what it hears, and remembers it in the pieces that came. */
async function echo(): Promise<AsyncDisposable & { readonly port: number; readonly heard: string[] }> {
  const heard: string[] = []
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      heard.push(chunk.toString())
      socket.write(chunk)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}

/** Says `text`, hears until the connection ends or as much has come back, and tells how it ended. */
async function talk(port: number, text: string): Promise<{ back: string; end: 'whole' | 'cut' | 'reset' }> {
  const socket = connect(port, '127.0.0.1')
  let back = ''
  return new Promise((resolve) => {
    socket.on('connect', () => socket.write(text))
    socket.on('data', (chunk: Buffer) => {
      back += chunk
      if (back.length >= text.length) {
        socket.destroy()
        resolve({ back, end: 'whole' })
      }
    })
    socket.on('end', () => resolve({ back, end: 'cut' }))
    socket.on('error', () => resolve({ back, end: 'reset' }))
  })
}

test('the proxy breaks a connection after as many bytes as it is told, once, and passes everything else', async () => {
  await using server = await echo()
  await using proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port })
  expect(await talk(proxy.port, 'hello')).toEqual({ back: 'hello', end: 'whole' })

  proxy.arm({ way: 'down', afterBytes: 3, how: 'cut' })
  expect(await talk(proxy.port, 'hello')).toEqual({ back: 'hel', end: 'cut' })
  expect(proxy.fired).toBe(true)
  expect(await talk(proxy.port, 'hello')).toEqual({ back: 'hello', end: 'whole' })

  proxy.arm({ way: 'up', afterBytes: 2, how: 'reset' })
  expect((await talk(proxy.port, 'world')).end).toBe('reset')
  expect(server.heard.join('')).toMatch(/hello(wo)?$/)

  proxy.arm({ way: 'up', afterBytes: 100, how: 'reset' })
  expect((await talk(proxy.port, 'world')).end).toBe('whole')
  expect(proxy.fired).toBe(false)
})

test('the proxy hands on byte by byte, in packets of their own', async () => {
  await using server = await echo()
  await using proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port })
  proxy.slices = { bytes: 1, first: 0, pauseMs: 0 }
  expect((await talk(proxy.port, 'hello')).back).toBe('hello')
  expect(server.heard.length).toBeGreaterThan(1)
  expect(proxy.paused).toBe(10)
})

test('the proxy pauses after as many bytes as it is told, and then after each so many', async () => {
  await using server = await echo()
  await using proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port })
  proxy.slices = { bytes: 3, first: 2, pauseMs: 5 }
  expect((await talk(proxy.port, 'good morning')).back).toBe('good morning')
  expect(server.heard.length).toBeGreaterThan(1)
  // After byte 2, 5, 8 and 11, in each direction.
  expect(proxy.paused).toBe(8)
  proxy.slices = null
  expect((await talk(proxy.port, 'good morning')).back).toBe('good morning')
  expect(proxy.paused).toBe(0)
})

test('the proxy asks about each line of the client, a message counting as its dot, and speaks for the server', async () => {
  await using server = await echo()
  await using proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port })
  const lines: string[] = []
  proxy.onCommand = (line) => {
    lines.push(line)
    return line === 'QUIT' ? '421 not now\r\n' : 'pass'
  }
  const { back, end } = await talk(proxy.port, 'DATA\r\nSubject: x\r\n\r\nQUIT\r\n.\r\nQUIT\r\n')
  expect({ back, end }).toEqual({ back: '421 not now\r\n', end: 'cut' })
  expect(lines).toEqual(['DATA', '.', 'QUIT'])
})
