import { describe, expect, test } from 'vitest'
import { createFetch, type GuardedFetch } from '../../agent/fetch.ts'
import { memoryCache } from '../../agent/trust/judge.ts'
import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { makeCrl, makeOcspResponse, nonceOf } from '../../fixtures/revocation.ts'
import type { Attempt } from '../../trust-anchors/index.ts'
import { pkiWeb } from '../services/pki-web.ts'
import { NOW } from '../trust-anchors/judging.ts'
import { judging, later, openFetch } from './judging.ts'

const root = mint({ ca: true, key: 'root-a', subject: 'Test Root' })
const leaf = (options: MintOptions = {}): Minted =>
  mint({ issuer: root, key: 'dr-lee', san: ['hisp.example'], ...options })
const HOUR = 60
/** Would wait far longer than any test may take. */
const patient = createFetch({
  lookup: async () => ['127.0.0.1'],
  allowPrivate: true,
  timeoutMs: 3_600_000,
})
const crl = (nextUpdate: Date, thisUpdate = later(NOW, -24 * HOUR)) =>
  makeCrl({ issuer: root, thisUpdate, nextUpdate }).der

describe('CERT-8: issuers are fetched one for the other', () => {
  /** `depth` intermediates, each to be had at its URL alone. */
  function chain(depth: number, url: (path: string) => string): Minted[] {
    const cas: Minted[] = []
    for (let i = 0; i < depth; i++) {
      const caIssuersUrls = i === 0 ? [] : [url(`/${i - 1}`)]
      const issuer = cas.at(-1) ?? root
      cas.push(mint({ issuer, ca: true, key: 'intermediate', subject: `CA ${i}`, caIssuersUrls }))
    }
    return cas
  }

  test.each([
    [5, 'good'],
    [6, 'UNKNOWN_ISSUER'],
  ])('%i intermediates that are at their AIA URLs alone: %s', async (depth, expected) => {
    await using web = await pkiWeb()
    const cas = chain(depth, (path) => web.url(path))
    for (const [i, { certificate }] of cas.entries()) web.paths.set(`/${i}`, certificate.der)
    const issuer = cas.at(-1) as Minted
    const one = leaf({ issuer, caIssuersUrls: [web.url(`/${depth - 1}`)] })
    expect(await judging(root).outcome(one)).toBe(expected)
    expect(web.requests).toHaveLength(5)
  })

  test('URLs that lead to each other end', async () => {
    await using web = await pkiWeb()
    const other = mint({ ca: true, key: 'root-b', subject: 'Elsewhere' })
    const loop = (at: string) =>
      mint({ issuer: other, ca: true, key: 'intermediate', subject: 'Loop', caIssuersUrls: [web.url(at)] })
    web.paths.set('/a', loop('/b').certificate.der)
    web.paths.set('/b', loop('/a').certificate.der)
    const one = leaf({ issuer: loop('/a'), caIssuersUrls: [web.url('/a')] })
    expect(await judging(root).outcome(one)).toBe('UNKNOWN_ISSUER')
    expect(web.requests).toHaveLength(2)
  })

  test('a dead host may come back: the failure is temporary, and names it', async () => {
    await using web = await pkiWeb()
    const [issuer] = chain(1, (path) => web.url(path)) as [Minted]
    const url = web.urlAt('aia.ca.example', '/0')
    const judge = judging(root)
    const one = leaf({ issuer, caIssuersUrls: [url] })
    expect(await judge.outcome(one)).toBe('UNKNOWN_ISSUER later')
    expect(await judge.texts(one)).toContain('aia.ca.example')
  })

  test('what arrives first is enough: a second URL that hangs holds nobody up', async () => {
    await using web = await pkiWeb({ '/hang': 'HANG' })
    const [issuer] = chain(1, (path) => web.url(path)) as [Minted]
    web.paths.set('/0', issuer.certificate.der)
    const one = leaf({ issuer, caIssuersUrls: [web.url('/hang'), web.url('/0')] })
    const judge = judging(root, { patienceMs: 3_600_000, fetch: patient })
    expect(await judge.outcome(one)).toBe('good')
  })

  test('more URLs than an honest certificate has are not all asked, and the answer is final', async () => {
    await using web = await pkiWeb()
    const urls = Array.from({ length: 60 }, (_, i) => web.url(`/${i}`))
    const one = leaf({
      issuer: mint({ ca: true, key: 'intermediate', subject: 'Missing' }),
      caIssuersUrls: urls,
    })
    expect(await judging(root).outcome(one)).not.toBe('good')
    expect(web.requests).toHaveLength(24)
  })

  test('the trace is of the last round, with everything at hand', async () => {
    await using web = await pkiWeb()
    const [issuer] = chain(1, (path) => web.url(path)) as [Minted]
    web.paths.set('/0', issuer.certificate.der)
    const one = leaf({ issuer, caIssuersUrls: [web.url('/0')] })
    const fetched: Attempt[] = []
    const known: Attempt[] = []
    await judging(root).verify(one, { trace: (attempt) => fetched.push(attempt) })
    await judging(root).verify(one, {
      candidates: [issuer.certificate],
      trace: (attempt) => known.push(attempt),
    })
    expect(fetched).toEqual(known)
  })
})

