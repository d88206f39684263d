/** What name servers do on the wire, as far as the answer for an address: DISC-3, DISC-6, DISC-11. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Agent, createAgent } from '../../agent/index.ts'
import type { SmtpClient } from '../../mailbox/index.ts'
import {
  type Asked,
  alias,
  answerTo,
  CODE,
  certRdata,
  certRecord,
  FLAG,
  type ScriptedServer,
  scriptedServer,
  soaRecord,
} from '../dns/scripted-server.ts'
import { clinicConfig, der, temporaryFolder } from './clinics.ts'

const LEE = 'dr.lee@clinic-b.example'
const AT_ADDRESS = 'dr.lee.clinic-b.example'
const CERTIFICATE = der('clinic-b.pem')
const IPKIX = 4

type Script = (asked: Asked) => void

/** Clinic A, with this name server alone, and a partner whose TLS holds whenever it is asked for. */
async function agentBehind(server: ScriptedServer, config: object = {}, timeoutMs = 5000) {
  const proved: string[] = []
  const smtp: SmtpClient = {
    async submit() {
      throw new Error('nothing was to be sent')
    },
    async proveTls({ host }) {
      proved.push(host)
      return { proved: true, protocol: 'TLSv1.3', subject: host, validTo: new Date('2056-01-01') }
    },
  }
  const agent = await createAgent(
    {
      ...clinicConfig('a', await temporaryFolder()),
      dns: { servers: [`${server.host}:${server.port}`], timeoutMs },
      revocation: 'off',
      tlsDomains: [{ domain: 'clinic-b.example', server: 'smtp://mx.clinic-b.example:25' }],
      ...config,
    },
    { smtp },
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return { agent, proved }
}

async function routeOf(agent: Agent) {
  const [recipient] = await agent.classify([LEE])
  if (recipient === undefined) throw new Error('classify gave no answer')
  return recipient
}

const published = (asked: Asked) =>
  answerTo(asked, { answers: [certRecord(asked.question.name, certRdata(CERTIFICATE))] })
const absent = (asked: Asked) =>
  answerTo(asked, { flags: FLAG.AA | CODE.NXDOMAIN, authorities: [soaRecord('example', 300, 120)] })

describe('a broken answer at the address is undetermined: no place behind it, no other route (DISC-6)', () => {
  const truncated: Script = (asked) => asked.send(answerTo(asked, { flags: FLAG.AA | FLAG.TC }))
  test.each<[string, { udp: Script; tcp?: Script }, number?]>([
    ['SERVFAIL', { udp: (a) => a.send(answerTo(a, { flags: CODE.SERVFAIL })) }],
    ['a CNAME loop', { udp: (a) => a.send(answerTo(a, { answers: [alias(AT_ADDRESS, AT_ADDRESS)] })) }],
    ['TC and then a refused TCP', { udp: truncated }],
    ['TC over TCP', { udp: truncated, tcp: truncated }],
    ['FORMERR to plain as well', { udp: (a) => a.send(answerTo(a, { flags: CODE.FORMERR })) }],
    ['half an answer', { udp: (a) => a.send(published(a).subarray(0, 90)) }],
    [
      'an absence with the wrong id',
      { udp: (a) => a.send(answerTo(a, { id: a.id ^ 1, flags: CODE.NXDOMAIN })) },
      200,
    ],
  ])('%s', async (_, script, timeoutMs) => {
    const whole = (asked: Asked) => asked.send(published(asked))
    const onlyAtAddress =
      (one: Script): Script =>
      (asked) =>
        asked.question.name === AT_ADDRESS ? one(asked) : whole(asked)
    await using server = await scriptedServer({
      udp: onlyAtAddress(script.udp),
      ...(script.tcp && { tcp: onlyAtAddress(script.tcp) }),
    })
    const { agent, proved } = await agentBehind(server, {}, timeoutMs)
    const { route, directCapable, why } = await routeOf(agent)
    expect({ route, directCapable }).toEqual({ route: 'undetermined', directCapable: null })
    expect(why).toMatchObject([{ code: 'LOOKUP_FAILED', temporary: true }])
    expect(new Set(server.asked.map(({ question }) => question.name))).toEqual(new Set([AT_ADDRESS]))
    expect(proved).toEqual([])
  })
})

describe('what is known from before is not asked again (DISC-11)', () => {
  test('found and absent alike: the second question of a person puts none to a server', async () => {
    await using server = await scriptedServer({
      udp: (a) => a.send(a.question.name === AT_ADDRESS ? absent(a) : published(a)),
    })
    const { agent } = await agentBehind(server)
    expect(await routeOf(agent)).toMatchObject({ route: 'direct' })
    const first = [...server.log]
    expect(first).toEqual([`udp CERT ${AT_ADDRESS} +edns`, 'udp CERT clinic-b.example +edns'])
    const again = await routeOf(agent)
    expect(again).toMatchObject({ route: 'direct' })
    expect(server.log).toEqual(first)
    expect(JSON.stringify(again.evidence)).toContain('known from before')
  })

  test('what failed is asked again at once, and may be found then', async () => {
    let isDown = true
    await using server = await scriptedServer({
      udp: (a) => a.send(isDown ? answerTo(a, { flags: CODE.SERVFAIL }) : published(a)),
    })
    const { agent } = await agentBehind(server)
    expect(await routeOf(agent)).toMatchObject({ route: 'undetermined' })
    isDown = false
    expect(await routeOf(agent)).toMatchObject({ route: 'direct' })
  })
})

describe('a certificate that is published as a URL (DISC-3, NET)', () => {
  /** A name server with an IPKIX record at the address, the web server that it names, and what was asked of that. */
  async function published() {
    const asked: string[] = []
    const web = createServer(({ url = '' }, response) => {
      asked.push(url)
      response.end(CERTIFICATE)
    }).listen(0, '127.0.0.1')
    await once(web, 'listening')
    onTestFinished(() => void web.close())
    const url = `http://www.clinic-b.example:${(web.address() as AddressInfo).port}/lee.cer`
    const server = await scriptedServer({
      udp: (a) => {
        const { name, type } = a.question
        if (name === AT_ADDRESS)
          a.send(answerTo(a, { answers: [certRecord(name, certRdata(Buffer.from(url), IPKIX))] }))
        else if (type === 'A') a.send(answerTo(a, { answers: [{ type, name, ttl: 60, data: '127.0.0.1' }] }))
        else a.send(absent(a))
      },
    })
    onTestFinished(() => server[Symbol.asyncDispose]())
    const dns = { servers: [`${server.host}:${server.port}`] }
    return { server, dns, asked, url }
  }

  test('is fetched when that is wanted, and its question is told', async () => {
    const { server, dns, asked, url } = await published()
    const network = { allowPrivate: true }
    const { agent } = await agentBehind(server, { dns: { ...dns, followUrls: true }, network })
    const { route, evidence } = await routeOf(agent)
    expect(route).toBe('direct')
    expect(evidence[1]?.questions).toContainEqual({ name: url, type: 'URL', answer: '1 certificate' })
    await routeOf(agent)
    expect(asked).toEqual(['/lee.cer'])
  })

  test('into a private network is refused for good, and nobody there hears of it', async () => {
    const { server, dns, asked } = await published()
    const { agent } = await agentBehind(server, { dns: { ...dns, followUrls: true }, tlsDomains: [] })
    expect(await routeOf(agent)).toMatchObject({ route: 'insecure', why: [{ code: 'URL_REFUSED' }] })
    expect(asked).toEqual([])
  })

  test('publishes nothing while URLs are not followed: the search goes on (DISC-4)', async () => {
    const { server, asked } = await published()
    const { agent } = await agentBehind(server, { tlsDomains: [] })
    expect(await routeOf(agent)).toMatchObject({ route: 'insecure', why: [{ code: 'NO_CERTIFICATE' }] })
    expect(server.log).toContain('udp CERT clinic-b.example +edns')
    expect(asked).toEqual([])
  })
})
