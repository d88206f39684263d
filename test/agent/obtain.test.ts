/** What is fetched for certificates, kept and shared: the clock, the disk, forgers and the greedy (CERT-7, NET). */
import { describe, expect, test } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { createLimit } from '../../agent/fetch/share.ts'
import type { GuardedFetch } from '../../agent/fetch.ts'
import { memoryCache } from '../../agent/trust/judge.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { pkiWeb } from '../services/pki-web.ts'
import { NOW } from '../trust-anchors/judging.ts'
import { judging, later } from './judging.ts'

const HOUR = 60
const YEAR = 365 * 24 * HOUR
const root = mint({ ca: true, key: 'root-a', subject: 'Test Root' })
const impostor = mint({ ca: true, key: 'root-b', subject: 'Test Root' })
const leaf = (options: MintOptions) =>
  mint({ issuer: root, key: 'dr-lee', san: ['hisp.example'], ...options })
const crl = (thisUpdate: Date, hours = 48) =>
  makeCrl({ issuer: root, thisUpdate, nextUpdate: later(thisUpdate, hours * HOUR) }).der

describe('a clock that is set back', () => {
  test('does not keep a CRL of the time to come in the way of the one that counts now', async () => {
    await using web = await pkiWeb({ '/crl': crl(later(NOW, YEAR)) })
    const one = leaf({ crlUrls: [web.url('/crl')], to: '2030-01-01' })
    const judge = judging(mint({ ca: true, key: 'root-a', subject: 'Test Root', to: '2030-01-01' }))
    judge.clock.at = later(NOW, YEAR)
    expect(await judge.outcome(one)).toBe('good')
    judge.clock.at = NOW
    web.paths.set('/crl', crl(later(NOW, -HOUR)))
    expect(await judge.outcome(one)).toBe('good')
  })

  test('does not leave a host alone for longer than a minute', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const judge = judging(root)
    judge.clock.at = later(NOW, 24 * HOUR)
    expect(await judge.outcome(one)).toBe('REVOCATION_UNKNOWN later')
    judge.clock.at = NOW
    web.paths.set('/crl', crl(later(NOW, -HOUR)))
    expect(await judge.outcome(one)).toBe('good')
  })
})

describe('CERT-7: a CRL forged on its way', () => {
  test('that claims to be newer, and has ended, hides the CA’s own no longer than it takes to ask again', async () => {
    const ended = { thisUpdate: NOW, nextUpdate: later(NOW, 1) }
    await using web = await pkiWeb({ '/crl': makeCrl({ issuer: root, signer: impostor, ...ended }).der })
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const judge = judging(root)
    expect(await judge.outcome(one)).toBe('REVOCATION_UNKNOWN later')
    web.paths.set('/crl', crl(later(NOW, -HOUR)))
    judge.clock.at = later(NOW, 2)
    expect(await judge.outcome(one)).toBe('good')
    expect(await judge.outcome(one)).toBe('good')
    expect(web.requests).toHaveLength(2)
  })

  test('never accepts what the CA revoked', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const judge = judging(root)
    const revoked = [{ certificate: one }]
    web.paths.set('/crl', makeCrl({ issuer: root, revoked, thisUpdate: NOW, nextUpdate: later(NOW, 9) }).der)
    expect(await judge.outcome(one)).toBe('CERT_REVOKED')
    judge.clock.at = later(NOW, 10)
    const forged = { thisUpdate: later(NOW, 10), nextUpdate: later(NOW, HOUR) }
    web.paths.set('/crl', makeCrl({ issuer: root, signer: impostor, ...forged }).der)
    expect(await judge.outcome(one)).not.toBe('good')
  })
})

