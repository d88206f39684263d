import { describe, expect, test } from 'vitest'
import { settingsOf } from '../../agent/config/load.ts'
import { createAskHost, createCertServers, createDnsReach } from '../../agent/neighbours/places.ts'
import type { Answer, Resolver } from '../../dns/index.ts'
import { createAnswerCache } from '../../dns/resolver/index.ts'
import { answerTo, certRdata, certRecord, derOf, scriptedServer } from '../dns/scripted-server.ts'

const noLookup = async (host: string): Promise<readonly string[]> => {
  throw new Error(`${host} was looked up`)
}

function settings(certServers: Readonly<Record<string, string>>) {
  return settingsOf({ certServers }, { origin: 'the test', dir: '/', env: {} })
}

describe('a resolver for each cert server (DISC-9)', () => {
  test('is made once, so that a question under way is put once, and a known answer not again (DISC-11)', async () => {
    await using server = await scriptedServer({
      udp: (a) => a.send(answerTo(a, { answers: [certRecord(a.question.name, certRdata(derOf(60)))] })),
    })
    const url = `dns://${server.host}:${server.port}`
    const certServer = createCertServers(
      settings({ 'one.example': url, 'two.example': url }),
      noLookup,
      createAnswerCache(),
    )
    const ask = async (domain: string) => {
      const found = certServer(domain)
      if (found?.kind !== 'dns') throw new Error('no cert server')
      return found.resolver.resolve('lee.d.example', 'CERT')
    }
    const together = await Promise.all([ask('one.example'), ask('one.example'), ask('two.example')])
    expect(together.map(({ status }) => status)).toEqual(['found', 'found', 'found'])
    expect(await ask('two.example')).toMatchObject({ status: 'found', kept: true })
    expect(server.log).toHaveLength(1)
  })

  test('is one for all names of the same host', () => {
    const askHost = createAskHost(settings({}), createAnswerCache())
    const one = askHost({ name: 'certdns.one.example', addresses: ['192.0.2.1', '192.0.2.2'] })
    expect(askHost({ name: 'certdns.two.example', addresses: ['192.0.2.1', '192.0.2.2'] })).toBe(one)
    expect(askHost({ name: 'certdns.one.example', addresses: ['192.0.2.1'] })).not.toBe(one)
  })
})

describe('which addresses of a host that DNS names may be dialled (NET)', () => {
  const SERVER = '192.0.2.1:53'
  const is = (data: string): Answer => ({
    status: 'found',
    records: [{ name: 'h.example', type: 'A', ttl: 60, data }],
    ttl: 60,
    server: SERVER,
  })
  const NONE: Answer = { status: 'absent', kind: 'NODATA', ttl: 60, server: SERVER }
  const FAILED: Answer = { status: 'failed', tries: [{ server: SERVER, code: 'SERVFAIL', text: 'SERVFAIL' }] }
  const reach = (a: Answer, aaaa: Answer) => {
    const resolver: Resolver = { resolve: async (_, type) => (type === 'A' ? a : aaaa) }
    return createDnsReach(resolver, false)('h.example')
  }

  test.each<[string, Answer, Answer, string]>([
    ['a private one, and no other', is('10.0.0.5'), NONE, 'refused'],
    ['a private one, and whether there are others is not known', is('10.0.0.5'), FAILED, 'failed'],
    ['a private one of IPv6, and whether there are others is not known', FAILED, is('fd00::1'), 'failed'],
    ['a public one, and whether there are others is not known', is('1.1.1.1'), FAILED, 'ok'],
    ['none', NONE, NONE, 'absent'],
  ])('%s', async (_, a, aaaa, status) => {
    expect(await reach(a, aaaa)).toMatchObject({ status })
  })

  test('the questions that told are evidence, A before AAAA', async () => {
    expect((await reach(is('1.1.1.1'), FAILED)).questions).toEqual([
      { name: 'h.example', type: 'A', answer: `1.1.1.1 from ${SERVER}` },
      { name: 'h.example', type: 'AAAA', answer: `SERVFAIL at ${SERVER}` },
    ])
  })
})
