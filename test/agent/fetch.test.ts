import { once } from 'node:events'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { createFetch } from '../../agent/fetch.ts'
import type { HostLookup } from '../../dns/index.ts'
import { serverCertificate } from '../services/certificates.ts'
import { pkiWeb } from '../services/pki-web.ts'

/** All names are on loopback, but those that are given. */
function hosts(zone: Readonly<Record<string, readonly string[]>> = {}): {
  lookup: HostLookup
  asked: string[]
} {
  const asked: string[] = []
  return {
    asked,
    lookup: async (host) => {
      asked.push(host)
      return zone[host] ?? ['127.0.0.1']
    },
  }
}

const open = (zone?: Parameters<typeof hosts>[0]) =>
  createFetch({ lookup: hosts(zone).lookup, allowPrivate: true })
const guarded = (zone?: Parameters<typeof hosts>[0]) =>
  createFetch({ lookup: hosts(zone).lookup, allowPrivate: false })
const text = (body: Uint8Array) => Buffer.from(body).toString()

/** A server that says these bytes to whoever connects, and what it was told. */
async function rawServer(say: (socket: Socket) => void) {
  const heard: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', (data) => {
      heard.push(data.toString('latin1'))
      say(socket)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://raw.example:${(server.address() as AddressInfo).port}/x`,
    heard,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('NET: a URL into a private network is refused for good, and nobody there hears of it', () => {
  test.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '017700000001',
    '0177.0.0.1',
    '127.0.0.1.',
    '%31%32%37.0.0.1',
    '127。0。0。1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::1]',
    'localhost',
    'LocalHost.',
    'www.localhost',
    'inside.example',
    'metadata.example',
    'both-inside.example',
    'six.example',
  ])('%s', async (host) => {
    await using web = await pkiWeb({ '/crl': 'secret' })
    const fetch = guarded({
      'metadata.example': ['169.254.169.254'],
      'both-inside.example': ['10.1.2.3', 'fd00::1', '127.0.0.1'],
      'six.example': ['::ffff:127.0.0.1', 'fe80::1%lo'],
    })
    const url = web.urlAt(host, '/crl')
    const got = await fetch({ url, limit: 100 })
    expect(got).toMatchObject({
      status: 'refused',
      text: expect.stringContaining('which the internet cannot reach'),
    })
    expect(web.connections).toBe(0)
  })

  test('a redirect to it is as much refused, and the URL that led there is named', async () => {
    await using inside = await pkiWeb({ '/crl': 'secret' })
    await using web = await pkiWeb({ '/crl': { redirect: inside.urlAt('2130706433', '/crl') } })
    const got = await guarded()({ url: web.url('/crl'), limit: 100, configured: true })
    expect(got).toMatchObject({ status: 'refused' })
    expect(got.status !== 'ok' && got.text).toContain(web.url('/crl'))
    expect(got.status !== 'ok' && got.text).toContain('127.0.0.1')
    expect(inside.connections).toBe(0)
  })

  test('a name that is on loopback when asked again does no harm: it is not asked again', async () => {
    await using web = await pkiWeb({ '/crl': 'secret' })
    const answers = [['192.0.2.1'], ['127.0.0.1']]
    let asked = 0
    const fetch = createFetch({
      // The first answer is special-purpose too, so that nothing leaves this machine.
      lookup: async () => answers[asked++] ?? [],
      allowPrivate: false,
    })
    expect(await fetch({ url: web.urlAt('rebind.example', '/crl'), limit: 100 })).toMatchObject({
      status: 'refused',
    })
    expect([asked, web.connections]).toEqual([1, 0])
  })

  test('the address that was checked is the one that is dialled, under the name that was asked for', async () => {
    await using web = await pkiWeb({ '/crl': 'there' })
    const { lookup, asked } = hosts()
    const fetch = createFetch({ lookup, allowPrivate: true })
    // No resolver of the system knows this name.
    const got = await fetch({ url: web.urlAt('crl.invalid', '/crl'), limit: 100 })
    expect(got.status === 'ok' && text(got.body)).toBe('there')
    expect(asked).toEqual(['crl.invalid'])
  })

  test('what the configuration names may be inside, but where it redirects to may not', async () => {
    await using web = await pkiWeb({ '/bundle': 'anchors' })
    web.paths.set('/moved', { redirect: '/bundle' })
    const url = web.urlAt('inside.example', '/bundle')
    expect(await guarded()({ url, limit: 100, configured: true })).toMatchObject({ status: 'ok' })
    const moved = await guarded()({ url: web.url('/moved'), limit: 100, configured: true })
    expect(moved).toMatchObject({ status: 'refused' })
    expect(web.count('/bundle')).toBe(1)
  })
})

