/** How an address becomes a question, and what real servers make of it: case, tags, IDN, aliases (DISC-2, MSG-13). */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAgent, type Recipient } from '../../agent/index.ts'
import { type Minted, mint } from '../../fixtures/pki.ts'
import { type Bind, certLine, startBind, wholeZone } from '../services/bind.ts'
import { type Slapd, startSlapd } from '../services/slapd.ts'

const Z = 'names.example'
const IDN = `xn--bro-hoa.${Z}`

const anchor = mint({ ca: true, key: 'root-a', subject: 'Test Root' })
const bound = (...san: readonly string[]): Minted => mint({ issuer: anchor, key: 'dr-lee', san })

/** In DNS: of `dns.names.example` and of the IDN domain. */
const IN_DNS = {
  lee: bound(`Dr.Lee@DNS.Names.Example`),
  ward: bound(`kim+ward@dns.${Z}`),
  kim: bound(`kim@dns.${Z}`),
  idn: bound(`lee@${IDN}`),
  idnDomain: bound(IDN),
  alias: bound(`chen@dns.${Z}`),
  aliasDomain: bound(`hosted.${Z}`),
}
/** In the directory of `ldap.names.example` and of a second IDN domain. */
const IDN_LDAP = `xn--mnchen-3ya.${Z}`
const IN_LDAP = {
  lee: bound(`Dr.Lee@LDAP.Names.Example`),
  ward: bound(`kim+ward@ldap.${Z}`),
  kim: bound(`kim@ldap.${Z}`),
  idn: bound(`lee@${IDN_LDAP}`),
  idnDomain: bound(IDN_LDAP),
  odd: bound(`o'hara*{x@ldap.${Z}`),
}

const started = new AsyncDisposableStack()
let dir: string
let bind: Bind
let slapd: Slapd

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'direct-names-'))
  started.defer(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'anchor.pem'), anchor.pem)
  const entry = (mail: string, { certificate }: Minted) => ({ mail, userCertificate: [certificate.der] })
  const entries = [
    entry('dr.lee@LDAP.names.EXAMPLE', IN_LDAP.lee),
    entry(`kim+ward@ldap.${Z}`, IN_LDAP.ward),
    entry(`kim@ldap.${Z}`, IN_LDAP.kim),
    entry(`lee@${IDN_LDAP}`, IN_LDAP.idn),
    entry(IDN_LDAP, IN_LDAP.idnDomain),
    entry(`o'hara*{x@ldap.${Z}`, IN_LDAP.odd),
  ]
  slapd = started.use(await startSlapd({ contexts: [{ suffix: 'dc=names,dc=example', entries }] }))
  const cert = (owner: string, { certificate }: Minted) => certLine(owner, certificate.der)
  const records = [
    cert(`DR.Lee.dns.NAMES.example`, IN_DNS.lee),
    cert(`kim+ward.dns.${Z}`, IN_DNS.ward),
    cert(`kim.dns.${Z}`, IN_DNS.kim),
    cert(`lee.${IDN}`, IN_DNS.idn),
    cert(IDN, IN_DNS.idnDomain),
    // Aliases: of an address, of a domain, of the directory's SRV record, of its host; and to nowhere.
    `chen.dns.${Z}. 600 IN CNAME here.vendor.${Z}.`,
    `here.vendor.${Z}. 600 IN CNAME certificate.vendor.${Z}.`,
    cert(`certificate.vendor.${Z}`, IN_DNS.alias),
    `hosted.${Z}. 600 IN CNAME everyone.vendor.${Z}.`,
    cert(`everyone.vendor.${Z}`, IN_DNS.aliasDomain),
    `gone.dns.${Z}. 600 IN CNAME no-longer.vendor.${Z}.`,
    `_ldap._tcp.ldap.${Z}. 600 IN CNAME _ldap._tcp.vendor.${Z}.`,
    `_ldap._tcp.vendor.${Z}. 600 IN SRV 0 0 ${slapd.port} directory.vendor.${Z}.`,
    `directory.vendor.${Z}. 600 IN CNAME host.vendor.${Z}.`,
    `host.vendor.${Z}. 600 IN A 127.0.0.1`,
    `_ldap._tcp.${IDN_LDAP}. 600 IN SRV 0 0 ${slapd.port} host.vendor.${Z}.`,
  ]
  bind = started.use(await startBind({ zones: { [Z]: wholeZone(Z, records) } }))
})

