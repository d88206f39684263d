/** DISC-1 in the flow: what each of the six places makes of an address, and what a place that cannot be asked makes of it. */
import { describe, expect, test } from 'vitest'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import type { SmtpClient } from '../../mailbox/index.ts'
import type { Literal } from '../dns/literal-zone.ts'
import { certRdata } from '../dns/scripted-server.ts'
import { p7b } from '../services/bundles.ts'
import { fingerprint, issuer } from './clinics.ts'
import { inWorld, type World } from './six-places.ts'
import { NOW, pemFile } from './trusting.ts'

const D = 'xn--bro-hoa.example'
const LEE = `dr.lee@${D}`
const AS_TYPED = 'Dr.Lee+Ward@BÜRO.example'

const root = issuer('root-a')
const certificate = (options: MintOptions) => mint({ issuer: root, key: 'dr-lee', ...options })
const der = (options: MintOptions) => Buffer.from(certificate(options).certificate.der)
const ofLee = der({ san: [LEE] })
const ofDomain = der({ san: [D] })
const expired = der({ san: [LEE], from: '2024-01-01', to: '2025-01-01' })

const HAS_DIRECTORY: Readonly<Record<string, Literal>> = {
  [`_ldap._tcp.${D}`]: { srv: [{ target: `ldap.${D}` }] },
}
const DNS_ADDRESS = [`CERT dr.lee+ward.${D}`, `CERT dr.lee.${D}`]
const DNS = [...DNS_ADDRESS, `CERT ${D}`]
const SRV = `SRV _ldap._tcp.${D}`
const LDAP_ADDRESS = [
  ...[SRV, `reach ldap.${D}`],
  ...[`LDAP ldap.${D} dr.lee+ward@${D}`, `LDAP ldap.${D} dr.lee@${D}`],
]
const LDAP = [...LDAP_ADDRESS, `LDAP ldap.${D} ${D}`]

/** An SMTP client that would prove TLS to anyone: whoever is asked was taken for another route. */
function temptingTls(): { readonly smtp: SmtpClient; readonly proofs: readonly string[] } {
  const proofs: string[] = []
  const smtp: SmtpClient = {
    async submit() {
      throw new Error('nothing was to be sent')
    },
    async proveTls({ host }) {
      proofs.push(host)
      return { proved: true, protocol: 'TLSv1.3', subject: host, validTo: new Date('2056-01-01') }
    },
  }
  return { smtp, proofs }
}

const TLS = { tlsDomains: [{ domain: D, server: `smtp://mx.${D}:25` }] }

/** The recipient, with TLS tempting beside. */
async function classified(world: World, address = LEE) {
  const tempting = temptingTls()
  const asker = await inWorld({
    ...world,
    config: { ...TLS, ...world.config },
    parts: { smtp: tempting.smtp, now: () => NOW, ...world.parts },
  })
  const { recipient, path } = await asker.classify(address)
  return { recipient, path, asked: asker.asked, proofs: tempting.proofs }
}

