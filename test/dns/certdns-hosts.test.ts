import { describe, expect, test } from 'vitest'
import { parseAddress } from '../../agent/address.ts'
import type { Answer, DiscoveryNetwork, Place, Reached } from '../../dns/index.ts'
import { askCertServer } from '../../dns/places/cert-server.ts'
import { createCertdnsHosts } from '../../dns/resolver/index.ts'
import { literalNetwork, literalZone } from './literal-zone.ts'
import { derOf } from './scripted-server.ts'

const ONE = derOf(40, 1)
const HERE: Reached = { status: 'ok', addresses: ['198.51.100.7'] }
const SILENT: Answer = {
  status: 'failed',
  tries: [{ server: '198.51.100.7:53', code: 'TIMEOUT', text: 'no answer within 3000 ms (UDP)' }],
}

/** A domain whose `certdns` is at 198.51.100.7. `says`: what it answers when it is let go. `at`: milliseconds. */
function world({ wildcard = HERE as Reached | null, says = SILENT as Answer | 'zone', at = { ms: 0 } }) {
  const asked: string[] = []
  const given: AbortSignal[] = []
  let letGo = Promise.withResolvers<void>()
  const zone = literalZone({ 'd.example': [ONE] })
  const network: DiscoveryNetwork = {
    ...literalNetwork(literalZone({})),
    certdns: createCertdnsHosts(() => at.ms),
    async reach(host) {
      const kind = host.startsWith('certdns.') ? 'certdns' : 'any other'
      asked.push(`reach ${kind}`)
      if (kind === 'certdns') return HERE
      return wildcard ?? { status: 'absent', text: `${host} has no address` }
    },
    askHost: () => ({
      async resolve(owner, type, { signal } = {}) {
        asked.push(owner)
        if (signal) given.push(signal)
        await letGo.promise
        return says === 'zone' ? zone.resolve(owner, type) : says
      },
    }),
  }
  const ask = (text: string, signal?: AbortSignal): Promise<Place> => {
    const address = parseAddress(text)
    if ('code' in address) throw new Error(address.text)
    return askCertServer(address, network, signal)
  }
  return {
    asked,
    given,
    ask,
    release: () => letGo.resolve(),
    block: () => {
      letGo = Promise.withResolvers()
    },
  }
}

const people = Array.from({ length: 50 }, (_, i) => `u${i}@d.example`)

describe('a host under a wildcard that is silent (DISC-9)', () => {
  test('is waited for once by fifty addresses of its domain that are asked about at once', async () => {
    const { ask, asked, release } = world({})
    const asking = people.map((address) => ask(address))
    release()
    const places = await Promise.all(asking)
    expect(new Set(places.map(({ status }) => status))).toEqual(new Set(['absent']))
    expect(asked).toEqual(['reach certdns', 'u0.d.example', 'reach any other'])
  })

  test('is known to be no cert server for 300 s, in all its domain and in no other', async () => {
    const at = { ms: 0 }
    const { ask, asked, release } = world({ at })
    release()
    await ask('lee@d.example')
    asked.length = 0
    at.ms = 299_000
    const later = await ask('kim@d.example')
    expect(later).toMatchObject({ status: 'absent', ttl: 1, questions: [] })
    expect(later.notes).toEqual([expect.stringMatching(/^certdns\.d\.example has an address only as every/)])
    expect(asked).toEqual([])
    await ask('kim@other.example')
    expect(asked).toContain('kim.other.example')
    asked.length = 0
    at.ms = 300_000
    await ask('kim@d.example')
    expect(asked).toEqual(['reach certdns', 'kim.d.example', 'reach any other'])
  })

  test('is no evidence of whoever was asked about first: the others are told of the silence alone', async () => {
    const { ask, release } = world({})
    const asking = [ask('lee@d.example'), ask('kim@d.example')]
    release()
    const [lee, kim] = await Promise.all(asking)
    expect(lee?.questions).toMatchObject([{ name: 'lee.d.example', type: 'CERT' }])
    expect(kim?.questions).toEqual([])
    expect(kim?.notes.at(-1)).toBe('198.51.100.7:53: TIMEOUT, no answer within 3000 ms (UDP)')
  })

  test('whose addresses NET forbids is remembered as none too', async () => {
    const refused: Reached = { status: 'refused', text: 'it is at 10.0.0.5' }
    const asked: string[] = []
    const network: DiscoveryNetwork = {
      ...literalNetwork(literalZone({})),
      async reach(host) {
        asked.push(host)
        return refused
      },
    }
    const address = parseAddress('lee@d.example')
    if ('code' in address) throw new Error(address.text)
    for (let i = 0; i < 3; i++)
      expect(await askCertServer(address, network, undefined)).toMatchObject({ status: 'absent' })
    expect(asked).toHaveLength(2)
  })
})

describe('a host that is silent, and no wildcard (DISC-6)', () => {
  test('is waited for once by all who ask at once, and by the next again: silence is not remembered', async () => {
    const { ask, asked, release } = world({ wildcard: null })
    const asking = people.map((address) => ask(address))
    release()
    const places = await Promise.all(asking)
    expect(new Set(places.map(({ status, ttl }) => `${status} ${ttl}`))).toEqual(new Set(['failed 0']))
    expect(asked).toEqual(['reach certdns', 'u0.d.example', 'reach any other'])
    expect(await ask('u1@d.example')).toMatchObject({ status: 'failed' })
    expect(asked.slice(3)).toEqual(['reach certdns', 'u1.d.example', 'reach any other'])
  })

  test('one who gives up frees itself alone; when all have, nobody is asked any longer', async () => {
    const { ask, given, release } = world({ wildcard: null })
    const [first, second] = [new AbortController(), new AbortController()]
    const lee = ask('lee@d.example', first.signal)
    const kim = ask('kim@d.example', second.signal)
    await new Promise(setImmediate)
    first.abort()
    await expect(lee).rejects.toMatchObject({ code: 'ABORTED' })
    expect(given[0]?.aborted).toBe(false)
    second.abort()
    await expect(kim).rejects.toMatchObject({ code: 'ABORTED' })
    expect(given[0]?.aborted).toBe(true)
    release()
  })
})

describe('a host that answers (DISC-9)', () => {
  test('is asked for each address, address before domain, and for nothing twice by those who ask at once', async () => {
    const { ask, asked, release } = world({ says: 'zone' })
    const asking = [ask('lee@d.example'), ask('kim@d.example')]
    release()
    const places = await Promise.all(asking)
    for (const place of places) expect(place).toMatchObject({ status: 'found', certificates: [ONE] })
    expect(places.map(({ questions }) => questions.map(({ name }) => name))).toEqual([
      ['lee.d.example', 'd.example'],
      ['kim.d.example', 'd.example'],
    ])
    expect(asked.filter((one) => one === 'lee.d.example')).toHaveLength(1)
    expect(asked.filter((one) => one === 'reach certdns')).toHaveLength(1)
  })
})
