import { describe, expect, test } from 'vitest'
import { type Address, parseAddress } from '../../agent/address.ts'
import {
  type DiscoveryNetwork,
  discoverDeciding,
  type LdapAnswer,
  type LdapServer,
  type Place,
} from '../../dns/index.ts'
import { type LiteralSrv, literalNetwork, literalZone } from './literal-zone.ts'
import { derOf } from './scripted-server.ts'

const ONE = derOf(40, 1)
const TWO = derOf(40, 2)
const SRV = '_ldap._tcp.d.example'

function address(text: string): Address {
  const parsed = parseAddress(text)
  if ('code' in parsed) throw new Error(parsed.text)
  return parsed
}

/** What a host is: entries by `mail`, or what becomes of it. */
type Host = Readonly<Record<string, readonly Buffer[]>> | 'failing' | 'refused' | 'unresolvable' | 'unknown'

interface World extends Partial<Pick<DiscoveryNetwork, 'random' | 'reach' | 'ldap'>> {
  readonly srv: readonly LiteralSrv[] | 'SERVFAIL' | 'NODATA'
  readonly hosts?: Readonly<Record<string, Host>>
  readonly kept?: number
}

async function search({ srv, hosts = {}, kept, ...network }: World, who = 'lee@d.example') {
  const asked: string[] = []
  const resolver = literalZone({ [SRV]: typeof srv === 'string' ? srv : { srv } })
  const places = await discoverDeciding(address(who), {
    configured: () => [],
    network: {
      ...literalNetwork(resolver),
      async reach(host) {
        const is = hosts[host]
        if (is === 'refused') return { status: 'refused', text: `${host} is at 10.0.0.5` }
        if (is === 'unresolvable' || is === undefined)
          return { status: 'absent', text: `${host} has no address` }
        if (is === 'unknown') return { status: 'failed', text: `the address of ${host} is not known now` }
        return { status: 'ok', addresses: ['198.51.100.7'] }
      },
      ldap: {
        async search(server, { mail, domain }, { ttl = 0 } = {}): Promise<LdapAnswer> {
          asked.push(`${server.secure ? 'ldaps' : 'ldap'} ${server.host}:${server.port} ${mail} ${ttl}`)
          expect(domain).toBe('d.example')
          const question = { name: `${server.host} ${mail}`, type: 'LDAP', answer: 'asked' } as const
          const is = hosts[server.host]
          if (is === 'failing') return { status: 'failed', text: 'did not answer', questions: [question] }
          const certificates = (typeof is === 'object' ? is[mail] : undefined) ?? []
          const status = certificates.length > 0 ? 'found' : 'empty'
          return {
            status,
            certificates,
            notes: [],
            questions: [question],
            ...(kept !== undefined && { kept }),
          }
        },
      },
      ...network,
    },
  })
  const place = (name: Place['place']) => places.find((one) => one.place === name) as Place
  return { asked, place, questions: resolver.asked, statuses: places.map((one) => one.status) }
}

const at = (target: string, more: Omit<LiteralSrv, 'target'> = {}): LiteralSrv => ({ target, ...more })