describe('an address with a tag, mixed case and a domain beyond ASCII (MSG-13)', () => {
  const places: readonly (readonly [string, World, Buffer, readonly string[]])[] = [
    ['dns-address', { zone: { [`dr.lee.${D}`]: [ofLee] } }, ofLee, DNS_ADDRESS],
    ['dns-domain', { zone: { [D]: [ofDomain] } }, ofDomain, DNS],
    [
      'ldap-address',
      { zone: HAS_DIRECTORY, directories: { [`ldap.${D}`]: { [LEE]: [ofLee] } } },
      ofLee,
      [...DNS, ...LDAP_ADDRESS],
    ],
    [
      'ldap-domain',
      { zone: HAS_DIRECTORY, directories: { [`ldap.${D}`]: { [D]: [ofDomain] } } },
      ofDomain,
      [...DNS, ...LDAP],
    ],
    [
      'cert-server',
      { certdns: { [`dr.lee.${D}`]: [ofLee] } },
      ofLee,
      [...DNS, SRV, `reach certdns.${D}`, ...DNS_ADDRESS.map((question) => `certdns.${D} ${question}`)],
    ],
    [
      'cert-server',
      { zone: HAS_DIRECTORY, directories: { [`ldap.${D}`]: {} }, certdns: { [D]: [ofDomain] } },
      ofDomain,
      [...DNS, ...LDAP, `reach certdns.${D}`, ...DNS.map((question) => `certdns.${D} ${question}`)],
    ],
  ]

  test.each(places)(
    'is found at %s; each question once, in order (DISC-1)',
    async (place, world, found, questions) => {
      const { recipient, asked } = await classified(world, AS_TYPED)
      expect(recipient).toMatchObject({
        address: `Dr.Lee+Ward@${D}`,
        route: 'direct',
        certificates: [{ sha256: fingerprint(found), foundIn: place }],
      })
      expect(asked).toEqual(questions)
      expect(recipient.forAdministrator).toContain(place)
    },
  )

  test('is found among the configured ones, and nobody is asked', async () => {
    const file = await pemFile(certificate({ san: [LEE] }))
    const { recipient, asked } = await classified({ config: { certificates: [file] } }, AS_TYPED)
    expect(recipient).toMatchObject({ route: 'direct', certificates: [{ foundIn: 'configured' }] })
    expect(asked).toEqual([])
  })
})

describe('a lookup that failed is undetermined and no other route, with tlsDomains too (DISC-6)', () => {
  const ldap = { zone: HAS_DIRECTORY }
  const failing: readonly (readonly [string, string, World, RegExp])[] = [
    ['DNS', 'dns-address', { zone: { [`dr.lee.${D}`]: 'SERVFAIL' } }, /192\.0\.2\.1:53: SERVFAIL/],
    ['DNS', 'dns-domain', { zone: { [D]: 'SERVFAIL' } }, /192\.0\.2\.1:53: SERVFAIL/],
    ['the SRV question', 'ldap-address', { zone: { [`_ldap._tcp.${D}`]: 'SERVFAIL' } }, /SERVFAIL/],
    [
      'a directory that is away',
      'ldap-address',
      { ...ldap, directories: { [`ldap.${D}`]: 'down' } },
      /ldap\.xn/,
    ],
    ['a directory without address now', 'ldap-address', { ...ldap, unknown: [`ldap.${D}`] }, /ldap\.xn/],
    ['certdns without address now', 'cert-server', { unknown: [`certdns.${D}`] }, /certdns\.xn/],
    ['certdns', 'cert-server', { certdns: { [`dr.lee.${D}`]: 'SERVFAIL' } }, /SERVFAIL/],
    [
      'the URL of an IPKIX record',
      'dns-domain',
      {
        zone: { [D]: { rdata: [certRdata(Buffer.from('http://ca.example/lee.cer'), 4)] } },
        urls: {},
      },
      /http:\/\/ca\.example\/lee\.cer/,
    ],
  ]

  test.each(failing)('%s at %s', async (_, place, world, how) => {
    const { recipient, path, proofs } = await classified(world)
    expect(recipient).toMatchObject({
      ...{ route: 'undetermined', directCapable: null, certificates: [] },
      why: [{ code: 'LOOKUP_FAILED', temporary: true, text: expect.stringMatching(how) }],
      validUntil: new Date(NOW.getTime() + 60_000),
    })
    expect(recipient.why[0]?.text).toContain(place)
    expect(recipient.forAdministrator).toContain('Ask again after 2026-11-21T12:01:00.000Z.')
    expect(recipient.advice).toEqual([expect.stringMatching(/ask again/)])
    expect({ path, proofs }).toEqual({ path: null, proofs: [] })
    // Later places stay unasked: what they hold would be another answer than the one that is due.
    const last = recipient.evidence.findIndex((one) => one.place === place)
    expect(recipient.evidence.slice(last + 1).every(({ status }) => status === 'not-asked')).toBe(true)
  })
})