describe('CERT-7: CRLs', () => {
  test('fetched once, for all who ask at the same time and afterwards, until it ends', async () => {
    await using web = await pkiWeb({ '/crl': crl(later(NOW, HOUR)) })
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const judge = judging(root)
    expect(await Promise.all(Array.from({ length: 10 }, () => judge.outcome(one)))).toEqual(
      Array(10).fill('good'),
    )
    judge.clock.at = later(NOW, HOUR - 1)
    expect(await judge.outcome(one)).toBe('good')
    expect(web.requests).toHaveLength(1)
    web.paths.set('/crl', crl(later(NOW, 5 * HOUR), NOW))
    judge.clock.at = later(NOW, HOUR + 1)
    expect(await judge.outcome(one)).toBe('good')
    expect(web.requests).toHaveLength(2)
  })

  test('as PEM it is as good, and who it revokes is revoked', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/crl')] })
    web.paths.set('/crl', makeCrl({ issuer: root, revoked: [{ certificate: one }] }).pem)
    expect(await judging(root).outcome(one)).toBe('CERT_REVOKED')
  })

  test('what came with the message counts where its own URL gives nothing', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const material = { crls: [crl(later(NOW, HOUR))], ocsp: [] }
    expect(await judging(root).outcome(one, { material })).toBe('good')
    expect(web.connections).toBe(1)
    const garbled = { crls: [Buffer.from('nothing')], ocsp: [Buffer.from('nothing')] }
    expect(await judging(root).outcome(one, { material: garbled })).toBe('REVOCATION_UNKNOWN later')
  })

  test.each(['prefer', 'require'] as const)(
    'the last CRL that cleared him, brought along by one who is revoked since, clears nobody (%s)',
    async (mode) => {
      await using web = await pkiWeb()
      const one = leaf({ crlUrls: [web.url('/crl')] })
      const revoked = [{ certificate: one }]
      web.paths.set('/crl', makeCrl({ issuer: root, thisUpdate: later(NOW, -HOUR), revoked }).der)
      const judge = judging(root, { mode })
      const material = { crls: [crl(later(NOW, 24 * HOUR))], ocsp: [] }
      expect(await judge.outcome(one, { material })).toBe('CERT_REVOKED')
      web.paths.set('/crl', { status: 503 })
      expect(await judge.outcome(one, { material })).toBe('CERT_REVOKED')
      expect(web.requests).toHaveLength(1)
    },
  )

  test('a dead host makes it undetermined and is named; it is left alone for a minute, then asked again', async () => {
    await using web = await pkiWeb({ '/crl': { status: 503 } })
    const one = leaf({ crlUrls: [web.urlAt('crl.ca.example', '/crl')] })
    const judge = judging(root)
    expect(await judge.outcome(one)).toBe('REVOCATION_UNKNOWN later')
    expect(await judge.texts(one)).toContain('crl.ca.example')
    expect(await judge.texts(one)).toContain('answers 503')
    expect(web.requests).toHaveLength(1)
    web.paths.set('/crl', crl(later(NOW, HOUR)))
    judge.clock.at = later(NOW, 2)
    expect(await judge.outcome(one)).toBe('good')
    expect(web.requests).toHaveLength(2)
  })

  test('something that is no CRL is no answer, and may pass', async () => {
    await using web = await pkiWeb({ '/crl': '<html>sorry</html>' })
    const one = leaf({ crlUrls: [web.url('/crl')] })
    expect(await judging(root).outcome(one)).toBe('REVOCATION_UNKNOWN later')
    expect(await judging(root).texts(one)).toContain('does not give what it should')
  })

  test('a kept one speaks 72 hours past its end while its host is dead, and no longer', async () => {
    await using web = await pkiWeb({ '/crl': crl(later(NOW, HOUR)) })
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const judge = judging(root)
    expect(await judge.outcome(one)).toBe('good')
    await web.stop()
    judge.clock.at = later(NOW, 72 * HOUR)
    const said = await judge.verify(one)
    expect(said.ok && said.path.revocation).toMatchObject([{ status: 'good', stale: true }])
    judge.clock.at = later(NOW, 74 * HOUR)
    expect(await judge.outcome(one)).toBe('REVOCATION_UNKNOWN later')
  })

  test('past its end it is not believed before the host was asked for a newer one', async () => {
    await using web = await pkiWeb({ '/crl': crl(later(NOW, HOUR)) })
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const judge = judging(root)
    await judge.outcome(one)
    judge.clock.at = later(NOW, 2 * HOUR)
    const revoked = [{ certificate: one }]
    const newer = { thisUpdate: later(NOW, HOUR), nextUpdate: later(NOW, 9 * HOUR) }
    web.paths.set('/crl', makeCrl({ issuer: root, revoked, ...newer }).der)
    expect(await judge.outcome(one)).toBe('CERT_REVOKED')
  })

  test('a forged one in the cache stands in nobody’s way for longer than a minute', async () => {
    const impostor = mint({ ca: true, key: 'root-b', subject: 'Test Root' })
    const dates = { thisUpdate: NOW, nextUpdate: '2050-01-01' }
    await using web = await pkiWeb({ '/crl': makeCrl({ issuer: root, signer: impostor, ...dates }).der })
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const judge = judging(root)
    expect(await judge.outcome(one)).not.toBe('good')
    web.paths.set('/crl', crl(later(NOW, HOUR)))
    judge.clock.at = later(NOW, 2)
    expect(await judge.outcome(one)).toBe('good')
    expect(await judge.outcome(one)).toBe('good')
    expect(web.requests).toHaveLength(2)
  })

  test('an older list that is played back displaces none that revokes', async () => {
    const one = leaf({ crlUrls: ['http://crl.ca.example/crl'] })
    const revoked = [{ certificate: one }]
    const answers = [
      makeCrl({ issuer: root, revoked, thisUpdate: NOW, nextUpdate: later(NOW, HOUR) }).der,
      makeCrl({ issuer: root, thisUpdate: later(NOW, -HOUR), nextUpdate: later(NOW, 99 * HOUR) }).der,
    ]
    const fetch: GuardedFetch = async () => ({ status: 'ok', body: answers.shift() ?? new Uint8Array() })
    const judge = judging(root, { fetch })
    expect(await judge.outcome(one)).toBe('CERT_REVOKED')
    judge.clock.at = later(NOW, 2 * HOUR)
    expect(await judge.outcome(one)).toBe('CERT_REVOKED')
    expect(answers).toEqual([])
  })

  test('what one judge kept in the cache another finds there, network or no network', async () => {
    await using web = await pkiWeb({ '/crl': crl(later(NOW, HOUR)) })
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const cache = memoryCache()
    expect(await judging(root, { cache }).outcome(one)).toBe('good')
    expect(await judging(root, { cache, fetch: null }).outcome(one)).toBe('good')
    expect(web.requests).toHaveLength(1)
  })
})

