/** Address books: many addresses in their order, and what changed about them from night to night. */
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  type Agent,
  type AgentOptions,
  type Answer,
  type Change,
  createAgent,
  type Recipient,
  type Resolver,
} from '../../agent/index.ts'
import { createAnswerCache } from '../../dns/resolver/index.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { type Literal, literalZone } from '../dns/literal-zone.ts'
import { all, clinicConfig, fingerprint, issuer, pki, temporaryFolder } from './clinics.ts'

const LEE = 'dr.lee@hisp.example'
const LEE_OWNER = 'dr.lee.hisp.example'
const DAY = 86_400_000

function certificate(name: string, options: MintOptions = {}): Buffer {
  const { certificate } = mint({ issuer: issuer('root-a'), key: 'dr-lee', san: [name], ...options })
  return Buffer.from(certificate.der)
}

async function clinic(
  parts: AgentOptions,
  config: Record<string, unknown> = {},
  dir?: string,
): Promise<Agent> {
  const agent = await createAgent(
    { ...clinicConfig('a', dir ?? (await temporaryFolder())), ...config },
    parts,
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return agent
}

/** A resolver whose answers wait until the test lets them go. */
function waitingFor(zone: Resolver, isWaiting: (name: string) => boolean) {
  const held: (() => void)[] = []
  const resolver: Resolver = {
    resolve(name, type, options) {
      if (!isWaiting(name)) return zone.resolve(name, type, options)
      const { promise, resolve, reject } = Promise.withResolvers<Answer>()
      options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true })
      held.push(() => resolve(zone.resolve(name, type, options)))
      return promise
    },
  }
  const letGo = () => {
    for (const go of held.splice(0)) go()
  }
  return { resolver, held, letGo }
}

