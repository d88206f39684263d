import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Address, parseAddress } from '../../agent/address.ts'
import { discoverDeciding, type FollowUrl, type Place } from '../../dns/index.ts'
import { parseCertRecord } from '../../dns/resolver/index.ts'
import { type Literal, literalNetwork, literalZone } from './literal-zone.ts'
import { certRdata, derOf } from './scripted-server.ts'

const HERE = derOf(40, 1)
const THERE = derOf(40, 2)
const URL_A = 'http://d.example/lee.cer'
const IPKIX = 4

const ipkix = (...urls: readonly string[]) => urls.map((url) => certRdata(Buffer.from(url, 'latin1'), IPKIX))

/** What each URL gives; `followed` is what was asked for. */
function web(pages: Readonly<Record<string, Awaited<ReturnType<FollowUrl>>>>) {
  const followed: string[] = []
  const followUrl: FollowUrl = async (url) => {
    followed.push(url)
    return pages[url] ?? { status: 'refused', text: `${url} is refused: it is not a URL` }
  }
  return { followUrl, followed }
}

const gives = (...certificates: readonly Buffer[]) => ({ status: 'ok', certificates }) as const
const FAILED = { status: 'failed', text: `${URL_A} cannot be fetched now: away` } as const

async function places(
  zone: Readonly<Record<string, Literal>>,
  followUrl: FollowUrl | null,
  who = 'lee@d.example',
): Promise<readonly Place[]> {
  const network = { ...literalNetwork(literalZone(zone)), followUrl }
  return discoverDeciding(parseAddress(who) as Address, { configured: () => [], network })
}

async function atAddress(rdata: readonly Buffer[], followUrl: FollowUrl | null): Promise<Place> {
  return (await places({ 'lee.d.example': { rdata } }, followUrl))[1] as Place
}

test('an IPKIX record is read as its URL (RFC 4398 2.1)', () => {
  expect(parseCertRecord(certRdata(Buffer.from(URL_A), IPKIX))).toMatchObject({ kind: 'url', url: URL_A })
})

test('what no URL holds as it is comes out encoded, controls and bytes beyond ASCII', () => {
  const rdata = certRdata(Buffer.from('http://d.example/\r\n\x1b[31m\xe9 x', 'latin1'), IPKIX)
  expect(parseCertRecord(rdata)).toMatchObject({ url: 'http://d.example/%0D%0A%1B[31m%E9%20x' })
})

test('any URL comes back as it was published, any other bytes as text that can be shown', () => {
  const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(
      fc.oneof(
        fc.webUrl().map((url) => Buffer.from(url)),
        anyBytes,
      ),
      (content) => {
        const record = parseCertRecord(certRdata(content, IPKIX))
        const url = record.kind === 'url' ? record.url : null
        expect(url).toMatch(/^[\x21-\x7e]*$/)
        if (/^[\x21-\x7e]*$/.test(content.toString('latin1'))) expect(url).toBe(content.toString('latin1'))
      },
    ),
  )
})

describe('URLs that are followed (DISC-3)', () => {
  test('what a URL gives is published there, beside the certificates in the place itself', async () => {
    const { followUrl, followed } = web({ [URL_A]: gives(THERE, HERE) })
    const place = await atAddress([certRdata(HERE), ...ipkix(URL_A)], followUrl)
    expect(place).toMatchObject({ status: 'found', certificates: [HERE, THERE], unread: [] })
    expect(followed).toEqual([URL_A])
    expect(place.questions).toEqual([
      { name: 'lee.d.example', type: 'CERT', answer: '2 CERT from 192.0.2.1:53' },
      { name: URL_A, type: 'URL', answer: '2 certificates' },
    ])
  })

  test('one that cannot be fetched now was published: it is unread, and the search stops', async () => {
    const { followUrl } = web({ [URL_A]: FAILED })
    const all = await places({ 'lee.d.example': { rdata: ipkix(URL_A) }, 'd.example': [HERE] }, followUrl)
    expect(all[1]).toMatchObject({
      status: 'found',
      certificates: [],
      unread: [{ url: URL_A, ...FAILED }],
      ttl: 60,
    })
    expect(all[2]).toMatchObject({ status: 'not-asked' })
    expect(all[1]?.questions[1]).toEqual({ name: URL_A, type: 'URL', answer: FAILED.text })
  })

  test('one that NET refuses is unread for good', async () => {
    const place = await atAddress(ipkix('ldap://d.example/x'), web({}).followUrl)
    expect(place).toMatchObject({ status: 'found', unread: [{ status: 'refused' }] })
  })

  test('what is no URL at all was published too, and is refused', async () => {
    const place = await atAddress(ipkix(''), web({}).followUrl)
    expect(place).toMatchObject({ status: 'found', certificates: [], unread: [{ status: 'refused' }] })
  })

  test('four of one place are fetched, each once; the others are refused', async () => {
    const urls = Array.from({ length: 9 }, (_, i) => `http://d.example/${i}`)
    const { followUrl, followed } = web(Object.fromEntries(urls.map((url) => [url, gives(THERE)])))
    const place = await atAddress(ipkix(...urls, ...urls), followUrl)
    expect(followed).toEqual(urls.slice(0, 4))
    expect(place.certificates).toEqual([THERE])
    expect(place.unread.map(({ url, status }) => `${status} ${url}`)).toEqual(
      urls.slice(4).map((url) => `refused ${url}`),
    )
  })

  test('what they gave is used again for an hour at most, as nobody says how long it lasts', async () => {
    const rdata = ipkix(URL_A)
    const resolver = literalZone({ 'lee.d.example': { rdata } })
    const slow = {
      resolve: async (...asked: Parameters<typeof resolver.resolve>) => {
        const answer = await resolver.resolve(...asked)
        return answer.status === 'found' ? { ...answer, ttl: 86_400 } : answer
      },
    }
    const network = { ...literalNetwork(slow), followUrl: web({ [URL_A]: gives(THERE) }).followUrl }
    const sources = { configured: () => [], network }
    const found = await discoverDeciding(parseAddress('lee@d.example') as Address, sources)
    expect(found[1]).toMatchObject({ status: 'found', ttl: 3600 })
  })

  test('a URL that fills the message is shown in part', async () => {
    const place = await atAddress(ipkix(`http://d.example/${'x'.repeat(60_000)}`), web({}).followUrl)
    expect(place.unread[0]?.url).toHaveLength(201)
    expect(place.questions[1]?.name).toHaveLength(201)
  })

  test('those of a cert server are followed as well (DISC-9)', async () => {
    const resolver = literalZone({ 'd.example': { rdata: ipkix(URL_A) } })
    const network = {
      ...literalNetwork(literalZone({})),
      followUrl: web({ [URL_A]: gives(THERE) }).followUrl,
      ldap: {
        search: async () => ({ status: 'empty' as const, certificates: [], notes: [], questions: [] }),
      },
      certServer: () => ({ kind: 'dns' as const, server: '192.0.2.9:53', resolver }),
    }
    const all = await discoverDeciding(parseAddress('lee@d.example') as Address, {
      configured: () => [],
      network,
    })
    expect(all.at(-1)).toMatchObject({ place: 'cert-server', status: 'found', certificates: [THERE] })
  })
})

test('URLs that are not followed publish nothing, and the search goes on (DISC-4)', async () => {
  const all = await places({ 'lee.d.example': { rdata: ipkix(URL_A) }, 'd.example': [HERE] }, null)
  expect(all[1]).toMatchObject({ status: 'absent', unread: [] })
  expect(all[1]?.notes.join()).toContain('URL is not followed')
  expect(all[2]).toMatchObject({ status: 'found' })
})