describe('NET: what can be seen in a URL', () => {
  test.each([
    ['ftp://crl.example/ca.crl', 'only http and https'],
    ['file:///etc/passwd', 'only http and https'],
    ['ldap://crl.example/cn=ca', 'only http and https'],
    ['data:text/plain,x', 'only http and https'],
    ['http://user:secret@crl.example/', 'user name or a password'],
    ['http://crl.example:25/', 'port 25'],
    ['http://[fe80::1%25eth0]/', 'not a URL'],
    ['http://256.1.1.1/', 'not a URL'],
    ['not a url', 'not a URL'],
    ['/ca.crl', 'not a URL'],
    [`http://crl.example/${'a'.repeat(3000)}`, 'not a URL'],
  ])('%s is refused before anyone is asked', async (url, why) => {
    const { lookup, asked } = hosts()
    const got = await createFetch({ lookup, allowPrivate: true })({ url, limit: 100 })
    expect(got).toMatchObject({ status: 'refused', text: expect.stringContaining(why) })
    expect(asked).toEqual([])
  })

  test('a password in a URL is not repeated', async () => {
    const got = await open()({ url: 'http://user:secret@crl.example/', limit: 100 })
    expect(JSON.stringify(got)).not.toContain('secret')
  })
})

describe('NET: redirects', () => {
  test('three are followed, a fourth is refused', async () => {
    await using web = await pkiWeb({ '/0': 'here' })
    for (const i of [1, 2, 3, 4]) web.paths.set(`/${i}`, { redirect: `/${i - 1}` })
    expect(await open()({ url: web.url('/3'), limit: 100 })).toMatchObject({ status: 'ok' })
    const got = await open()({ url: web.url('/4'), limit: 100 })
    expect(got).toMatchObject({ status: 'refused', text: expect.stringContaining('3 redirects') })
  })

  test('a loop ends', async () => {
    await using web = await pkiWeb()
    web.paths.set('/a', { redirect: '/b' })
    web.paths.set('/b', { redirect: '/a' })
    expect(await open()({ url: web.url('/a'), limit: 100 })).toMatchObject({ status: 'refused' })
    expect(web.requests).toHaveLength(4)
  })

  test.each(['ftp://elsewhere.example/', 'http://user@elsewhere.example/', 'http://elsewhere.example:22/'])(
    'one to %s is refused',
    async (redirect) => {
      await using web = await pkiWeb({ '/a': { redirect } })
      expect(await open()({ url: web.url('/a'), limit: 100 })).toMatchObject({ status: 'refused' })
    },
  )

  test('a redirect without a place is a failure that may pass', async () => {
    await using web = await pkiWeb({ '/a': { status: 302 } })
    expect(await open()({ url: web.url('/a'), limit: 100 })).toMatchObject({ status: 'failed' })
  })

  test('a POST stays a POST on its way', async () => {
    await using web = await pkiWeb({ '/a': { redirect: '/b' } })
    web.paths.set('/b', ({ method, body }) => `${method} ${body}`)
    const post = { body: Buffer.from('question'), contentType: 'application/ocsp-request' }
    const got = await open()({ url: web.url('/a'), limit: 100, post })
    expect(got.status === 'ok' && text(got.body)).toBe('POST question')
  })
})

describe('NET: size', () => {
  test('a body of the limit is taken, one byte more is refused by what the header says', async () => {
    await using web = await pkiWeb({ '/100': Buffer.alloc(100), '/101': Buffer.alloc(101) })
    expect(await open()({ url: web.url('/100'), limit: 100 })).toMatchObject({ status: 'ok' })
    const got = await open()({ url: web.url('/101'), limit: 100 })
    expect(got).toMatchObject({ status: 'refused', text: expect.stringContaining('more than 100 bytes') })
  })

  test('a body without end is cut off at the limit', async () => {
    const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
    await using server = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      const more = () => {
        while (socket.writable && socket.write(chunk));
      }
      socket.on('drain', more)
      more()
    })
    expect(await open()({ url: server.url, limit: 65_536 })).toMatchObject({ status: 'refused' })
  })

  test.each([
    ['shorter than it says', 'Content-Length: 50\r\n\r\nshort'],
    ['with two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n\r\nshort!'],
    ['with a length that is none', 'Content-Length: -5\r\n\r\nshort'],
  ])('a body %s is a failure, not an answer', async (_, rest) => {
    await using server = await rawServer((socket) => socket.end(`HTTP/1.1 200 OK\r\n${rest}`))
    expect(await open()({ url: server.url, limit: 100 })).toMatchObject({ status: 'failed' })
  })

  test('a body longer than it says is no longer than it says', async () => {
    await using server = await rawServer((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort and then some'),
    )
    const got = await open()({ url: server.url, limit: 100 })
    expect(got.status === 'ok' ? text(got.body) : 'short').toBe('short')
  })

  test('a coding that could unfold to any size is not taken', async () => {
    await using web = await pkiWeb({
      '/z': { status: 200, body: Buffer.alloc(10), headers: { 'content-encoding': 'gzip' } },
    })
    expect(await open()({ url: web.url('/z'), limit: 100 })).toMatchObject({ status: 'failed' })
  })
})