describe('classifyEach', () => {
  test('three thousand addresses are answered one for one, in their order, each asked about once', async () => {
    const domains = Array.from({ length: 100 }, (_, i) => `d${i}.example`)
    const zone = literalZone(
      Object.fromEntries(domains.slice(0, 50).map((domain) => [domain, [certificate(domain)]])),
    )
    const agent = await clinic({ resolver: createAnswerCache().around('zone', zone) })
    const book = Array.from({ length: 3000 }, (_, i) => `user${i % 2000}@${domains[i % 100]}`)
    const answers = await all(agent.classifyEach(book))
    expect(answers.map(({ address }) => address)).toEqual(book)
    for (const [i, { route }] of answers.entries()) expect(route).toBe(i % 100 < 50 ? 'direct' : 'insecure')
    expect(zone.asked.filter((question) => question === 'CERT user7.d7.example')).toHaveLength(1)
    const atAddresses = zone.asked.filter((question) => question.startsWith('CERT user'))
    expect(atAddresses).toHaveLength(2000)
    expect(zone.asked).toHaveLength(new Set(zone.asked).size)
  })

  test('an address that comes again soon is asked about once, though nothing be kept', async () => {
    const zone = literalZone({ [LEE_OWNER]: [certificate(LEE)] })
    const agent = await clinic({ resolver: zone })
    const answers = await all(agent.classifyEach(Array.from({ length: 300 }, () => LEE)))
    expect(answers.map(({ route }) => route)).toEqual(Array.from({ length: 300 }, () => 'direct'))
    expect(zone.asked).toEqual([`CERT ${LEE_OWNER}`])
  })

  test('an answer does not wait for the end of a book that comes slowly', async () => {
    const agent = await clinic({ resolver: literalZone({ [LEE_OWNER]: [certificate(LEE)] }) })
    const { promise, resolve } = Promise.withResolvers<string>()
    async function* typed() {
      yield LEE
      yield await promise
    }
    const answers = agent.classifyEach(typed())[Symbol.asyncIterator]()
    expect(await answers.next()).toMatchObject({ value: { address: LEE, route: 'direct' } })
    resolve('not an address')
    expect(await answers.next()).toMatchObject({ value: { why: [{ code: 'ADDRESS_INVALID' }] } })
    expect(await answers.next()).toEqual({ done: true, value: undefined })
  })

  test('the book is read no more than a thousand addresses ahead of its answers', async () => {
    const { resolver, letGo, held } = waitingFor(literalZone({}), (name) => name === 'first.slow.example')
    const agent = await clinic({ resolver })
    let read = 0
    function* book() {
      yield 'first@slow.example'
      for (; read < 5000; read++) yield `user${read}@d${read}.example`
    }
    const answers = agent.classifyEach(book())[Symbol.asyncIterator]()
    const first = answers.next()
    await vi.waitFor(() => expect(held).toHaveLength(1), 40_000)
    await vi.waitFor(() => expect(read).toBeGreaterThan(900), 40_000)
    for (let i = 0; i < 200; i++) await turn()
    expect(read).toBeLessThanOrEqual(1000)
    letGo()
    expect(await first).toMatchObject({ value: { address: 'first@slow.example', route: 'insecure' } })
    await answers.return?.()
    expect(read).toBeLessThan(2100)
  })

  test('of one domain no more than eight are asked about at once, and it holds up no other', async () => {
    const { resolver, held, letGo } = waitingFor(literalZone({}), (name) => name.endsWith('.slow.example'))
    const agent = await clinic({ resolver })
    const slow = Array.from({ length: 100 }, (_, i) => `user${i}@slow.example`)
    const heard = vi.fn()
    const done = (async () => {
      for await (const { address } of agent.classifyEach(['a@fast.example', ...slow])) heard(address)
    })()
    await vi.waitFor(() => expect(heard).toHaveBeenCalledWith('a@fast.example'), 40_000)
    await vi.waitFor(() => expect(held).toHaveLength(8), 40_000)
    for (let i = 0; i < 50; i++) await turn()
    expect(held).toHaveLength(8)
    const going = setInterval(letGo, 1)
    onTestFinished(() => clearInterval(going))
    await done
    expect(heard).toHaveBeenCalledTimes(101)
  })

  test('a directory that keeps failing is left alone for a minute, and the answer stays undetermined (DISC-6)', async () => {
    const host = 'ldap.hisp.example'
    const zone = literalZone({
      '_ldap._tcp.hisp.example': { srv: [{ target: host }] },
      [host]: { a: ['127.0.0.1'] },
      'd.example': 'SERVFAIL',
    })
    const search = vi.fn(async () => ({ status: 'failed', text: 'it is away', questions: [] }) as const)
    const agent = await clinic({ resolver: zone, ldap: { search } }, { network: { allowPrivate: true } })
    const at = (domain: string) => Array.from({ length: 100 }, (_, i) => `user${i}@${domain}`)
    const answers = await all(agent.classifyEach([...at('hisp.example'), ...at('d.example')]))
    expect(answers).toHaveLength(200)
    for (const { route, why } of answers) {
      expect(route).toBe('undetermined')
      expect(why).toMatchObject([{ code: 'LOOKUP_FAILED', temporary: true }])
    }
    expect(answers[99]?.why[0]?.text).toContain('it is away')
    // Those under way at once, and no more.
    expect(search.mock.calls.length).toBeLessThanOrEqual(3 + 8)
    const ofDomain = zone.asked.filter((question) => question === 'CERT d.example')
    expect(ofDomain.length).toBeLessThanOrEqual(3 + 8)
  })

  test('a directory that fails now and then is asked for every address', async () => {
    const host = 'ldap.hisp.example'
    const zone = literalZone({
      '_ldap._tcp.hisp.example': { srv: [{ target: host }] },
      [host]: { a: ['127.0.0.1'] },
    })
    let asked = 0
    const search = async () =>
      ++asked % 3 === 0
        ? ({ status: 'failed', text: 'it is busy', questions: [] } as const)
        : ({ status: 'empty', certificates: [], notes: [], questions: [] } as const)
    const agent = await clinic({ resolver: zone, ldap: { search } }, { network: { allowPrivate: true } })
    async function* oneByOne() {
      for (let i = 0; i < 20; i++) yield `user${i}@hisp.example`
    }
    await all(agent.classifyEach(oneByOne()))
    expect(asked).toBeGreaterThan(30)
  })

  test('a signal ends it at once with ABORTED, while the book and the answers are waited for', async () => {
    const { resolver, held } = waitingFor(literalZone({}), () => true)
    const agent = await clinic({ resolver })
    const stop = new AbortController()
    async function* never() {
      yield LEE
      await new Promise(() => {})
    }
    const answers = all(agent.classifyEach(never(), { signal: stop.signal }))
    await vi.waitFor(() => expect(held).toHaveLength(1), 40_000)
    stop.abort()
    await expect(answers).rejects.toMatchObject({ code: 'ABORTED', temporary: true })
  })

  test('a book that breaks off throws after the answers to what came before', async () => {
    const agent = await clinic({ resolver: literalZone({}) })
    function* broken() {
      yield 'a@d.example'
      yield 'b@d.example'
      throw new Error('the disk is gone')
    }
    const heard: string[] = []
    const answers = (async () => {
      for await (const { address } of agent.classifyEach(broken())) heard.push(address)
    })()
    await expect(answers).rejects.toThrow('the disk is gone')
    expect(heard).toEqual(['a@d.example', 'b@d.example'])
  })

  test('leaving the loop lets the book close and gives up what is under way', async () => {
    const { resolver, held } = waitingFor(literalZone({}), (name) => name.includes('slow'))
    const agent = await clinic({ resolver })
    const closed = vi.fn()
    function* book() {
      try {
        yield 'a@d.example'
        for (let i = 0; ; i++) yield `user${i}@slow.example`
      } finally {
        closed()
      }
    }
    for await (const { address } of agent.classifyEach(book())) {
      expect(address).toBe('a@d.example')
      break
    }
    expect(closed).toHaveBeenCalledOnce()
    expect(held.length).toBeLessThanOrEqual(8)
  })

  test('without anchors nobody is asked: NO_ANCHORS (DISC-10)', async () => {
    const zone = literalZone({})
    const agent = await clinic({ resolver: zone }, { trust: [] })
    await expect(all(agent.classifyEach([LEE]))).rejects.toMatchObject({ code: 'NO_ANCHORS' })
    await expect(all(agent.classifyEach([LEE], { from: 'nobody' }))).rejects.toMatchObject({
      code: 'ADDRESS_INVALID',
    })
    expect(zone.asked).toEqual([])
  })

  test('with a recording it says that a book is not recorded', async () => {
    const agent = await clinic({ resolver: literalZone({}), record: { add: () => {} } })
    await expect(all(agent.classifyEach([LEE]))).rejects.toMatchObject({ code: 'USAGE' })
    await expect(all(agent.changes([LEE]))).rejects.toMatchObject({ code: 'USAGE' })
  })
})