describe('a host that NET forbids is not contacted, and that is final (URL_REFUSED)', () => {
  const guarded: readonly (readonly [string, string, World])[] = [
    ['ldap-address', `ldap.${D}`, { zone: HAS_DIRECTORY, refused: [`ldap.${D}`] }],
    ['cert-server', `certdns.${D}`, { refused: [`certdns.${D}`] }],
  ]

  test.each(guarded)(
    '%s: insecure and no other route, whatever tlsDomains say',
    async (place, host, world) => {
      const { recipient, asked, proofs } = await classified(world)
      expect(recipient).toMatchObject({
        ...{ route: 'insecure', directCapable: null, certificates: [] },
        why: [{ code: 'URL_REFUSED', text: expect.stringContaining(host) }],
      })
      expect(recipient.why.some(({ temporary }) => temporary)).toBe(false)
      expect(recipient.evidence.find((one) => one.place === place)).toMatchObject({
        ...{ status: 'failed', refusedBy: 'guard' },
      })
      expect(recipient.advice).toEqual([expect.stringContaining('network.allowPrivate')])
      expect(proofs).toEqual([])
      expect(asked.filter((question) => /^(LDAP|certdns)/.test(question))).toEqual([])
    },
  )

  test('beside one that is away it is not known yet: that one may have it', async () => {
    const targets = { srv: [{ target: `a.${D}` }, { target: `b.${D}`, priority: 1 }] }
    const { recipient, proofs } = await classified({
      zone: { [`_ldap._tcp.${D}`]: targets },
      refused: [`a.${D}`],
      directories: { [`b.${D}`]: 'down' },
    })
    expect(recipient).toMatchObject({ route: 'undetermined', directCapable: null })
    expect(proofs).toEqual([])
  })

  test('beside one that answers it is passed over', async () => {
    const targets = { srv: [{ target: `a.${D}` }, { target: `b.${D}`, priority: 1 }] }
    const { recipient } = await classified({
      zone: { [`_ldap._tcp.${D}`]: targets },
      refused: [`a.${D}`],
      directories: { [`b.${D}`]: { [LEE]: [ofLee] } },
    })
    expect(recipient).toMatchObject({ route: 'direct', certificates: [{ foundIn: 'ldap-address' }] })
  })
})

describe('directories: absent, failed and not asked are three things (DISC-7)', () => {
  const statuses = async (world: World) => {
    const { recipient } = await classified(world)
    return recipient.evidence.slice(3, 5).map(({ status }) => status)
  }

  test.each<readonly [string, World, readonly string[]]>([
    ['no SRV record', {}, ['absent', 'absent']],
    ['the target "."', { zone: { [`_ldap._tcp.${D}`]: { srv: [{ target: '.' }] } } }, ['absent', 'absent']],
    ['an empty directory', { zone: HAS_DIRECTORY, directories: { [`ldap.${D}`]: {} } }, ['absent', 'absent']],
    [
      'a directory that is away',
      { zone: HAS_DIRECTORY, directories: { [`ldap.${D}`]: 'down' } },
      ['failed', 'not-asked'],
    ],
    ['a certificate in DNS', { zone: { ...HAS_DIRECTORY, [D]: [ofDomain] } }, ['not-asked', 'not-asked']],
  ])('%s', async (_, world, expected) => {
    expect(await statuses(world)).toEqual(expected)
  })

  test('nothing anywhere is a final no, and leaves tls open to a domain of tlsDomains', async () => {
    const { recipient, proofs } = await classified({})
    expect(recipient).toMatchObject({ route: 'tls', directCapable: false, why: [{ code: 'NO_CERTIFICATE' }] })
    expect(proofs).toEqual([`mx.${D}`])
  })
})

