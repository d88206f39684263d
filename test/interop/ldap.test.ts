import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAddress } from '../../agent/address.ts'
import { createReach } from '../../agent/neighbours/places.ts'
import { discoverDeciding, type LdapServer, type Place } from '../../dns/index.ts'
import { createLdapClient } from '../../dns/ldap/index.ts'
import { createLookup } from '../../dns/resolver/index.ts'
import { makeCertificate } from '../dns/certificates.ts'
import { type LiteralSrv, literalNetwork, literalZone } from '../dns/literal-zone.ts'
import { serverCertificate } from '../services/certificates.ts'
import { freePorts } from '../services/process.ts'
import { type Slapd, type SlapdOptions, startSlapd } from '../services/slapd.ts'

const LEE = makeCertificate('ec', 'lee')
const DOMAIN = makeCertificate('ec', 'domain')
const OTHER = makeCertificate('rsa:2048', 'other')

const CONTEXT = {
  suffix: 'dc=d,dc=example',
  entries: [
    { mail: 'lee@d.example', userCertificate: [LEE] },
    { mail: 'kim@d.example', userSMIMECertificate: [OTHER, Buffer.from('a PKCS#7 blob, perhaps')] },
    { mail: 'both@d.example', userCertificate: [LEE], userSMIMECertificate: [LEE, OTHER] },
    { mail: 'd.example', userCertificate: [DOMAIN] },
    { mail: 'nothing@d.example' },
    { mail: '*@d.example', userSMIMECertificate: [Buffer.from('of the star')] },
  ],
} as const

/** Stopped after the last test. */
const started = new AsyncDisposableStack()
afterAll(() => started.disposeAsync())

const start = async (options: SlapdOptions) => started.use(await startSlapd(options))

function serverOf(slapd: Slapd, secure = false): LdapServer {
  const port = secure ? slapd.securePort : slapd.port
  return { host: 'directory.test', port: port as number, secure, addresses: ['127.0.0.1'] }
}

/** One search by a client of its own. */
async function ask(server: LdapServer, mail: string, domain = 'd.example') {
  using client = createLdapClient({ timeoutMs: 20_000 })
  const answer = await client.search(server, { mail, domain })
  if (answer.status === 'failed') throw new Error(answer.text)
  return answer
}

describe('OpenLDAP with several naming contexts (DISC-8)', () => {
  let slapd: Slapd
  beforeAll(async () => {
    slapd = await start({
      contexts: [
        { suffix: 'o=secret', entries: [{ mail: 'lee@d.example', userCertificate: [OTHER] }], denied: true },
        { suffix: 'ou=empty' },
        CONTEXT,
        { suffix: 'o=more', entries: [{ mail: 'lee@d.example', userCertificate: [OTHER] }] },
      ],
    })
  })

  test('each context is searched, the one that denies is skipped with a note', async () => {
    const answer = await ask(serverOf(slapd), 'lee@d.example')
    expect(answer).toMatchObject({ status: 'found', certificates: [LEE, OTHER] })
    expect(answer.notes).toEqual(['o=secret was skipped: insufficientAccessRights (50)'])
    const at = `ldap://directory.test:${slapd.port}`
    expect(answer.questions).toEqual(
      [
        [`${at}/??base?(objectClass=*)`, 'naming contexts: o=secret; ou=empty; dc=d,dc=example; o=more'],
        [`${at}/o=secret??sub?(mail=lee@d.example)`, 'insufficientAccessRights (50)'],
        [`${at}/ou=empty??sub?(mail=lee@d.example)`, 'no entry'],
        [`${at}/dc=d,dc=example??sub?(mail=lee@d.example)`, '1 entry, 1 certificate'],
        [`${at}/o=more??sub?(mail=lee@d.example)`, '1 entry, 1 certificate'],
      ].map(([name, text]) => ({ name, type: 'LDAP', answer: text })),
    )
  })

  test('userCertificate;binary and userSMIMECertificate are both read, each value once, byte for byte', async () => {
    expect(await ask(serverOf(slapd), 'kim@d.example')).toMatchObject({
      certificates: [OTHER, Buffer.from('a PKCS#7 blob, perhaps')],
    })
    expect((await ask(serverOf(slapd), 'both@d.example')).certificates).toEqual([LEE, OTHER])
  })

  test('the domain has an entry of its own, and case makes no difference', async () => {
    expect((await ask(serverOf(slapd), 'd.example')).certificates).toEqual([DOMAIN])
    expect((await ask(serverOf(slapd), 'LEE@D.Example')).certificates).toEqual([LEE, OTHER])
  })

  test('an entry without certificates, and no entry, are nothing', async () => {
    for (const mail of ['nothing@d.example', 'nobody@d.example'])
      expect(await ask(serverOf(slapd), mail)).toMatchObject({ status: 'empty', certificates: [] })
  })

  test.each([
    '*',
    '*@d.example*',
    '*)(mail=*',
    'lee@d.example)(objectClass=*',
    '\\2a',
    '(',
    ')',
    '\u0000',
    'l*',
  ])('the value %j is a value and no filter: it finds nothing (RFC 4515)', async (mail) =>
    expect(await ask(serverOf(slapd), mail)).toMatchObject({ status: 'empty', certificates: [] }),
  )

  test('a star in an address finds the address with that star alone', async () => {
    expect((await ask(serverOf(slapd), '*@d.example')).certificates).toEqual([Buffer.from('of the star')])
  })

  test('nobody logs in (anonymous), and a batch uses one connection', async () => {
    await using own = await startSlapd({ contexts: [CONTEXT] })
    using client = createLdapClient({ timeoutMs: 20_000 })
    const mails = Array.from({ length: 500 }, (_, index) => `nobody-${index}@d.example`)
    await Promise.all(mails.map((mail) => client.search(serverOf(own), { mail, domain: 'd.example' })))
    expect(await own.operations('ACCEPT')).toBe(1)
    expect(await own.operations('SRCH')).toBe(501)
    expect(await own.operations('BIND')).toBe(0)
  })
})