describe('CERT-7: a CRL that is to last for a month', () => {
  const lasting = (revoked: readonly { certificate: ReturnType<typeof leaf> }[] = [], made = NOW) =>
    makeCrl({ issuer: root, revoked, thisUpdate: made, nextUpdate: later(NOW, 30 * 24 * HOUR) }).der

  test('is asked for anew when it is a day old, so that who was revoked meanwhile is', async () => {
    await using web = await pkiWeb({ '/crl': lasting() })
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const judge = judging(root)
    expect(await judge.outcome(one)).toBe('good')
    judge.clock.at = later(NOW, 23 * HOUR)
    web.paths.set('/crl', lasting([{ certificate: one }], judge.clock.at))
    expect(await judge.outcome(one)).toBe('good')
    judge.clock.at = later(NOW, 25 * HOUR)
    expect(await judge.outcome(one)).toBe('CERT_REVOKED')
    expect(web.requests).toHaveLength(2)
  })

  test('still speaks where its host is away, or hangs for longer than anybody waits', async () => {
    let answer: GuardedFetch = async () => ({ status: 'ok', body: lasting() })
    const judge = judging(root, { fetch: (request) => answer(request), patienceMs: 300 })
    const one = leaf({ crlUrls: ['http://crl.ca.example/crl'] })
    expect(await judge.outcome(one)).toBe('good')
    judge.clock.at = later(NOW, 25 * HOUR)
    answer = async ({ url }) => ({ status: 'failed', why: 'it is away', text: `${url}: it is away` })
    expect(await judge.outcome(one)).toBe('good')
    judge.clock.at = later(NOW, 26 * HOUR)
    answer = ({ signal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    expect(await judge.outcome(one)).toBe('good')
  })
})

test('a full disk or a locked store costs what is kept, not the answer', async () => {
  await using web = await pkiWeb({ '/crl': crl(NOW) })
  const full = new DirectError('STORE_FAILED', 'the disk is full', { temporary: true })
  const judge = judging(root, { cache: { ...memoryCache(), put: () => Promise.reject(full) } })
  expect(await judge.outcome(leaf({ crlUrls: [web.url('/crl')] }))).toBe('good')
})

test('who asks for much does not shut out who asks for little', async () => {
  const limit = createLimit(2)
  const { signal } = new AbortController()
  const order: string[] = []
  const greedy = [{}, {}]
  const take = (name: string, whose: object) =>
    limit(
      async () => {
        order.push(name)
        await new Promise(setImmediate)
      },
      signal,
      whose,
    )
  const much = greedy.flatMap((whose, i) => Array.from({ length: 20 }, () => take(`greedy ${i}`, whose)))
  await Promise.all([take('modest', {}), ...much])
  expect(order.indexOf('modest')).toBeLessThan(4)
  expect(order.slice(0, 20).filter((name) => name === 'greedy 0').length).toBeGreaterThan(8)
})

test('who gives up while waiting takes no turn, and keeps nobody from theirs', async () => {
  const limit = createLimit(1)
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  const [staying, leaving] = [new AbortController(), new AbortController()]
  const order: string[] = []
  const take = (name: string, whose: string, { signal } = staying) =>
    limit(async () => void order.push(name), signal, whose)
  const first = limit(() => over, staying.signal, 'one')
  const given = [take('given up', 'one', leaving), take('given up too', 'other', leaving)]
  const rest = [take('second', 'one'), take('first', 'other')]
  leaving.abort(new Error('gone'))
  for (const one of given) await expect(one).rejects.toThrow('gone')
  await expect(take('too late', 'one', leaving)).rejects.toThrow('gone')
  end()
  await Promise.all([first, ...rest])
  expect(order).toEqual(['first', 'second'])
})

test('a certificate with 24 dead URLs keeps no other waiting for its turn', async () => {
  const hung: AbortSignal[] = []
  const fetch: GuardedFetch = ({ url, signal }) => {
    if (url.startsWith('http://good')) return Promise.resolve({ status: 'ok', body: crl(NOW) })
    hung.push(signal as AbortSignal)
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
  }
  const stop = new AbortController()
  const judge = judging(root, { fetch })
  const caIssuersUrls = Array.from({ length: 24 }, (_, i) => `http://tarpit-${i}.example/ca.cer`)
  const junk = mint({ issuer: impostor, key: 'dr-lee', san: ['hisp.example'], caIssuersUrls })
  const waiting = judge.verify(junk, { signal: stop.signal })
  const good = judge.outcome(leaf({ crlUrls: ['http://good.ca.example/crl'] }))
  expect(await Promise.race([good, waiting])).toBe('good')
  stop.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
  expect(hung).toHaveLength(4)
})
