import { expect, test } from 'vitest'
import { refreshFetched } from '../../agent/fetch/refresh.ts'
import { createFetch } from '../../agent/fetch.ts'
import { silent } from '../../agent/log.ts'
import { mint } from '../../fixtures/pki.ts'
import { makeCrl, makeOcspResponse, nonceOf } from '../../fixtures/revocation.ts'
import { openStore } from '../../store/index.ts'
import { pkiWeb } from '../services/pki-web.ts'
import { NOW } from '../trust-anchors/judging.ts'
import { judging, later, openFetch } from './judging.ts'

const root = mint({ ca: true, key: 'root-a', subject: 'Test Root' })
const HOUR = 60
const DAY = 24 * HOUR
const crl = (thisUpdate: Date, hours = 8) =>
  makeCrl({ issuer: root, thisUpdate, nextUpdate: later(thisUpdate, hours * HOUR) }).der

/** A CRL of eight hours that somebody's certificate needed at NOW, in a store. */
async function needed(answer: Uint8Array = crl(NOW)) {
  const web = await pkiWeb({ '/crl': answer })
  const store = await openStore({ file: ':memory:', now: () => NOW })
  const judge = judging(root, { cache: store.fetches })
  const leaf = mint({ issuer: root, key: 'dr-lee', san: ['hisp.example'], crlUrls: [web.url('/crl')] })
  expect(await judge.outcome(leaf)).toBe('good')
  const warnings: string[] = []
  const log = { ...silent, warn: (_: object, text: string) => void warnings.push(text) }
  return {
    web,
    store,
    leaf,
    warnings,
    refresh: (at: Date) =>
      refreshFetched({ fetches: store.fetches, fetch: openFetch, now: () => at, log }, undefined),
    kept: async () => (await store.fetches.get(`crl ${web.url('/crl')}`, null))?.body,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await web[Symbol.asyncDispose]()
    },
  }
}

test('a CRL in use is fetched anew when a quarter of its life is left, and not before', async () => {
  await using one = await needed()
  await one.refresh(later(NOW, 6 * HOUR - 1))
  expect(one.web.requests).toHaveLength(1)
  const newer = crl(later(NOW, 6 * HOUR))
  one.web.paths.set('/crl', newer)
  await one.refresh(later(NOW, 6 * HOUR))
  expect(await one.kept()).toEqual(newer)
  await one.refresh(later(NOW, 6 * HOUR + 1))
  expect(one.web.requests).toHaveLength(2)
})

test('one that lasts for months is fetched anew every day, since a CA may revoke any time', async () => {
  await using one = await needed(crl(NOW, 24 * 90))
  await one.refresh(later(NOW, DAY - 1))
  expect(one.web.requests).toHaveLength(1)
  await one.refresh(later(NOW, DAY))
  expect(one.web.requests).toHaveLength(2)
})

test('a host that is down, says something else or plays back an older one leaves what there is, and is told', async () => {
  await using one = await needed()
  const before = await one.kept()
  for (const [i, answer] of [{ status: 500 }, '<html>', crl(later(NOW, -HOUR), 100)].entries()) {
    one.web.paths.set('/crl', answer)
    await one.refresh(later(NOW, 7 * HOUR + 15 * i))
  }
  await one.web.stop()
  await one.refresh(later(NOW, 8 * HOUR))
  expect(await one.kept()).toEqual(before)
  expect(one.warnings).toHaveLength(4)
  expect(one.warnings.join('\n')).toContain(`older than what is kept`)
})

test('one that claims to be from the future does not stay for ever', async () => {
  await using one = await needed()
  const key = `crl ${one.web.url('/crl')}`
  const forged = crl(later(NOW, 9000 * DAY))
  const stored = await one.store.fetches.get(key, null)
  if (stored === null) throw new Error('nothing was kept')
  await one.store.fetches.put({ ...stored, body: forged }, NOW)
  const real = crl(later(NOW, 6 * HOUR))
  one.web.paths.set('/crl', real)
  await one.refresh(later(NOW, 7 * HOUR))
  expect(await one.kept()).toEqual(real)
})

test('what nobody needed for thirty days is let go; a refresh is no need', async () => {
  await using one = await needed()
  for (let day = 1; day <= 40; day++) {
    one.web.paths.set('/crl', crl(later(NOW, day * DAY)))
    await one.refresh(later(NOW, day * DAY))
  }
  expect(one.web.requests).toHaveLength(1 + 30)
})

test('what was refreshed is what the next judgement uses', async () => {
  await using one = await needed()
  const judge = judging(root, { cache: one.store.fetches })
  expect(await judge.outcome(one.leaf)).toBe('good')
  const revoked = [{ certificate: one.leaf }]
  const dates = { thisUpdate: later(NOW, 6 * HOUR), nextUpdate: later(NOW, 14 * HOUR) }
  one.web.paths.set('/crl', makeCrl({ issuer: root, revoked, ...dates }).der)
  await one.refresh(later(NOW, 6 * HOUR))
  await one.web.stop()
  judge.clock.at = later(NOW, 6 * HOUR + 1)
  expect(await judge.outcome(one.leaf)).toBe('CERT_REVOKED')
})

test('an OCSP question is asked again as it was, without its nonce, so that any answer will do', async () => {
  await using web = await pkiWeb()
  await using store = await openStore({ file: ':memory:', now: () => NOW })
  const leaf = mint({ issuer: root, key: 'dr-lee', san: ['hisp.example'], ocspUrls: [web.url('/ocsp')] })
  const nonces: (Uint8Array | null)[] = []
  let thisUpdate = NOW
  web.paths.set('/ocsp', ({ body }) => {
    nonces.push(nonceOf(body))
    return makeOcspResponse({
      issuer: root,
      for: leaf,
      thisUpdate,
      nextUpdate: later(thisUpdate, 8 * HOUR),
    })
  })
  expect(await judging(root, { cache: store.fetches }).outcome(leaf)).toBe('good')
  thisUpdate = later(NOW, 6 * HOUR)
  const tools = { fetches: store.fetches, fetch: openFetch, now: () => thisUpdate, log: silent }
  await refreshFetched(tools)
  expect(nonces.map((nonce) => nonce !== null)).toEqual([true, false])
  await web.stop()
  const judge = judging(root, { cache: store.fetches })
  judge.clock.at = later(NOW, 13 * HOUR)
  expect(await judge.outcome(leaf)).toBe('good')
})

test('NET holds for refreshes too, and who stops the daemon stops them', async () => {
  await using one = await needed()
  const clock = { at: later(NOW, 7 * HOUR) }
  const tools = { fetches: one.store.fetches, now: () => clock.at, log: silent }
  const guarded = createFetch({ lookup: async () => ['127.0.0.1'], allowPrivate: false })
  await refreshFetched({ ...tools, fetch: guarded })
  expect(one.web.requests).toHaveLength(1)
  clock.at = later(NOW, 8 * HOUR)
  await expect(refreshFetched({ ...tools, fetch: openFetch }, AbortSignal.abort())).rejects.toMatchObject({
    code: 'ABORTED',
  })
})

test('a host that is down has its turn again after the others, not before them each time', async () => {
  await using one = await needed()
  one.web.paths.clear()
  await one.refresh(later(NOW, 6 * HOUR))
  await one.refresh(later(NOW, 6 * HOUR + 14))
  expect(one.warnings).toHaveLength(1)
  await one.refresh(later(NOW, 6 * HOUR + 15))
  expect(one.warnings).toHaveLength(2)
})
