import { describe, expect, test } from 'vitest'
import { type Address, parseAddress } from '../../agent/address.ts'
import { type Answer, type DiscoveryNetwork, discoverDeciding, type Place } from '../../dns/index.ts'
import { SEARCH_MS } from '../../dns/places/deadline.ts'
import { type Literal, literalNetwork, literalZone } from './literal-zone.ts'
import { certRdata, derOf } from './scripted-server.ts'

const ONE = derOf(40, 1)
const SRV = '_ldap._tcp.d.example'
const LATE = 'no answer within the 60 s that one address is looked for'

/** A world whose time is over when `expire` is called. `hanging`: questions that nobody ever answers. */
function world(
  zone: Readonly<Record<string, Literal>>,
  { hanging = [], ...more }: Partial<DiscoveryNetwork> & { readonly hanging?: readonly string[] } = {},
) {
  const over = Promise.withResolvers<void>()
  const asked: string[] = []
  const given: AbortSignal[] = []
  const hang = Promise.withResolvers<void>()
  const ask = async <T>(
    question: string,
    signal: AbortSignal | undefined,
    answer: () => T | Promise<T>,
  ): Promise<T> => {
    asked.push(question)
    if (signal) given.push(signal)
    if (!hanging.includes(question)) return answer()
    hang.resolve()
    return new Promise(() => undefined)
  }
  const literal = literalZone(zone)
  const network: DiscoveryNetwork = {
    ...literalNetwork(literal),
    resolver: {
      resolve: (name, type, options) =>
        ask(`${type} ${name}`, options?.signal, () => literal.resolve(name, type)),
    },
    reach: (host, signal) =>
      ask(`reach ${host}`, signal, () =>
        host.startsWith('ldap') || host.startsWith('certdns')
          ? { status: 'ok' as const, addresses: ['198.51.100.7'] }
          : { status: 'absent' as const, text: `${host} has no address` },
      ),
    ldap: {
      search: ({ host }, { mail }, options) =>
        ask(`LDAP ${host} ${mail}`, options?.signal, () => ({
          status: 'empty' as const,
          certificates: [],
          notes: [],
          questions: [],
        })),
    },
    askHost: ({ name }) => ({
      resolve: (owner, type, options) =>
        ask(`${name} ${type} ${owner}`, options?.signal, () => literalZone({}).resolve(owner, type)),
    }),
    patience: (ms, about, expire) => {
      asked.push(`${about} for ${ms} ms`)
      void over.promise.then(expire)
      return () => asked.push('ended')
    },
    ...more,
  }
  const address = parseAddress('lee+x@d.example') as Address
  const search = (signal?: AbortSignal) =>
    discoverDeciding(address, { configured: () => [], network }, signal)
  return { asked, given, search, hangs: hang.promise, expire: over.resolve }
}

const TWO_DIRECTORIES = { [SRV]: { srv: [{ target: 'ldap1.example' }, { target: 'ldap2.example' }] } }

const placeOf = (places: readonly Place[], name: Place['place']) =>
  places.find(({ place }) => place === name) as Place

/** Where a search hangs, and the place that is not known for it. */
const HANGS: readonly [string, Place['place'], Partial<DiscoveryNetwork>?][] = [
  ['CERT lee+x.d.example', 'dns-address'],
  ['CERT lee.d.example', 'dns-address'],
  ['CERT d.example', 'dns-domain'],
  [`SRV ${SRV}`, 'ldap-address'],
  ['reach ldap1.example', 'ldap-address'],
  ['LDAP ldap1.example lee+x@d.example', 'ldap-address'],
  ['LDAP ldap1.example d.example', 'ldap-domain'],
  ['reach certdns.d.example', 'cert-server'],
  ['certdns.d.example CERT lee+x.d.example', 'cert-server'],
  ['certdns.d.example CERT d.example', 'cert-server'],
]

