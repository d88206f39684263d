/** NET as an address meets it: what a certificate says leads nobody into a private network. Listeners count. */
import { describe, expect, test } from 'vitest'
import type { LdapClient, Resolver } from '../../dns/index.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { type PkiWeb, pkiWeb } from '../services/pki-web.ts'
import { issuer } from './clinics.ts'
import { asked, classified, clinic, openedFrom } from './trusting.ts'

const root = issuer('root-a')
const regional = mint({ issuer: root, key: 'intermediate', ca: true, subject: 'Test Regional CA' })
const leaf = (options: MintOptions) =>
  mint({ issuer: root, key: 'dr-lee', san: ['hisp.example'], ...options })

const GUARDED = {
  config: { network: {} },
  hosts: { 'inside.ca.example': ['127.0.0.1'], 'mixed.ca.example': ['10.0.0.1', '169.254.169.254'] },
}

const HOSTS = [
  ['loopback', '127.0.0.1'],
  ['loopback by name', 'localhost'],
  ['loopback in decimal', '2130706433'],
  ['loopback in hexadecimal', '0x7f000001'],
  ['loopback in octal', '0177.0.0.1'],
  ['loopback shortened', '127.1'],
  ['loopback mapped into IPv6', '[::ffff:127.0.0.1]'],
  ['loopback mapped, in hexadecimal', '[::ffff:7f00:1]'],
  ['loopback by NAT64', '[64:ff9b::7f00:1]'],
  ['loopback by 6to4', '[2002:7f00:1::1]'],
  ['loopback of IPv6', '[::1]'],
  ['this host', '0.0.0.0'],
  ['a private network', '10.1.2.3'],
  ['link-local, where clouds keep credentials', '169.254.169.254'],
  ['a unique local network of IPv6', '[fd00::1]'],
  ['a name on loopback', 'inside.ca.example'],
  ['a name on private addresses alone', 'mixed.ca.example'],
] as const

/** What a certificate has to say for somebody to be asked at a URL. */
const POINTERS: readonly [what: string, options: (url: string) => MintOptions][] = [
  ['CRL distribution point', (url) => ({ crlUrls: [url] })],
  ['caIssuers URL', (url) => ({ issuer: regional, caIssuersUrls: [url] })],
  ['OCSP URL', (url) => ({ ocspUrls: [url] })],
]

/** Would make everything good, if anybody asked. */
async function tempting(): Promise<PkiWeb> {
  const web = await pkiWeb({ '/ca': regional.certificate.der })
  web.paths.set('/crl', makeCrl({ issuer: root }).der)
  return web
}

describe.each(POINTERS)('a %s', (what, options) => {
  const path = what === 'caIssuers URL' ? '/ca' : '/crl'

  test.each(HOSTS)('on %s (%s) is not contacted, and the answer names the URL', async (_, host) => {
    await using web = await tempting()
    const url = web.urlAt(host, path)
    const { recipient } = await classified([leaf(options(url))], GUARDED)
    expect(recipient).toMatchObject({
      ...{ route: 'insecure', directCapable: false, certificates: [] },
      why: [{ code: 'URL_REFUSED', text: expect.stringContaining(url) }],
    })
    expect(web.connections).toBe(0)
  })

  test('of a message is not contacted either', async () => {
    await using web = await tempting()
    const url = web.url(path)
    const signer = leaf({ ...options(url), san: ['clinic-a.example'] })
    expect(await openedFrom({ signer, key: 'dr-lee' }, GUARDED)).toMatchObject({
      verdict: 'reject',
      why: [{ code: 'SIGNER_UNTRUSTED' }, { code: 'URL_REFUSED', text: expect.stringContaining(url) }],
    })
    expect(web.connections).toBe(0)
  })

  test.each(['file:///etc/passwd', 'ftp://ca.example/ca', 'gopher://127.0.0.1:70/x'])(
    'with %s is not followed, and the answer names it',
    async (url) => {
      const { recipient } = await classified([leaf(options(url))], GUARDED)
      expect(recipient).toMatchObject({
        route: 'insecure',
        why: [{ code: 'URL_REFUSED', text: expect.stringContaining(url) }],
      })
    },
  )
})

test('a refused URL does no harm where another one gives the same', async () => {
  await using web = await tempting()
  const crlUrls = ['ldap://ca.example/cn=CA?certificateRevocationList', web.url('/crl')]
  const { recipient } = await classified([leaf({ crlUrls })])
  expect(recipient).toMatchObject({ route: 'direct', why: [] })
  expect(web.requests).toEqual(['GET /crl'])
})

describe('a directory that an SRV record names', () => {
  const ADDRESSES = ['127.0.0.1', '10.0.0.5', '169.254.169.254', '::1', 'fd00::1', '::ffff:192.168.0.1']
  const named = (address: string) => ({
    '_ldap._tcp.hisp.example': { srv: [{ target: 'ldap.hisp.example' }] },
    'ldap.hisp.example': { a: [address] },
  })
  /** Has the certificate, if anybody asked. */
  function directory() {
    const asked: string[] = []
    const certificates = [Buffer.from(leaf({}).certificate.der)]
    const ldap: LdapClient = {
      async search({ host, addresses }) {
        asked.push(`${host} ${addresses}`)
        return { status: 'found', certificates, notes: [], questions: [] }
      },
    }
    return { asked, ldap }
  }

  test.each(ADDRESSES)('at %s is not contacted, and the answer names the host', async (address) => {
    const { asked: contacted, ldap } = directory()
    const agent = await clinic('a', { ...GUARDED, zone: named(address), parts: { ldap } })
    const { recipient } = await asked(agent)
    expect(recipient).toMatchObject({
      ...{ route: 'insecure', directCapable: null, certificates: [] },
      why: [{ code: 'URL_REFUSED', text: expect.stringContaining('ldap.hisp.example') }],
    })
    expect(contacted).toEqual([])
  })

  test.each(['localhost', '127.0.0.1'])('called %s is not contacted either', async (target) => {
    const { asked: contacted, ldap } = directory()
    const zone = { '_ldap._tcp.hisp.example': { srv: [{ target }] } }
    const { recipient } = await asked(await clinic('a', { ...GUARDED, zone, parts: { ldap } }))
    expect(recipient).toMatchObject({
      route: 'insecure',
      why: [{ code: 'URL_REFUSED', text: expect.stringContaining(target) }],
    })
    expect(contacted).toEqual([])
  })

  test('has a private address, and whether it has others is not known: nor is what it holds (DISC-6)', async () => {
    const { asked: contacted, ldap } = directory()
    const zone = literalZone(named('10.0.0.5'))
    const resolver: Resolver = {
      resolve: (name, type, options) =>
        type === 'AAAA'
          ? literalZone({ [name]: 'SERVFAIL' }).resolve(name, type)
          : zone.resolve(name, type, options),
    }
    const agent = await clinic('a', { ...GUARDED, parts: { ldap, resolver } })
    const { recipient } = await asked(agent)
    expect(recipient).toMatchObject({ route: 'undetermined', why: [{ code: 'LOOKUP_FAILED' }] })
    expect(contacted).toEqual([])
  })

  test('in a private network is asked where the configuration allows it', async () => {
    const { asked: contacted, ldap } = directory()
    const agent = await clinic('a', { zone: named('10.0.0.5'), parts: { ldap } })
    const { recipient } = await asked(agent)
    expect(recipient).toMatchObject({ route: 'direct', certificates: [{ foundIn: 'ldap-address' }] })
    expect(contacted).toEqual(['ldap.hisp.example 10.0.0.5'])
  })
})
