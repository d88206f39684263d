import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createFollowUrl } from '../../agent/fetch/follow-url.ts'
import { createFetch, type Fetched, type GuardedFetch } from '../../agent/fetch.ts'
import { toPem } from '../../trust-anchors/x509/read.ts'
import { fixture } from '../trust-anchors/judging.ts'

const [rootA] = fixture('root-a')
const [rootB] = fixture('root-b')
const URL_A = 'http://d.example/lee.cer'

/** A web that gives what it is told, and what was asked of it; `pass` moves the clock. */
function web(answers: (url: string) => Fetched | Promise<Fetched>) {
  const asked: string[] = []
  let ms = 0
  const fetch: GuardedFetch = async ({ url, limit }) => {
    asked.push(`${url} ${limit}`)
    return answers(url)
  }
  const pass = (seconds: number) => {
    ms += seconds * 1000
  }
  return { asked, pass, follow: createFollowUrl(fetch, () => ms) }
}

const ok = (body: Uint8Array): Fetched => ({ status: 'ok', body })

describe('what the URL of an IPKIX record gives (DISC-3)', () => {
  test.each([
    ['DER', rootA.der, [rootA.der]],
    ['PEM, several', Buffer.from(toPem(rootA.der) + toPem(rootB.der)), [rootA.der, rootB.der]],
  ])('%s is read, from at most 64 KiB (NET)', async (_, body, certificates) => {
    const { follow, asked } = web(() => ok(body))
    const outcome = await follow(URL_A)
    expect(outcome).toEqual({ status: 'ok', certificates: certificates.map((der) => new Uint8Array(der)) })
    expect(asked).toEqual([`${URL_A} 65536`])
  })

  test('something else is garbled, as a PKIX record may be, and it says what came (DISC-4)', async () => {
    const { follow, asked, pass } = web(() => ok(Buffer.from('<html>404 not found</html>')))
    expect(await follow(URL_A)).toEqual({
      status: 'garbled',
      text: expect.stringMatching(/^http:\/\/d\.example\/lee\.cer gives no certificate: /),
    })
    pass(60)
    await follow(URL_A)
    expect(asked).toHaveLength(2)
  })

  test('what NET refuses stays refused, what fails is not known', async () => {
    for (const status of ['refused', 'failed'] as const) {
      const { follow } = web(() => ({ status, why: 'it does', text: `${URL_A} does` }))
      expect(await follow(URL_A)).toEqual({ status, text: `${URL_A} does` })
    }
  })

  test('a URL into a private network is refused, and nobody there hears of it (NET)', async () => {
    let heard = 0
    const server = createServer((_, response) => {
      heard++
      response.end(rootA.der)
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const lookup = async () => ['127.0.0.1']
    const url = `http://inside.example:${port}/x`
    const guarded = createFollowUrl(createFetch({ lookup, allowPrivate: false }))
    expect(await guarded(url)).toMatchObject({ status: 'refused' })
    expect(heard).toBe(0)
    const open = createFollowUrl(createFetch({ lookup, allowPrivate: true }))
    expect(await open(url)).toMatchObject({ status: 'ok' })
    server.close()
  })
})

describe('it is asked no more than needed (NET)', () => {
  test('once for all who want it at the same time, and not again within the hour', async () => {
    const { follow, asked, pass } = web(() => ok(rootA.der))
    await Promise.all([follow(URL_A), follow(URL_A), follow(URL_A)])
    pass(3599)
    await follow(URL_A)
    expect(asked).toHaveLength(1)
    pass(1)
    await follow(URL_A)
    expect(asked).toHaveLength(2)
  })

  test('what failed is left alone for a minute', async () => {
    const { follow, asked, pass } = web(() => ({ status: 'failed', why: 'away', text: 'away' }))
    await follow(URL_A)
    pass(59)
    await follow(URL_A)
    expect(asked).toHaveLength(1)
    pass(1)
    await follow(URL_A)
    expect(asked).toHaveLength(2)
  })

  test('who gives up is told so, and takes it from nobody else', async () => {
    const { promise, resolve } = Promise.withResolvers<Fetched>()
    const { follow, asked } = web(() => promise)
    const gone = new AbortController()
    const one = follow(URL_A, gone.signal)
    const other = follow(URL_A)
    gone.abort()
    await expect(one).rejects.toMatchObject({ code: 'ABORTED', temporary: true })
    resolve(ok(rootA.der))
    expect(await other).toMatchObject({ status: 'ok' })
    expect(asked).toHaveLength(1)
  })

  test('sixteen at a time', async () => {
    const waiting: (() => void)[] = []
    const { follow, asked } = web(() => new Promise((resolve) => waiting.push(() => resolve(ok(rootA.der)))))
    const all = Array.from({ length: 40 }, (_, i) => follow(`http://d.example/${i}`))
    while (asked.length < 40) {
      await new Promise((resolve) => setImmediate(resolve))
      expect(waiting.length).toBeLessThanOrEqual(16)
      for (const answer of waiting.splice(0)) answer()
    }
    for (const answer of waiting.splice(0)) answer()
    await Promise.all(all)
  })
})