describe('CERT-7: OCSP', () => {
  const url = (web: { url: (path: string) => string }) => web.url('/ocsp')

  test('is asked with a nonce, and what it said is kept', async () => {
    await using web = await pkiWeb()
    const one = leaf({ ocspUrls: [url(web)] })
    const nonces: string[] = []
    web.paths.set('/ocsp', ({ body }) => {
      const nonce = nonceOf(body)
      nonces.push(Buffer.from(nonce ?? []).toString('hex'))
      return makeOcspResponse({ issuer: root, for: one, ...(nonce && { nonce }) })
    })
    const judge = judging(root)
    expect(await judge.outcome(one)).toBe('good')
    judge.clock.at = later(NOW, 5)
    expect(await judge.outcome(one)).toBe('good')
    expect(web.requests).toEqual(['POST /ocsp'])
    expect(nonces).toEqual(['07'.repeat(32)])
  })

  test('an answer to another’s question is none', async () => {
    await using web = await pkiWeb()
    const one = leaf({ ocspUrls: [url(web)] })
    web.paths.set('/ocsp', makeOcspResponse({ issuer: root, for: one, nonce: Buffer.alloc(32, 8) }))
    expect(await judging(root).outcome(one)).toContain('REVOCATION_UNKNOWN')
  })

  test('a responder that has no answer now may have one later', async () => {
    await using web = await pkiWeb()
    const one = leaf({ ocspUrls: [url(web)] })
    web.paths.set('/ocsp', makeOcspResponse({ issuer: root, for: one, responseStatus: 'tryLater' }))
    expect(await judging(root).outcome(one)).toBe('REVOCATION_UNKNOWN later')
    expect(await judging(root).texts(one)).toContain('tryLater')
  })

  test('where the responder is dead the CRL is asked', async () => {
    await using web = await pkiWeb({ '/crl': crl(later(NOW, HOUR)) })
    const one = leaf({ ocspUrls: [url(web)], crlUrls: [web.url('/crl')] })
    expect(await judging(root).outcome(one)).toBe('good')
    expect(web.requests).toEqual(['POST /ocsp', 'GET /crl'])
  })
})