describe('what may pass is a failure, not a refusal', () => {
  test.each([400, 404, 410, 500, 503])('status %i, with the host named', async (status) => {
    await using web = await pkiWeb({ '/a': { status } })
    const got = await open()({ url: web.urlAt('crl.example', '/a'), limit: 100 })
    expect(got).toMatchObject({ status: 'failed', text: expect.stringContaining(`answers ${status}`) })
    expect(got.status !== 'ok' && got.why).toContain('crl.example')
  })

  test.each([204, 206, 304])('status %i is not the whole answer', async (status) => {
    await using web = await pkiWeb({ '/a': { status } })
    expect(await open()({ url: web.url('/a'), limit: 100 })).toMatchObject({ status: 'failed' })
  })

  test('a host that nobody listens at, cuts the connection, or speaks no HTTP', async () => {
    await using web = await pkiWeb({ '/cut': 'CUT' })
    expect(await open()({ url: web.url('/cut'), limit: 100 })).toMatchObject({ status: 'failed' })
    await using garbage = await rawServer((socket) => socket.end('220 mail.example ESMTP\r\n'))
    expect(await open()({ url: garbage.url, limit: 100 })).toMatchObject({ status: 'failed' })
    const url = web.urlAt('crl.example', '/a')
    await web.stop()
    const got = await open()({ url, limit: 100 })
    expect(got).toMatchObject({ status: 'failed', text: expect.stringContaining('refuses connections') })
  })

  test.each([
    ['switches to another protocol', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
    ['has headers without end', `HTTP/1.1 200 OK\r\n${`X-Pad: ${'x'.repeat(1000)}\r\n`.repeat(100)}\r\n`],
  ])('an answer that %s', async (_, answer) => {
    await using server = await rawServer((socket) => socket.write(answer))
    expect(await open()({ url: server.url, limit: 100 })).toMatchObject({ status: 'failed' })
  })

  test('a name that DNS does not know now, or does not know at all', async () => {
    const lookup: HostLookup = async (host) => {
      throw new DirectError('DNS_UNREACHABLE', `the host "${host}" has no address in DNS`)
    }
    const got = await createFetch({ lookup, allowPrivate: false })({
      url: 'http://crl.example/a',
      limit: 1,
    })
    expect(got).toMatchObject({ status: 'failed', text: expect.stringContaining('"crl.example"') })
    const none = await guarded({ 'crl.example': [] })({ url: 'http://crl.example/a', limit: 1 })
    expect(none).toMatchObject({ status: 'failed' })
  })
})

describe('NET: time', () => {
  const patience = { lookup: hosts().lookup, allowPrivate: true, timeoutMs: 150 }

  test('a server that says nothing, drips, or never ends is given up, with the host named', async () => {
    await using web = await pkiWeb({ '/hang': 'HANG' })
    const got = await createFetch(patience)({ url: web.urlAt('slow.example', '/hang'), limit: 100 })
    expect(got).toMatchObject({ status: 'failed', text: expect.stringContaining('slow.example') })
    await using dripping = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const drip = setInterval(() => socket.write('x'), 20)
      socket.on('close', () => clearInterval(drip))
    })
    expect(await createFetch(patience)({ url: dripping.url, limit: 1 << 20 })).toMatchObject({
      status: 'failed',
    })
  })

  test('a lookup that never ends counts too', async () => {
    const fetch = createFetch({ ...patience, lookup: () => new Promise(() => undefined) })
    const got = await fetch({ url: 'http://slow.example/', limit: 100 })
    expect(got).toMatchObject({ status: 'failed', text: expect.stringContaining('slow.example') })
  })

  test('the time is for all redirects together', async () => {
    await using web = await pkiWeb({ '/last': 'HANG' })
    web.paths.set('/first', { redirect: '/last' })
    const got = await createFetch(patience)({ url: web.url('/first'), limit: 100 })
    expect(got).toMatchObject({ status: 'failed', text: expect.stringContaining('/first') })
  })

  test('who gives up gets ABORTED', async () => {
    await using web = await pkiWeb({ '/hang': 'HANG' })
    const controller = new AbortController()
    const pending = open()({ url: web.url('/hang'), limit: 100, signal: controller.signal })
    controller.abort()
    await expect(pending).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('https', () => {
  async function tlsServer(name: string, location?: string) {
    const tls = await serverCertificate([`DNS:${name}`])
    const names: unknown[] = []
    let requests = 0
    const server = createTlsServer({ cert: tls.cert, key: tls.key }, (_request, response) => {
      requests++
      response.writeHead(location === undefined ? 200 : 302, { ...(location && { location }) }).end('there')
    })
    server.on('secureConnection', (socket) => names.push(socket.servername)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      ca: tls.cert,
      names,
      requests: () => requests,
      url: (host: string) => `https://${host}:${(server.address() as AddressInfo).port}/x`,
      async [Symbol.asyncDispose]() {
        server.close()
        await tls[Symbol.asyncDispose]()
      },
    }
  }

  test('the name is proved and told, whatever address is dialled; a trailing dot does not matter', async () => {
    await using server = await tlsServer('crl.example')
    const fetch = createFetch({ lookup: hosts().lookup, allowPrivate: true, ca: server.ca })
    for (const host of ['crl.example', 'crl.example.'])
      expect(await fetch({ url: server.url(host), limit: 100 })).toMatchObject({ status: 'ok' })
    expect(server.names).toEqual(['crl.example', 'crl.example'])
    expect(await fetch({ url: server.url('other.example'), limit: 100 })).toMatchObject({
      status: 'failed',
      text: expect.stringContaining('TLS with other.example'),
    })
  })

  test('a CA that nobody knows is a failure that names the host, and nothing was asked', async () => {
    await using server = await tlsServer('crl.example')
    const got = await open()({ url: server.url('crl.example'), limit: 100 })
    expect(got).toMatchObject({ status: 'failed', text: expect.stringContaining('TLS with crl.example') })
    expect(server.requests()).toBe(0)
  })

  test('a redirect to http gives up TLS, and is refused', async () => {
    await using web = await pkiWeb({ '/x': 'anyone could have written this' })
    await using server = await tlsServer('crl.example', web.url('/x'))
    const fetch = createFetch({ lookup: hosts().lookup, allowPrivate: true, ca: server.ca })
    expect(await fetch({ url: server.url('crl.example'), limit: 100 })).toMatchObject({ status: 'refused' })
    expect(web.connections).toBe(0)
  })
})

test('nothing of ours goes along: no cookies, no credentials, no referrer, and the connection ends', async () => {
  await using server = await rawServer((socket) =>
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n\r\nok'),
  )
  const fetch = open()
  await fetch({ url: server.url, limit: 100 })
  await fetch({ url: server.url, limit: 100 })
  expect(server.heard).toHaveLength(2)
  for (const request of server.heard) {
    expect(request).toMatch(/^GET \/x HTTP\/1\.1\r\n/)
    expect(request.toLowerCase()).toContain('connection: close')
    expect(request.toLowerCase()).toContain('accept-encoding: identity')
    expect(request.toLowerCase()).not.toMatch(/cookie|authorization|referer|proxy/)
    expect(request).toContain(`Host: ${new URL(server.url).host}`)
  }
})

test('a proxy of the environment is not asked', async () => {
  await using web = await pkiWeb({ '/a': 'direct' })
  await using proxy = await pkiWeb({ '/a': 'by proxy' })
  const { http_proxy: before } = process.env
  process.env.http_proxy = proxy.url('')
  process.env.NODE_USE_ENV_PROXY = '1'
  try {
    const got = await open()({ url: web.urlAt('crl.example', '/a'), limit: 100 })
    expect(got.status === 'ok' && text(got.body)).toBe('direct')
    expect(proxy.connections).toBe(0)
  } finally {
    delete process.env.NODE_USE_ENV_PROXY
    if (before === undefined) delete process.env.http_proxy
    else process.env.http_proxy = before
  }
})