describe('one address is looked for so long, and no longer (DISC-6, DISC-7)', () => {
  test.each(HANGS)('%s hangs: %s has failed when the time is over', async (question, name) => {
    const { asked, given, search, hangs, expire } = world(TWO_DIRECTORIES, { hanging: [question] })
    const searching = search()
    await hangs
    expire()
    const places = await searching
    const place = placeOf(places, name)
    expect(place).toMatchObject({ status: 'failed', ttl: 0, certificates: [] })
    expect(place.refusedBy).toBeUndefined()
    expect(place.notes.join()).toContain(LATE)
    expect(places.slice(places.indexOf(place) + 1).every(({ status }) => status === 'not-asked')).toBe(true)
    expect(asked).toContain(`search lee+x@d.example for ${SEARCH_MS} ms`)
    expect(asked.slice(-2)).toEqual([question, 'ended'])
    expect(given.at(-1)?.aborted).toBe(true)
  })

  test('the question that nobody answered stands in the evidence', async () => {
    const { search, hangs, expire } = world(TWO_DIRECTORIES, {
      hanging: ['LDAP ldap1.example lee+x@d.example'],
    })
    const searching = search()
    await hangs
    expire()
    const { questions, notes } = placeOf(await searching, 'ldap-address')
    expect(questions.at(-1)).toEqual({ name: 'ldap://ldap1.example:389', type: 'LDAP', answer: LATE })
    expect(notes).toEqual([`ldap1.example:389: ${LATE}`, `ldap2.example:389: ${LATE}`])
  })

  test('a directory that is empty makes no absence of one that had no time left: the next place fails', async () => {
    const hanging = ['LDAP ldap2.example lee@d.example']
    const { asked, search, hangs, expire } = world(TWO_DIRECTORIES, { hanging })
    const searching = search()
    await hangs
    expire()
    expect(placeOf(await searching, 'ldap-domain')).toMatchObject({ status: 'failed' })
    expect(asked.slice(-2)).toEqual([hanging[0], 'ended'])
  })

  test('a URL that hangs leaves it open, and a cert server of the configuration is not known', async () => {
    const rdata = [certRdata(Buffer.from('http://d.example/lee.cer'), 4)]
    const url = world({ 'lee.d.example': { rdata } }, { followUrl: () => new Promise(() => undefined) })
    const searching = url.search()
    while (!url.asked.includes('CERT lee.d.example')) await new Promise(setImmediate)
    await new Promise(setImmediate)
    url.expire()
    expect(placeOf(await searching, 'dns-address')).toMatchObject({
      status: 'found',
      unread: [{ status: 'failed', text: LATE }],
    })
    const silent = { resolve: () => new Promise<Answer>(() => undefined) }
    const configured = world(
      {},
      { certServer: () => ({ kind: 'dns', server: '127.0.0.1:9', resolver: silent }) },
    )
    const asking = configured.search()
    while (!configured.asked.includes(`SRV ${SRV}`)) await new Promise(setImmediate)
    await new Promise(setImmediate)
    configured.expire()
    expect(placeOf(await asking, 'cert-server')).toMatchObject({ status: 'failed', owner: '127.0.0.1:9' })
  })

  test('what was found in time counts', async () => {
    const { search, expire } = world({ 'lee.d.example': [ONE] })
    const places = await search()
    expire()
    expect(placeOf(places, 'dns-address')).toMatchObject({ status: 'found', certificates: [ONE] })
  })

  test("the caller's signal ends the search as ever: nothing has failed then", async () => {
    const controller = new AbortController()
    const resolver = {
      resolve: (_name: string, _type: string, { signal }: { signal?: AbortSignal | undefined } = {}) =>
        new Promise<Answer>((_, reject) => {
          signal?.addEventListener('abort', () => reject(new Error('given up')))
          controller.abort()
        }),
    }
    await expect(world({}, { resolver }).search(controller.signal)).rejects.toThrow('given up')
  })
})