describe('what is asked, and when not', () => {
  test('nothing where something final is wrong with the certificate itself', async () => {
    await using web = await pkiWeb()
    const urls = { crlUrls: [web.url('/crl')], caIssuersUrls: [web.url('/ca')], ocspUrls: [web.url('/ocsp')] }
    expect(await judging(root).outcome(leaf({ ...urls, to: '2026-02-01' }))).toContain('CERT_EXPIRED')
    expect(await judging(root).outcome(leaf({ ...urls, san: ['other.example'] }))).toContain('CERT_NOT_BOUND')
    expect(web.connections).toBe(0)
  })

  test('nothing about revocation with mode off; with prefer it is asked, and silence is let pass', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/crl')] })
    expect(await judging(root, { mode: 'off' }).outcome(one)).toBe('good')
    expect(web.connections).toBe(0)
    const said = await judging(root, { mode: 'prefer' }).verify(one)
    expect(said.ok && said.path.unchecked).toEqual(['revocation'])
    expect(web.requests).toHaveLength(1)
    web.paths.set('/crl', makeCrl({ issuer: root, revoked: [{ certificate: one }] }).der)
    expect(await judging(root, { mode: 'prefer' }).outcome(one)).toBe('CERT_REVOKED')
  })

  test('nobody where the network is forbidden, which is not final', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const judge = judging(root, { fetch: null })
    expect(await judge.outcome(one)).toBe('REVOCATION_UNKNOWN later')
    expect(await judge.texts(one)).toContain('the network is forbidden')
    expect(web.connections).toBe(0)
  })

  test('NET: a refused URL is final, and named', async () => {
    await using web = await pkiWeb()
    const fetch = createFetch({ lookup: async () => ['127.0.0.1'], allowPrivate: false })
    const judge = judging(root, { fetch })
    const one = leaf({ crlUrls: [web.urlAt('crl.ca.example', '/crl')] })
    expect(await judge.outcome(one)).toBe('URL_REFUSED')
    expect(await judge.texts(one)).toContain(web.urlAt('crl.ca.example', '/crl'))
    expect(web.connections).toBe(0)
  })
})

test('an address book does not storm a responder, and a dead one is asked by the first alone', async () => {
  let open = 0
  let most = 0
  let asked = 0
  const fetch: GuardedFetch = async ({ url }) => {
    asked++
    most = Math.max(most, ++open)
    await Promise.resolve()
    open--
    return { status: 'failed', why: 'it is dead', text: `${url} cannot be fetched now: it is dead` }
  }
  const judge = judging(root, { fetch })
  const book = Array.from({ length: 60 }, () => leaf({ ocspUrls: ['http://ocsp.ca.example/'] }))
  const outcomes = await Promise.all(book.map((one) => judge.outcome(one)))
  expect(new Set(outcomes)).toEqual(new Set(['REVOCATION_UNKNOWN later']))
  expect(most).toBe(16)
  expect(asked).toBe(16)
})