/** A clinic whose nights have each a zone and a clock of their own, over one store. */
async function nights(config: Record<string, unknown> = {}) {
  const dir = await temporaryFolder()
  const book = [LEE, 'dr.ross@gone.example', 'no address']
  return async (
    day: number,
    zone: Readonly<Record<string, Literal>>,
    options: {
      readonly from?: string
      readonly withinDays?: number
      readonly config?: object
      readonly book?: readonly string[]
    } = {},
  ) => {
    const now = () => new Date(Date.parse('2026-11-22T03:00:00Z') + day * DAY)
    const agent = await clinic({ resolver: literalZone(zone), now }, { ...config, ...options.config }, dir)
    const heard: Recipient[] = []
    const { config: _, book: asked = book, ...rest } = options
    const changes = await all(
      agent.changes(asked, { ...rest, onAnswer: (recipient) => heard.push(recipient) }),
    )
    expect(heard).toHaveLength(asked.length)
    return changes
  }
}

const brief = ({ address, change, route, why, certificates, previous }: Change) => ({
  address,
  change,
  route,
  why: why.map(({ code }) => code),
  certificates: certificates.map(({ sha256 }) => sha256),
  ...(previous && { was: [previous.route, ...previous.certificates.map(({ sha256 }) => sha256)] }),
})