test('a directory that names no context is searched at the root and below the dc= of the domain (DISC-8)', async () => {
  const slapd = await start({ contexts: [CONTEXT], hideContexts: true })
  const answer = await ask(serverOf(slapd), 'lee@d.example')
  expect(answer).toMatchObject({ status: 'found', certificates: [LEE] })
  expect(answer.notes).toEqual(['the root was skipped: noSuchObject (32)'])
  for (const domain of ['*', 'd.example,dc=x', '*)(mail=*', 'dc=d', ''])
    expect(await ask(serverOf(slapd), 'lee@d.example', domain)).toMatchObject({ certificates: [] })
})

test('more entries than a directory gives: what came is kept, with a note (DISC-8)', async () => {
  const entries = Array.from({ length: 8 }, (_, index) => ({
    mail: 'lee@d.example',
    userSMIMECertificate: [Buffer.from(`certificate ${index}`)],
  }))
  const slapd = await start({ contexts: [{ suffix: 'o=d', entries }], sizeLimit: 3 })
  const answer = await ask(serverOf(slapd), 'lee@d.example')
  expect(answer.certificates).toHaveLength(3)
  expect(answer.notes).toEqual(['o=d has more than the 50 entries that are taken, or than it gives'])
})

describe('TLS (DISC-8): used where it is offered, with whatever certificate', () => {
  let slapd: Slapd
  beforeAll(async () => {
    const tls = started.use(await serverCertificate(['DNS:nobody.test']))
    slapd = await start({ contexts: [{ ...CONTEXT, onlyUnderTls: true }], tls })
  })

  test('StartTLS comes before the search', async () => {
    const answer = await ask(serverOf(slapd), 'lee@d.example')
    expect(answer).toMatchObject({ status: 'found', certificates: [LEE], notes: [] })
    expect(await slapd.operations('STARTTLS')).toBe(1)
  })

  test('LDAPS, and no StartTLS within it', async () => {
    const before = await slapd.operations('STARTTLS')
    const answer = await ask(serverOf(slapd, true), 'lee@d.example')
    expect(answer).toMatchObject({ status: 'found', certificates: [LEE], notes: [] })
    expect(answer.questions[0]?.name).toMatch(/^ldaps:/)
    expect(await slapd.operations('STARTTLS')).toBe(before)
  })

  test('TLS to a port that speaks none fails', async () => {
    await expect(ask({ ...serverOf(slapd), secure: true }, 'lee@d.example')).rejects.toThrow(
      'does not speak TLS',
    )
  })
})

describe('from SRV to the certificate (DISC-7)', () => {
  let good: Slapd
  let empty: Slapd
  beforeAll(async () => {
    good = await start({ contexts: [CONTEXT] })
    empty = await start({ contexts: [{ suffix: 'dc=d,dc=example' }] })
  })

  async function search(srv: readonly LiteralSrv[], who: string, allowPrivate = true) {
    const address = parseAddress(who)
    if ('code' in address) throw new Error(address.text)
    const resolver = literalZone({ '_ldap._tcp.d.example': { srv }, 'ldap.d.example': { a: ['127.0.0.1'] } })
    using ldap = createLdapClient({ timeoutMs: 20_000 })
    const reach = createReach(createLookup(resolver, false), allowPrivate)
    const network = { ...literalNetwork(resolver), ldap, reach }
    const places = await discoverDeciding(address, { configured: () => [], network })
    return (name: Place['place']) => places.find(({ place }) => place === name) as Place
  }

  const at = (port: number, priority: number, target = 'ldap.d.example') => ({ target, port, priority })

  test('dead, unresolvable and empty servers come before the good one', async () => {
    const [dead = 0] = await freePorts(1)
    const srv = [at(good.port, 4), at(dead, 1), at(389, 2, 'gone.d.example'), at(empty.port, 3)]
    const place = (await search(srv, 'lee@d.example'))('ldap-address')
    expect(place).toMatchObject({ status: 'found', certificates: [LEE] })
    expect(place.notes).toEqual([
      `ldap.d.example:${dead}: cannot be reached: the port is closed`,
      expect.stringMatching(/^gone\.d\.example:389: the host "gone\.d\.example" has no address/),
    ])
  })

  test('what only the domain publishes is found at the domain', async () => {
    const place = await search([at(empty.port, 1), at(good.port, 2)], 'nobody@d.example')
    expect(place('ldap-address').status).toBe('absent')
    expect(place('ldap-domain')).toMatchObject({ status: 'found', certificates: [DOMAIN] })
  })

  test('all dead: not known', async () => {
    const [dead = 0] = await freePorts(1)
    expect((await search([at(dead, 1)], 'lee@d.example'))('ldap-address').status).toBe('failed')
  })

  test('a server in a private network is not dialled unless that is allowed (NET)', async () => {
    await using own = await startSlapd({ contexts: [CONTEXT] })
    const place = (await search([at(own.port, 1)], 'lee@d.example', false))('ldap-address')
    expect(place).toMatchObject({ status: 'failed', refusedBy: 'guard' })
    expect(await own.operations('ACCEPT')).toBe(0)
    expect((await search([at(own.port, 1)], 'lee@d.example'))('ldap-address').status).toBe('found')
    expect(await own.operations('ACCEPT')).toBe(1)
  })
})