describe('what a directory holds', () => {
  const inDirectory = (...values: readonly Uint8Array[]): World => ({
    zone: HAS_DIRECTORY,
    directories: { [`ldap.${D}`]: { [LEE]: values, [D]: [ofDomain] } },
  })

  test('D7: an expired certificate at the address decides, and the valid one of the domain is not asked for', async () => {
    const { recipient, asked } = await classified({ ...inDirectory(expired), config: { tlsDomains: [] } })
    expect(recipient).toMatchObject({
      route: 'insecure',
      directCapable: false,
      why: [{ code: 'CERT_EXPIRED' }],
    })
    expect(asked.at(-1)).toBe(`LDAP ldap.${D} ${LEE}`)
  })

  test('certs-only CMS is read as the certificates inside: its CA completes the path and is not encrypted to', async () => {
    const ca = mint({ issuer: root, key: 'intermediate', ca: true, subject: 'CA between' })
    const under = mint({ issuer: ca, key: 'dr-lee', san: [LEE] })
    const { recipient } = await classified(inDirectory(p7b([ca, under])))
    expect(recipient).toMatchObject({
      route: 'direct',
      certificates: [{ sha256: under.certificate.sha256, foundIn: 'ldap-address' }],
    })
    const judged = recipient.evidence[3]?.certificates.toSorted((a) => (a.usable ? -1 : 1))
    expect(judged).toMatchObject([
      { sha256: under.certificate.sha256, usable: true, chosen: true },
      { sha256: ca.certificate.sha256, usable: false, chosen: false, boundTo: null },
    ])
  })

  test("what is wrong with the certificate is told alone, not that its CA's is a CA's", async () => {
    const ca = mint({ issuer: root, key: 'intermediate', ca: true, subject: 'CA between' })
    const ended = mint({ issuer: ca, key: 'dr-lee', san: [LEE], from: '2024-01-01', to: '2025-01-01' })
    const { recipient } = await classified({
      ...inDirectory(p7b([ca, ended])),
      config: { tlsDomains: [] },
    })
    expect(recipient.why.map(({ code }) => code)).toEqual(['CERT_EXPIRED'])
    const alone = await classified({ ...inDirectory(p7b([ca])), config: { tlsDomains: [] } })
    expect(alone.recipient.why.map(({ code }) => code)).toContain('CERT_IS_CA')
  })

  test('a garbled value beside a good one is a note, and harms nobody (DISC-4)', async () => {
    const { recipient } = await classified(inDirectory(Buffer.from('garbled'), ofLee))
    expect(recipient.route).toBe('direct')
    expect(recipient.evidence[3]?.notes).toEqual([expect.stringMatching(/^skipped: no certificate/)])
  })

  test('no more than some two hundred certificates are judged, however many a directory gives', async () => {
    const many = Array.from({ length: 7 }, (_, i) =>
      p7b(Array.from({ length: 32 }, () => certificate({ san: [`${i}.example`] }))),
    )
    const { recipient } = await classified({ ...inDirectory(...many, ofLee), config: { tlsDomains: [] } })
    expect(recipient.evidence[3]?.certificates).toHaveLength(7 * 32)
    expect(recipient.evidence[3]?.notes).toEqual(['skipped: 1 value(s), after 224 certificates'])
  })

  test('garbled values alone are something published, and the place decides (DISC-4)', async () => {
    const { recipient } = await classified({
      ...inDirectory(Buffer.from('garbled')),
      config: { tlsDomains: [] },
    })
    expect(recipient).toMatchObject({
      route: 'insecure',
      directCapable: false,
      why: [{ code: 'CERT_MALFORMED' }],
    })
    expect(recipient.evidence.map(({ status }) => status).slice(3)).toEqual([
      'found',
      'not-asked',
      'not-asked',
    ])
  })
})