afterAll(() => started.disposeAsync())

async function classified(address: string): Promise<Recipient> {
  await using agent = await createAgent({
    dataDir: join(dir, 'data'),
    trust: [{ for: '*', direction: 'both', anchors: [join(dir, 'anchor.pem')] }],
    dns: { servers: [bind.server] },
    network: { allowPrivate: true },
  })
  const [recipient] = await agent.classify([address])
  if (recipient === undefined) throw new Error('classify gave no answer')
  return recipient
}

const found = (foundIn: string, { certificate: { sha256 } }: Minted) => ({
  route: 'direct',
  certificates: [{ sha256, foundIn }],
})

describe('in DNS', () => {
  test.each([
    ['mixed case', 'dR.lEE@dns.Names.EXAMPLE', 'dns-address', IN_DNS.lee],
    ['a tag that is published', `kim+ward@dns.${Z}`, 'dns-address', IN_DNS.ward],
    ['a tag that is not', `Kim+Office@dns.${Z}`, 'dns-address', IN_DNS.kim],
    ['a tag, of an address that is bound by its domain', `anyone+tag@${IDN}`, 'dns-domain', IN_DNS.idnDomain],
    ['a domain beyond ASCII', `Lee@BÜRO.${Z}`, 'dns-address', IN_DNS.idn],
    ['the same in A-labels', `lee@XN--BRO-HOA.${Z}`, 'dns-address', IN_DNS.idn],
    ['an alias of an alias', `chen@dns.${Z}`, 'dns-address', IN_DNS.alias],
    ['a domain that is an alias', `anyone@hosted.${Z}`, 'dns-domain', IN_DNS.aliasDomain],
  ])('%s: %s', async (_, address, place, certificate) => {
    expect(await classified(address)).toMatchObject(found(place, certificate))
  })

  test.each([
    ['an alias that leads to nothing', `gone@dns.${Z}`],
    ['a star, which is no wildcard', `*@dns.${Z}`],
  ])('%s has no certificate, and that is known', async (_, address) => {
    const recipient = await classified(address)
    expect(recipient).toMatchObject({ route: 'insecure', why: [{ code: 'NO_CERTIFICATE' }] })
    expect(recipient.evidence.map(({ status }) => status)).toEqual(Array(6).fill('absent'))
  })
})

describe('in a directory, to which aliases lead', () => {
  test.each([
    ['mixed case', 'Dr.LEE@Ldap.Names.example', 'ldap-address', IN_LDAP.lee],
    ['a tag that is published', `kim+ward@ldap.${Z}`, 'ldap-address', IN_LDAP.ward],
    ['a tag that is not', `KIM+office@ldap.${Z}`, 'ldap-address', IN_LDAP.kim],
    ['a domain beyond ASCII', `lee@MÜNCHEN.${Z}`, 'ldap-address', IN_LDAP.idn],
    ['a domain beyond ASCII, and another address', `anyone@münchen.${Z}`, 'ldap-domain', IN_LDAP.idnDomain],
    ['what a filter would read otherwise', `o'hara*{x@ldap.${Z}`, 'ldap-address', IN_LDAP.odd],
  ])('%s: %s', async (_, address, place, certificate) => {
    expect(await classified(address)).toMatchObject(found(place, certificate))
  })

  test.each([`*@ldap.${Z}`, `k*m@ldap.${Z}`, `*}{mail=*@ldap.${Z}`])(
    '%s finds what is called so, and nobody is: nothing (RFC 4515)',
    async (address) => {
      const recipient = await classified(address)
      expect(recipient).toMatchObject({ route: 'insecure', why: [{ code: 'NO_CERTIFICATE' }] })
      expect(recipient.evidence.flatMap(({ certificates }) => certificates)).toEqual([])
    },
  )
})