describe('changes', () => {
  test('three nights: who is direct became so, once; a certificate that goes is lost, and comes again', async () => {
    const night = await nights()
    const der = certificate(LEE)
    const sha256 = fingerprint(der)
    const zone = { [LEE_OWNER]: [der] }
    const became = { address: LEE, change: 'became-direct', route: 'direct', why: [], certificates: [sha256] }
    expect((await night(0, zone)).map(brief)).toEqual([became])
    expect(await night(1, zone)).toEqual([])
    const [lost, ...others] = await night(2, {})
    expect(others).toEqual([])
    expect(lost).toEqual({
      address: LEE,
      change: 'lost-direct',
      route: 'insecure',
      why: [{ code: 'NO_CERTIFICATE', text: expect.stringContaining(LEE) }],
      certificates: [],
      previous: {
        route: 'direct',
        certificates: [
          { sha256, foundIn: 'dns-address', boundTo: 'address', notAfter: new Date('2056-01-01') },
        ],
        since: new Date('2026-11-22T03:00:00Z'),
      },
      at: new Date('2026-11-24T03:00:00Z'),
    })
    expect(await night(3, {})).toEqual([])
    expect((await night(4, zone)).map(brief)).toEqual([{ ...became, was: ['insecure'] }])
  })

  test('who was asked about and was never direct has nothing previous: only who once was is remembered', async () => {
    const night = await nights()
    expect(await night(0, {})).toEqual([])
    expect(await night(1, { [LEE_OWNER]: [certificate(LEE)] })).toMatchObject([
      { change: 'became-direct', previous: null },
    ])
  })

  test('a certificate that ends is told when it comes within the days, once, and lost with its date', async () => {
    const night = await nights()
    const der = certificate(LEE, { to: '2027-01-01' })
    const zone = { [LEE_OWNER]: [der] }
    expect((await night(0, zone)).map(({ change }) => change)).toEqual(['became-direct'])
    expect(await night(9, zone)).toEqual([])
    expect((await night(10, zone)).map(brief)).toEqual([
      {
        address: LEE,
        change: 'ends-within',
        route: 'direct',
        why: [],
        certificates: [fingerprint(der)],
        was: ['direct', fingerprint(der)],
      },
    ])
    expect(await night(11, zone)).toEqual([])
    expect(await night(12, zone, { withinDays: 60 })).toEqual([])
    const [lost] = await night(41, zone)
    expect(lost).toMatchObject({
      change: 'lost-direct',
      why: [{ code: 'CERT_EXPIRED', text: expect.stringContaining('2027-01-01') }],
    })
  })

  test('the days are those asked for, and one that ends soon is told with becoming direct', async () => {
    const night = await nights()
    const zone = { [LEE_OWNER]: [certificate(LEE, { to: '2027-01-01' })] }
    expect((await night(0, zone, { withinDays: 90 })).map(({ change }) => change)).toEqual([
      'became-direct',
      'ends-within',
    ])
    await expect(night(1, zone, { withinDays: -1 })).rejects.toMatchObject({ code: 'USAGE' })
  })

  test('a renewed certificate is no change, and its own end is told', async () => {
    const night = await nights()
    const old = certificate(LEE, { to: '2026-12-10' })
    const renewed = certificate(LEE, { from: '2026-11-20', to: '2027-11-20' })
    expect(await night(0, { [LEE_OWNER]: [old] })).toHaveLength(2)
    expect(await night(1, { [LEE_OWNER]: [old, renewed] })).toEqual([])
    expect((await night(340, { [LEE_OWNER]: [renewed] })).map(brief)).toMatchObject([
      { change: 'ends-within', certificates: [fingerprint(renewed)], was: ['direct', fingerprint(renewed)] },
    ])
    // A name server that is behind shows the old one again: its end is no news.
    expect(await night(2, { [LEE_OWNER]: [old] })).toEqual([])
  })

  test('undetermined is no change: what was known stands until it is known (DISC-6)', async () => {
    const night = await nights()
    const zone = { [LEE_OWNER]: [certificate(LEE)] }
    expect(await night(0, zone)).toHaveLength(1)
    expect(await night(1, { [LEE_OWNER]: 'SERVFAIL' })).toEqual([])
    expect(await night(2, zone)).toEqual([])
    expect(await night(3, { [LEE_OWNER]: 'SERVFAIL' })).toEqual([])
    expect(await night(4, {})).toMatchObject([{ change: 'lost-direct' }])
  })

  test('anchors that are taken away lose it, for that sender; each sender has a book of its own', async () => {
    const night = await nights()
    const zone = { [LEE_OWNER]: [certificate(LEE)] }
    const kim = 'dr.kim@clinic-a.example'
    expect(await night(0, zone)).toHaveLength(1)
    expect(await night(0, zone, { from: kim })).toHaveLength(1)
    const config = {
      trust: [
        { for: '*', anchors: [pki('root-a.pem')] },
        { for: kim, anchors: [pki('root-b.pem')] },
      ],
    }
    expect(await night(1, zone, { config })).toEqual([])
    expect((await night(1, zone, { from: 'Dr.Kim@clinic-a.example', config })).map(brief)).toMatchObject([
      { change: 'lost-direct', why: ['UNKNOWN_ISSUER'] },
    ])
  })

  test('an address that comes twice is told once, however it is written', async () => {
    const night = await nights()
    const book = [LEE, 'Dr.Lee@HISP.example', LEE]
    expect(await night(0, { [LEE_OWNER]: [certificate(LEE)] }, { book })).toMatchObject([{ address: LEE }])
  })

  test('what nobody asked about for more than a year is forgotten, and new when it comes again', async () => {
    const night = await nights()
    const zone = { [LEE_OWNER]: [certificate(LEE)] }
    expect(await night(0, zone)).toHaveLength(1)
    expect(await night(300, zone)).toEqual([])
    expect(await night(600, zone, { book: ['x@other.example'] })).toEqual([])
    expect(await night(601, zone)).toEqual([])
    expect(await night(1000, zone, { book: ['x@other.example'] })).toEqual([])
    expect((await night(1001, zone)).map(({ change, previous }) => [change, previous])).toEqual([
      ['became-direct', null],
    ])
  })

  test('whoever stops with a change in hand is told it again, and of those before it none', async () => {
    const dir = await temporaryFolder()
    const names = ['a', 'b', 'c'].map((name) => `${name}@hisp.example`)
    const zone = literalZone({ 'hisp.example': [certificate('hisp.example')] })
    const open = () => clinic({ resolver: zone }, {}, dir)
    const agent = await open()
    for await (const { address } of agent.changes(names)) if (address === names[1]) break
    await agent[Symbol.asyncDispose]()
    expect((await all((await open()).changes(names))).map(({ address }) => address)).toEqual(names.slice(1))
    expect(await all((await open()).changes(names))).toEqual([])
  })
})

test('one address in the place of a book is told, and not taken for a book of its characters', async () => {
  const agent = await clinic({ network: false })
  const told = { code: 'USAGE', hint: expect.stringContaining('list') }
  await expect(all(agent.classifyEach(LEE))).rejects.toMatchObject(told)
  await expect(all(agent.changes(LEE))).rejects.toMatchObject(told)
})