describe('which directories are asked (DISC-7)', () => {
  test('the SRV question is put once for both places, and each server once for each', async () => {
    const { asked, questions, place } = await search({ srv: [at('a.example')], hosts: { 'a.example': {} } })
    expect(questions.filter((question) => question.startsWith('SRV'))).toEqual([`SRV ${SRV}`])
    expect(asked).toEqual(['ldap a.example:389 lee@d.example 600', 'ldap a.example:389 d.example 600'])
    expect(place('ldap-address')).toMatchObject({ status: 'absent', owner: 'lee@d.example', ttl: 600 })
    expect(place('ldap-address').questions).toEqual([
      { name: SRV, type: 'SRV', answer: '0 0 389 a.example from 192.0.2.1:53' },
      { name: 'a.example lee@d.example', type: 'LDAP', answer: 'asked' },
    ])
    expect(place('ldap-domain')).toMatchObject({
      status: 'absent',
      owner: 'd.example',
      questions: [
        { name: SRV, answer: '0 0 389 a.example from 192.0.2.1:53, known from before' },
        { name: 'a.example d.example' },
      ],
    })
  })

  test('what the address publishes decides, and nobody is asked for the domain', async () => {
    const hosts = { 'a.example': { 'lee@d.example': [ONE, TWO], 'd.example': [TWO] } }
    const { asked, place, statuses } = await search({ srv: [at('a.example')], hosts })
    expect(asked).toHaveLength(1)
    expect(place('ldap-address')).toMatchObject({ status: 'found', certificates: [ONE, TWO], unread: [] })
    expect(statuses).toEqual(['absent', 'absent', 'absent', 'found', 'not-asked', 'not-asked'])
  })

  test('`user+tag` is searched for as written, then as `user`, all servers for each (MSG-13)', async () => {
    const hosts = { 'a.example': {}, 'b.example': { 'lee@d.example': [ONE] } }
    const srv = [at('a.example', { priority: 1 }), at('b.example', { priority: 2 })]
    const { asked, place } = await search({ srv, hosts }, 'Lee+X@D.example')
    expect(asked.map((question) => question.slice(5, -4))).toEqual([
      'a.example:389 lee+x@d.example',
      'b.example:389 lee+x@d.example',
      'a.example:389 lee@d.example',
      'b.example:389 lee@d.example',
    ])
    expect(place('ldap-address')).toMatchObject({ status: 'found', owner: 'lee@d.example' })
  })

  test('port 636 is LDAPS, every other asks for StartTLS where it is offered', async () => {
    const srv = [at('a.example', { port: 636 }), at('b.example', { port: 3890 })]
    const { asked } = await search({ srv, hosts: { 'a.example': {}, 'b.example': {} } })
    expect(asked.slice(0, 2)).toEqual([
      'ldaps a.example:636 lee@d.example 600',
      'ldap b.example:3890 lee@d.example 600',
    ])
  })

  test.each(['failing', 'unresolvable', 'unknown', 'refused'] as const)(
    'a server that is %s passes the question on to the next',
    async (dead) => {
      const hosts = { 'a.example': dead, 'b.example': { 'lee@d.example': [ONE] } }
      const srv = [at('b.example', { priority: 2 }), at('a.example', { priority: 1 })]
      const { place, asked } = await search({ srv, hosts })
      expect(place('ldap-address')).toMatchObject({ status: 'found', certificates: [ONE] })
      expect(place('ldap-address').notes).toEqual([expect.stringMatching(/^a\.example:389: /)])
      expect(asked.some((question) => question.includes('a.example'))).toBe(dead === 'failing')
    },
  )

  test('an empty server passes the question on to the next', async () => {
    const hosts = { 'a.example': {}, 'b.example': { 'lee@d.example': [ONE] } }
    const { place, asked } = await search({ srv: [at('a.example'), at('b.example')], hosts })
    expect(place('ldap-address').status).toBe('found')
    expect(asked).toHaveLength(2)
  })

  test('one failed and the other is empty: absent, with a note, and not for long', async () => {
    const hosts = { 'a.example': 'failing', 'b.example': {} } as const
    const { place, asked } = await search({ srv: [at('a.example'), at('b.example')], hosts })
    expect(place('ldap-address')).toMatchObject({ status: 'absent', ttl: 300 })
    expect(place('ldap-address').notes).toEqual(['a.example:389: did not answer'])
    // What failed for the address is not waited for a second time.
    expect(asked.map((question) => question.slice(5, 14))).toEqual(['a.example', 'b.example', 'b.example'])
    expect(place('ldap-domain')).toMatchObject({ status: 'absent', notes: ['a.example:389: did not answer'] })
  })

  test('all failed: not known, and nothing further is asked', async () => {
    const hosts = { 'a.example': 'failing', 'b.example': 'unresolvable' } as const
    const { place, statuses } = await search({ srv: [at('a.example'), at('b.example')], hosts })
    expect(place('ldap-address')).toMatchObject({ status: 'failed', ttl: 0, certificates: [] })
    expect(place('ldap-address').refusedBy).toBeUndefined()
    expect(statuses.slice(3)).toEqual(['failed', 'not-asked', 'not-asked'])
  })

  test('targets that NET refuses are never dialled; all refused is final (NET)', async () => {
    const hosts = { 'a.example': 'refused', 'b.example': 'refused' } as const
    const { place, asked } = await search({ srv: [at('a.example'), at('b.example')], hosts })
    expect(asked).toEqual([])
    expect(place('ldap-address')).toMatchObject({ status: 'failed', refusedBy: 'guard' })
    expect(place('ldap-address').notes).toEqual([
      'a.example:389: a.example is at 10.0.0.5',
      'b.example:389: b.example is at 10.0.0.5',
    ])
  })

  test('one refused and one that failed: not known, since waiting may change that', async () => {
    const hosts = { 'a.example': 'refused', 'b.example': 'failing' } as const
    const { place } = await search({ srv: [at('a.example'), at('b.example')], hosts })
    expect(place('ldap-address').status).toBe('failed')
    expect(place('ldap-address').refusedBy).toBeUndefined()
  })

  test('the order is drawn once for both places', async () => {
    const srv = [at('a.example', { weight: 1 }), at('b.example', { weight: 1 })]
    const random = [0.9, 0, 0, 0]
    const { asked } = await search({
      srv,
      hosts: { 'a.example': {}, 'b.example': {} },
      random: () => random.shift() ?? 0,
    })
    expect(asked.map((question) => question.slice(5, 14))).toEqual([
      'b.example',
      'a.example',
      'b.example',
      'a.example',
    ])
  })

  test('the target `.` says that there is no directory', async () => {
    const { place, asked, statuses } = await search({ srv: [at('.')] })
    expect(asked).toEqual([])
    expect(statuses.slice(3)).toEqual(['absent', 'absent', 'absent'])
    expect(place('ldap-address').notes).toEqual([
      'the domain says that it has no directory (RFC 2782, target ".")',
    ])
    expect(place('ldap-address').questions[0]?.answer).toBe('0 0 389 . from 192.0.2.1:53')
  })

  test('no SRV record: absent for as long as that answer may be kept', async () => {
    const { place } = await search({ srv: 'NODATA' })
    expect(place('ldap-address')).toMatchObject({ status: 'absent', ttl: 120, notes: [] })
  })

  test('an SRV question that is not answered is not known, never absence (DISC-6)', async () => {
    const { place, statuses } = await search({ srv: 'SERVFAIL' })
    expect(place('ldap-address')).toMatchObject({ status: 'failed', ttl: 0 })
    expect(statuses.slice(3)).toEqual(['failed', 'not-asked', 'not-asked'])
  })

  test('no more than four targets are dialled, one that is named twice is one, and with others left nothing is absent (DISC-6)', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `h${index}.example`)
    const hosts = Object.fromEntries(names.map((name) => [name, {}]))
    const srv = names.flatMap((name) => [at(name), at(`${name}.`)])
    const { asked, place, statuses } = await search({ srv, hosts })
    expect(asked).toHaveLength(4)
    const note = '8 more directories are named; no more are asked than 4 that answer to a name'
    expect(place('ldap-address')).toMatchObject({ status: 'failed', ttl: 0, notes: [note] })
    expect(statuses.slice(3)).toEqual(['failed', 'not-asked', 'not-asked'])
  })

  test('four that are named are all asked, and then nothing there is an absence', async () => {
    const names = Array.from({ length: 4 }, (_, index) => `h${index}.example`)
    const hosts = Object.fromEntries(names.map((name) => [name, {}]))
    const { place } = await search({ srv: names.map((name) => at(name)), hosts })
    expect(place('ldap-address').status).toBe('absent')
  })

  test('who is not dialled is not counted: refused and unresolvable ones hide no directory behind them (DISC-7, NET)', async () => {
    const refused = [22, 25, 53, 443].map((port) => at('a.example', { port }))
    const gone = Array.from({ length: 4 }, (_, index) => at(`gone${index}.example`, { priority: 1 }))
    const srv = [...refused, ...gone, at('good.example', { priority: 9 })]
    const { place } = await search({
      srv,
      hosts: { 'a.example': {}, 'good.example': { 'lee@d.example': [ONE] } },
    })
    expect(place('ldap-address').status).toBe('found')
  })

  test('of more than sixteen the rest is not looked at, and nothing is absent', async () => {
    const srv = Array.from({ length: 20 }, (_, index) => at(`gone${index}.example`))
    const { place } = await search({ srv, hosts: {} })
    expect(place('ldap-address')).toMatchObject({
      status: 'failed',
      notes: expect.arrayContaining([expect.stringMatching(/^4 more directories are named/)]),
    })
  })

  test('the four are the first by priority', async () => {
    const priorities = [5, 1, 4, 2, 3]
    const srv = priorities.map((priority) => at(`h${priority}.example`, { priority }))
    const hosts = Object.fromEntries(srv.map(({ target }) => [target, {}]))
    const { asked } = await search({ srv, hosts })
    expect(asked.slice(0, 4).map((question) => question.slice(5, 7))).toEqual(['h1', 'h2', 'h3', 'h4'])
  })

  test.each([
    ['both families: one of each', ['192.0.2.1', '192.0.2.2', '2001:db8::1'], ['192.0.2.1', '2001:db8::1']],
    ['one family: the first two', ['192.0.2.1', '192.0.2.2', '192.0.2.3'], ['192.0.2.1', '192.0.2.2']],
    ['one address', ['2001:db8::1'], ['2001:db8::1']],
  ])('of a target two addresses are dialled (%s)', async (_, addresses, dialled) => {
    const searched: LdapServer[] = []
    await search({
      srv: [at('a.example')],
      reach: async () => ({ status: 'ok', addresses }),
      ldap: {
        async search(server) {
          searched.push(server)
          return { status: 'empty', certificates: [], notes: [], questions: [] }
        },
      },
    })
    expect(searched[0]?.addresses).toEqual(dialled)
  })

  test.each([1, 25, 88, 443, 1023])(
    'nobody is talked to at port %i, and that is final (NET)',
    async (port) => {
      const { asked, place, statuses } = await search({
        srv: [at('a.example', { port })],
        hosts: { 'a.example': {} },
      })
      expect(asked).toEqual([])
      expect(place('ldap-address')).toMatchObject({
        status: 'failed',
        refusedBy: 'guard',
        notes: [`a.example:${port}: port ${port} is for another protocol`],
      })
      expect(statuses.slice(3)).toEqual(['failed', 'not-asked', 'not-asked'])
    },
  )

  test('a port of another protocol passes the question on to the next server', async () => {
    const hosts = { 'a.example': {}, 'b.example': { 'lee@d.example': [ONE] } }
    const srv = [at('a.example', { port: 25 }), at('b.example', { port: 1024 })]
    const { place } = await search({ srv, hosts })
    expect(place('ldap-address')).toMatchObject({ status: 'found', certificates: [ONE] })
  })

  test('a set of which no record names a server is not understood, and no absence (DISC-6)', async () => {
    for (const srv of [
      [at('a b.example'), at('c.example', { port: 0 })],
      [at('.'), at('a b.example')],
    ]) {
      const { asked, place, statuses } = await search({ srv })
      expect(asked).toEqual([])
      expect(place('ldap-address')).toMatchObject({ status: 'failed', ttl: 0 })
      expect(place('ldap-address').refusedBy).toBeUndefined()
      expect(place('ldap-address').notes).toContain('an SRV record that names no server was skipped')
      expect(statuses.slice(3)).toEqual(['failed', 'not-asked', 'not-asked'])
    }
  })

  test('records that name no server are skipped: odd names, port 0', async () => {
    const srv = [
      at('a b.example'),
      at('\u001b[31m.example'),
      at('c.example', { port: 0 }),
      at('good.example'),
    ]
    const { asked, place } = await search({ srv, hosts: { 'good.example': { 'lee@d.example': [ONE] } } })
    expect(asked).toHaveLength(1)
    expect(place('ldap-address').notes).toEqual(['an SRV record that names no server was skipped'])
    expect(JSON.stringify(place('ldap-address'))).not.toContain('[31m')
  })

  test('an answer that was kept lasts as long as is left of it (DISC-11)', async () => {
    const hosts = { 'a.example': { 'lee@d.example': [ONE] } }
    const { place } = await search({ srv: [at('a.example')], hosts, kept: 17 })
    expect(place('ldap-address').ttl).toBe(17)
  })
})