describe('the URL of an IPKIX record (DISC-3)', () => {
  const URL_A = 'http://ca.example/lee.cer'
  const beside = (...others: readonly Buffer[]): Literal => ({
    rdata: [certRdata(Buffer.from(URL_A), 4), ...others.map((one) => certRdata(one))],
  })
  const refused = { status: 'refused', text: `${URL_A} is refused: it is private` } as const

  test('that gives the certificate is as good as one in the record', async () => {
    const { recipient } = await classified({ zone: { [D]: beside() }, urls: { [URL_A]: [ofDomain] } })
    expect(recipient).toMatchObject({ route: 'direct', certificates: [{ foundIn: 'dns-domain' }] })
  })

  test('that cannot be fetched now does no harm beside a usable certificate', async () => {
    const { recipient } = await classified({ zone: { [D]: beside(ofDomain) }, urls: {} })
    expect(recipient.route).toBe('direct')
  })

  test('that cannot be fetched now leaves it open, though what is beside it has expired', async () => {
    const { recipient, proofs } = await classified({ zone: { [D]: beside(expired) }, urls: {} })
    expect(recipient).toMatchObject({
      route: 'undetermined',
      why: [{ code: 'LOOKUP_FAILED', temporary: true }],
    })
    expect(proofs).toEqual([])
  })

  test('that gives what is no certificate is garbled, which is final as of a record: CERT_MALFORMED (DISC-4)', async () => {
    const text = `${URL_A} gives no certificate: it is HTML`
    const garbled = { zone: { [D]: beside() }, urls: { [URL_A]: { status: 'garbled', text } } } as const
    const { recipient } = await classified({ ...garbled, config: { tlsDomains: [] } })
    expect(recipient).toMatchObject({
      ...{ route: 'insecure', directCapable: false },
      why: [{ code: 'CERT_MALFORMED', text: `dns-domain (${D}): ${text}` }],
    })
    expect(recipient.why[0]?.temporary).toBeUndefined()
    const usable = await classified({ ...garbled, zone: { [D]: beside(ofDomain) } })
    expect(usable.recipient.route).toBe('direct')
  })

  test('that NET refuses is published and of no use to us, for good: URL_REFUSED', async () => {
    const { recipient } = await classified({
      zone: { [D]: beside() },
      urls: { [URL_A]: refused },
      config: { tlsDomains: [] },
    })
    expect(recipient).toMatchObject({
      ...{ route: 'insecure', directCapable: false },
      why: [{ code: 'URL_REFUSED', text: expect.stringContaining(URL_A) }],
    })
    expect(recipient.evidence[2]?.unread).toMatchObject([{ url: URL_A, status: 'refused' }])
  })
})

test('discover tells the same for an administrator: each place, the one chosen, and why (cli.md)', async () => {
  const asker = await inWorld({
    zone: HAS_DIRECTORY,
    directories: { [`ldap.${D}`]: { [LEE]: [expired, ofLee] } },
    parts: { now: () => NOW },
  })
  expect(await asker.discover(LEE)).toMatchObject({
    ...{ address: LEE, outcome: 'direct', chosen: fingerprint(ofLee), why: [], advice: [] },
    places: [
      ...Array(3).fill({ status: 'absent', certificates: [] }),
      {
        ...{ place: 'ldap-address', status: 'found' },
        certificates: [
          { sha256: fingerprint(expired), usable: false, chosen: false, boundTo: 'address' },
          { sha256: fingerprint(ofLee), usable: true, chosen: true, boundTo: 'address' },
        ],
      },
      ...Array(2).fill({ status: 'not-asked' }),
    ],
  })
  const refused = await inWorld({ zone: HAS_DIRECTORY, refused: [`ldap.${D}`] })
  expect(await refused.discover(LEE)).toMatchObject({
    outcome: 'none',
    chosen: null,
    why: [{ code: 'URL_REFUSED' }],
  })
  const away = await inWorld({ zone: { [D]: 'SERVFAIL' } })
  expect(await away.discover(LEE)).toMatchObject({
    outcome: 'undetermined',
    why: [{ code: 'LOOKUP_FAILED' }],
  })
})