describe('how long', () => {
  test('when the time of one judgement is over, what has not come is not known', async () => {
    await using web = await pkiWeb({ '/crl': 'HANG' })
    const one = leaf({ crlUrls: [web.url('/crl')] })
    expect(await judging(root, { patienceMs: 100 }).outcome(one)).toBe('REVOCATION_UNKNOWN later')
  })

  test('who gives up gets ABORTED; another who waits for the same gets it', async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const fetch: GuardedFetch = async () => {
      ask()
      await released
      return { status: 'ok', body: crl(later(NOW, HOUR)) }
    }
    const judge = judging(root, { fetch })
    const one = leaf({ crlUrls: ['http://crl.ca.example/crl'] })
    const controller = new AbortController()
    const first = judge.outcome(one, { signal: controller.signal })
    const second = judge.outcome(one)
    await asked
    controller.abort()
    await expect(first).rejects.toMatchObject({ code: 'ABORTED' })
    release()
    expect(await second).toBe('good')
  })

  test('what nobody waits for any more is given up', async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<AbortSignal>()
    const fetch: GuardedFetch = async ({ signal, ...request }) => {
      ask(signal as AbortSignal)
      return openFetch({ ...request, signal: signal as AbortSignal })
    }
    await using web = await pkiWeb({ '/crl': 'HANG' })
    const controller = new AbortController()
    const pending = judging(root, { fetch }).outcome(leaf({ crlUrls: [web.url('/crl')] }), {
      signal: controller.signal,
    })
    const signal = await asked
    controller.abort()
    await expect(pending).rejects.toMatchObject({ code: 'ABORTED' })
    expect(signal.aborted).toBe(true)
  })

  test('a broken cache is told, not taken for a dead host', async () => {
    const cache = { ...memoryCache(), get: () => Promise.reject(new Error('disk on fire')) }
    const one = leaf({ crlUrls: ['http://crl.ca.example/crl'] })
    await expect(judging(root, { cache }).outcome(one)).rejects.toThrow('disk on fire')
  })
})

describe('what others name keeps nobody from what a CA says (CERT-7, NET)', () => {
  const issuing = mint({ issuer: root, ca: true, key: 'intermediate', subject: 'Issuing CA' })
  const elsewhere = mint({ ca: true, key: 'root-b', subject: 'Elsewhere' })
  /** The CA's own name and key, certified by nobody we know: anybody may make it, with what URLs he likes. */
  const cross = (caIssuersUrls: readonly string[]) => [
    mint({ issuer: elsewhere, ca: true, key: 'intermediate', subject: 'Issuing CA', caIssuersUrls })
      .certificate,
  ]
  async function revoked() {
    const web = await pkiWeb({ '/ca': issuing.certificate.der })
    const one = leaf({ issuer: issuing, caIssuersUrls: [web.url('/ca')], crlUrls: [web.url('/crl')] })
    web.paths.set('/crl', makeCrl({ issuer: issuing, revoked: [{ certificate: one }] }).der)
    return { web, one, judge: judging(root, { mode: 'prefer' }) }
  }

  test('URLs that use up the bound let nobody pass, in prefer either', async () => {
    const { web, one, judge } = await revoked()
    await using _web = web
    const urls = Array.from({ length: 23 }, (_, i) => web.url(`/${i}`))
    expect(await judge.outcome(one, { candidates: cross(urls) })).toBe('URL_REFUSED')
  })

  test('a CRL that somebody names as his issuer is a CRL all the same', async () => {
    const { web, one, judge } = await revoked()
    await using _web = web
    expect(await judge.outcome(one, { candidates: cross([web.url('/crl')]) })).toBe('CERT_REVOKED')
  })

  test('patience that is over lets nobody pass, in prefer either', async () => {
    const { web, one } = await revoked()
    await using _web = web
    web.paths.set('/crl', 'HANG')
    const judge = judging(root, { mode: 'prefer', patienceMs: 50, fetch: patient })
    expect(await judge.outcome(one, { candidates: [issuing.certificate] })).toBe('REVOCATION_UNKNOWN later')
  })

  test('a stranger who names a CA’s large CRL as his issuer keeps nobody from it', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/crl')] })
    const numbers = Array.from({ length: 3000 }, (_, i) => ({ serial: Buffer.from([1, i >> 8, i & 255]) }))
    web.paths.set('/crl', makeCrl({ issuer: root, revoked: numbers }).der)
    const judge = judging(root)
    const stranger = mint({ issuer: elsewhere, san: ['hisp.example'], caIssuersUrls: [web.url('/crl')] })
    expect(await judge.outcome(stranger)).toBe('URL_REFUSED')
    expect(await judge.outcome(one)).toBe('good')
  })
})

test('what another process was given a moment ago, and has ended at the time that is judged by, is asked for anew', async () => {
  await using web = await pkiWeb({ '/crl': crl(later(NOW, HOUR)) })
  const one = leaf({ crlUrls: [web.url('/crl')] })
  const cache = memoryCache()
  expect(await judging(root, { cache }).outcome(one)).toBe('good')
  const then = later(NOW, 100 * HOUR)
  web.paths.set('/crl', crl(later(then, HOUR)))
  expect(await judging(root, { cache }).outcome(one, { at: then })).toBe('good')
  expect(web.count('/crl')).toBe(2)
})
