import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadSettings, settingsOf } from '../../agent/config/load.ts'
import { DirectError } from '../../agent/errors.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'direct-config-'))
})
afterEach(() => rm(dir, { recursive: true }))

async function load(text: string, env: NodeJS.ProcessEnv = {}) {
  const file = join(dir, 'direct.yaml')
  await writeFile(file, text)
  return await loadSettings(file, env)
}

async function errorOf(make: () => unknown): Promise<DirectError> {
  try {
    await make()
  } catch (error) {
    if (error instanceof DirectError) return error
    throw error
  }
  throw new Error('expected a DirectError')
}

const ofObject = (input: unknown, env: NodeJS.ProcessEnv = {}) =>
  settingsOf(input, { origin: 'the options object', dir: '/base', env })
const objectError = (input: unknown) => errorOf(() => ofObject(input))

const WHOLE = `
dataDir: ./data
identities:
  - { for: Clinic-A.example, certificate: org-a.pem, privateKey: keys/org-a.key, passwordEnv: KEY_PASSWORD }
trust:
  - { for: '*', direction: both, anchors: [rootA.pem] }
  - { for: Dr.Kim@clinic-a.example, anchors: [rootB.pem], bundles: [] }
  - { for: clinic-a.example, bundles: [{ url: 'https://bundles.example/a.p7m', signedBy: signer.pem }, { url: 'http://bundles.example/b.p7b', refreshHours: 1 }] }
certificates: [bob.pem]
dns: { servers: ['127.0.0.1:10053', '::1', '[::1]:54', localhost], timeoutMs: 1500, followUrls: false }
certServers: { HISP.example: 'dns://127.0.0.1:10054' }
revocation: prefer
certificatePolicy:
  encrypt: { keyUsage: [keyEncipherment], policies: [2.16.840.1.101.3.2.1.48.1], minRsaBits: 3072, issuers: [ca.pem] }
  own: { minRsaBits: 4096 }
network: { allowPrivate: true }
smtp: { url: 'smtp://127.0.0.1:10025', ca: ca.pem }
mailboxes:
  - { imap: 'imap://user@127.0.0.1:10143/Clinic%20A', passwordEnv: IMAP_PASSWORD, addresses: [clinic-a.example] }
  - { imap: 'imaps://dr%40clinic:p%3Aw@mail.example', asideFolder: Aside, pollSeconds: 5 }
tlsDomains: [{ domain: partner.example, server: 'smtp://mx.partner.example', ca: partner-ca.pem }]
publish:
  listen: '127.0.0.1'
  nameServers: [NS1.clinic-a.example]
  mailServers: [mx.bücher.example]
  directories: [ldap.clinic-a.example, 'ldaps.example:636']
  addresses: { ns1.Clinic-A.example: [192.0.2.1, '2001:DB8::1'], mx.xn--bcher-kva.example: [192.0.2.25] }
algorithms: { digest: sha-512, byDomain: { old.example: { keyTransport: rsa-pkcs1 } } }
legacy: { sha1From: [old.example], tripleDesFrom: [Older.Example], subjectEmail: true }
receive: { unwrapped: refuse, envelopeRecipients: refuse, mailFrom: warn, senderOnlyFrom: [hisp.example] }
`

describe('a whole configuration', () => {
  test('comes out with absolute paths, decoded URLs, folded names and secrets from the environment', async () => {
    const settings = await load(WHOLE, { KEY_PASSWORD: 'k', IMAP_PASSWORD: 'm' })
    expect(settings).toMatchObject({
      dataDir: join(dir, 'data'),
      identities: [{ for: 'clinic-a.example', privateKey: join(dir, 'keys/org-a.key') }],
      trust: [
        { for: '*', direction: 'both', anchors: [join(dir, 'rootA.pem')] },
        { for: 'dr.kim@clinic-a.example', direction: 'both', anchors: [join(dir, 'rootB.pem')] },
        {
          for: 'clinic-a.example',
          anchors: [],
          bundles: [
            { url: 'https://bundles.example/a.p7m', signedBy: join(dir, 'signer.pem'), refreshHours: 24 },
            { url: 'http://bundles.example/b.p7b', signedBy: undefined, refreshHours: 1 },
          ],
        },
      ],
      certificates: [join(dir, 'bob.pem')],
      dns: {
        servers: [
          { host: '127.0.0.1', port: 10053 },
          { host: '::1', port: 53 },
          { host: '::1', port: 54 },
          { host: '127.0.0.1', port: 53 },
        ],
        timeoutMs: 1500,
      },
      revocation: 'prefer',
      certificatePolicy: {
        encrypt: {
          keyUsage: ['keyEncipherment'],
          policies: ['2.16.840.1.101.3.2.1.48.1'],
          minRsaBits: 3072,
          issuers: [join(dir, 'ca.pem')],
        },
        own: { minRsaBits: 4096 },
      },
      network: { allowPrivate: true },
      smtp: {
        host: '127.0.0.1',
        port: 10025,
        secure: false,
        user: undefined,
        token: undefined,
        ca: join(dir, 'ca.pem'),
        connections: 4,
      },
      mailboxes: [
        {
          server: { port: 10143, user: 'user', password: 'm' },
          name: 'user@127.0.0.1:10143/Clinic A',
          folder: 'Clinic A',
          asideFolder: 'Direct-Refused',
        },
        {
          server: { port: 993, secure: true, user: 'dr@clinic', password: 'p:w' },
          folder: 'INBOX',
          pollSeconds: 5,
        },
      ],
      tlsDomains: [{ domain: 'partner.example', server: { host: 'mx.partner.example', port: 25 } }],
      legacy: { sha1From: ['old.example'], tripleDesFrom: ['older.example'], subjectEmail: true },
      receive: {
        unwrapped: 'refuse',
        envelopeRecipients: 'refuse',
        mailFrom: 'warn',
        senderOnlyFrom: ['hisp.example'],
      },
    })
    expect(settings.certServers).toEqual(
      new Map([['hisp.example', { protocol: 'dns', host: '127.0.0.1', port: 10054, secure: false }]]),
    )
    expect(settings.publish).toEqual({
      listen: { host: '127.0.0.1', port: 53 },
      nameServers: ['ns1.clinic-a.example'],
      mailServers: ['mx.xn--bcher-kva.example'],
      directories: [
        { host: 'ldap.clinic-a.example', port: 389 },
        { host: 'ldaps.example', port: 636 },
      ],
      addresses: new Map([
        ['ns1.clinic-a.example', ['192.0.2.1', '2001:db8::1']],
        ['mx.xn--bcher-kva.example', ['192.0.2.25']],
      ]),
      ttl: 3600,
    })
    expect(settings.algorithms).toEqual({
      keyTransport: 'rsa-oaep-sha256',
      content: 'aes-256-cbc',
      digest: 'sha-512',
      signature: 'rsa-pkcs1',
      byDomain: new Map([['old.example', { keyTransport: 'rsa-pkcs1' }]]),
    })
  })

  test('may be JSON', async () => {
    const settings = await load('{"dns": {"timeoutMs": 500}, "revocation": "off"}')
    expect(settings.dns.timeoutMs).toBe(500)
  })

  test('may be empty, and a key with nothing after it says nothing', async () => {
    expect(await load('')).toMatchObject({ identities: [], revocation: 'require', certificatePolicy: {} })
    expect((await load('smtp:\nmailboxes:\n  # none yet\n')).mailboxes).toEqual([])
  })

  test('a mailbox that names no addresses receives for all that are ours, those of later included', () => {
    const { mailboxes } = ofObject({
      identities: [
        { for: 'a.example', certificate: 'old.pem', privateKey: 'old.key' },
        { for: 'a.example', certificate: 'new.pem', privateKey: 'new.key' },
      ],
      mailboxes: [{ imap: 'imap://user:p@127.0.0.1' }],
    })
    expect(mailboxes[0]?.addresses).toBeNull()
    expect(mailboxes[0]?.server.port).toBe(143)
  })

  test('default ports: submission for the relay, 25 for a partner, 465 for TLS from the start', () => {
    const { smtp, tlsDomains } = ofObject({
      smtp: { url: 'smtp://relay.example' },
      tlsDomains: [
        { domain: 'a.example', server: 'smtp://mx.a.example' },
        { domain: 'b.example', server: 'smtps://mx.b.example' },
      ],
    })
    expect(smtp?.port).toBe(587)
    expect(tlsDomains.map(({ server }) => server.port)).toEqual([25, 465])
  })
})

describe('the file', () => {
  test('named and missing is an error, unnamed and missing is an empty configuration', async () => {
    const error = await errorOf(() => loadSettings(join(dir, 'none.yaml'), {}))
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
    expect(error.message).toContain('none.yaml')
    const before = process.cwd()
    process.chdir(dir)
    try {
      expect((await loadSettings(undefined, {})).trust).toEqual([])
    } finally {
      process.chdir(before)
    }
  })

  test.each([
    ['a folder', () => dir],
    [
      'not UTF-8',
      async () => {
        await writeFile(join(dir, 'latin1'), Buffer.from([0x61, 0x3a, 0xe9]))
        return join(dir, 'latin1')
      },
    ],
    [
      'too large',
      async () => {
        await writeFile(join(dir, 'large'), '#'.repeat(1024 * 1024 + 1))
        return join(dir, 'large')
      },
    ],
  ])('%s is an error', async (_, file) => {
    const name = await file()
    expect(await errorOf(() => loadSettings(name, {}))).toMatchObject({ code: 'CONFIG_INVALID' })
  })

  test.each([
    ['a duplicate key', 'smtp:\n  ca: a.pem\n  ca: b.pem\n', ':3:3: this key is there twice'],
    ['a bracket that is not closed', 'certificates: [a.pem\nrevocation: off\n', ':2:1: '],
    ['a second document', 'revocation: off\n---\nrevocation: off\n', ':2:1: a second document'],
    ['an unknown tag', 'revocation: !secret off\n', ':1:13: a tag'],
    [
      'an alias bomb',
      `a: &a [x, x, x, x, x]\n${'bcdefgh'.replace(
        /./g,
        (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)}, `.repeat(9)}]\n`,
      )}`,
      'aliases',
    ],
  ])('%s is an error with its line and column', async (_, text, expected) => {
    const error = await errorOf(() => load(text))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(expected)
  })

  test('a device without end is refused once it is longer than any configuration', async () => {
    const error = await errorOf(() => loadSettings('/dev/zero', {}))
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('larger than') })
  })

  test('an error names the line of its key, the first in the file comes first and the others follow as hints', async () => {
    const error = await errorOf(() => load('dns:\n  timeoutMs: -1\nsmpt: {}\n'))
    expect(error.message).toMatch(/direct\.yaml:2:3: dns\.timeoutMs must be from 10 /)
    expect(error.hint).toMatch(/^Also .*direct\.yaml:3:1: unknown key smpt/m)
  })
})

describe('an unknown key', () => {
  test.each([
    [{ smpt: {} }, 'smpt', 'smtp'],
    [{ Identities: [] }, 'Identities', 'identities'],
    [{ dns: { server: [] } }, 'dns.server', 'dns.servers'],
    [{ trust: [{ for: '*', anchor: [] }] }, 'trust[0].anchor', 'trust[0].anchors'],
    [
      { algorithms: { byDomain: { 'old.example': { contents: '' } } } },
      'algorithms.byDomain["old.example"].contents',
      'algorithms.byDomain["old.example"].content',
    ],
    [JSON.parse('{"__proto__": {}}'), '__proto__', ''],
  ])('%j is named with its path and the nearest known one', async (input, key, nearest) => {
    const error = await objectError(input)
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(`unknown key ${key}; the nearest known key is ${nearest}`)
  })
})

test('a store is a PostgreSQL database as whose user it is opened, with its password asked for when it is needed', async () => {
  const at = (store: object) => ofObject({ store }).store
  expect(at({ url: 'postgres://direct@DB.example/clinic%20a' })).toEqual({
    ...{ host: 'db.example', port: 5432, user: 'direct', database: 'clinic a' },
    ...{ password: undefined, ca: undefined, connections: 8 },
  })
  const inUrl = at({ url: 'postgresql://direct:p%40ss@127.0.0.1:5433/direct', connections: 3 })
  expect(inUrl).toMatchObject({ port: 5433, connections: 3 })
  expect(await inUrl?.password?.()).toBe('p@ss')
  const unset = at({ url: 'postgres://direct@db.example/direct', passwordEnv: 'NO_SUCH_VARIABLE' })
  await expect(unset?.password?.()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

describe('a wrong value is refused', () => {
  test.each([
    [[], 'the configuration must be a map'],
    [{ identities: {} }, 'identities must be a list'],
    [{ identities: [{ for: 'a.example', certificate: 'a.pem' }] }, 'identities[0].privateKey is missing'],
    [{ identities: [{ for: 'a..b@example.org', certificate: 'a', privateKey: 'b' }] }, 'identities[0].for'],
    [{ trust: [{ anchors: [] }] }, 'trust[0].for is missing'],
    [{ trust: [{ for: '*', direction: 'inward' }] }, 'both, incoming or outgoing, not "inward"'],
    [{ trust: [{ for: '*.example' }] }, 'trust[0].for'],
    [{ publish: { nameServers: ['192.0.2.1'] } }, 'publish.nameServers[0] must be the name of a host'],
    [{ publish: { mailServers: ['mx'] } }, 'publish.mailServers[0] must be the name of a host'],
    [{ publish: { addresses: { 'ns1.a.example': ['ns2'] } } }, 'must be an IP address, not "ns2"'],
    [{ publish: { addresses: { 'ns1.a.example': [] } } }, 'must hold an IP address'],
    [{ publish: { addresses: { ns1: ['192.0.2.1'] } } }, 'publish.addresses.ns1 must be a domain name'],
    [
      { publish: { nameServers: ['ns1.a.example'], addresses: { 'ns2.a.example': ['192.0.2.1'] } } },
      'publish.addresses["ns2.a.example"] is of a host that publish does not name; it names ns1.a.example',
    ],
    [{ store: {} }, 'store.url is missing'],
    [{ store: { url: 'mysql://db.example/direct' } }, 'store.url must be a URL such as postgres://'],
    [{ store: { url: 'postgres://db.example/direct' } }, 'store.url must name a user before the host'],
    [{ store: { url: 'postgres://u@db.example' } }, 'store.url must end in the name of a database'],
    [{ store: { url: 'postgres://u@db.example/a?sslmode=disable' } }, 'store.url must not hold ?'],
    [
      { store: { url: 'postgres://u:p@db.example/direct', passwordEnv: 'P' } },
      'store.passwordEnv and the URL both give the password',
    ],
    [
      { store: { url: 'postgres://u@db.example/direct', passwordEnv: 'P', passwordFile: 'p' } },
      'store.passwordFile and passwordEnv both give the password',
    ],
    [{ store: { url: 'postgres://u@db.example/direct', connections: 0 } }, 'from 1 to 100 connections'],
    [{ retention: { messageDays: 0 } }, 'retention.messageDays must be from 1 to 36500 days'],
    [{ retention: { messageDays: 30, auditDays: 29 } }, 'retention.auditDays is less than messageDays'],
    [{ retention: { auditDays: 29 } }, 'messageDays, which is left out, for ever'],
    [{ revocation: 'on' }, 'revocation must be require, prefer or off, not "on"'],
    [{ trust: [{ for: '*', bundles: [{}] }] }, 'trust[0].bundles[0].url is missing'],
    [
      { trust: [{ for: '*', bundles: [{ url: 'http://bundles.example/b.p7b' }] }] },
      'trust[0].bundles[0].url is plain http, and no signedBy is given',
    ],
    [
      { trust: [{ for: '*', bundles: [{ url: 'http://localhost.example/b.p7b' }] }] },
      'whoever is on the way could change whom we believe',
    ],
    [{ trust: [{ for: '*', bundles: [{ url: 'ftp://a.example/b' }] }] }, 'must be a URL such as https://'],
    [{ trust: [{ for: '*', bundles: [{ url: 'https://u:p@a.example/b' }] }] }, 'must not hold a user'],
    [
      { trust: [{ for: '*', bundles: [{ url: 'https://a.example/b', refreshHours: 0 }] }] },
      'refreshHours must be from 0.1 to 744 hours, not 0',
    ],
    [
      { certificatePolicy: { encrypt: { keyUsage: ['keyCertSign'] } } },
      'certificatePolicy.encrypt.keyUsage[0] must be digitalSignature,',
    ],
    [{ certificatePolicy: { verify: { policies: ['1.3.06'] } } }, 'must be an object identifier'],
    [{ certificatePolicy: { verify: { policies: [] } } }, 'must name one, or be left out'],
    [{ certificatePolicy: { own: { minRsaBits: 1024 } } }, 'must be from 2048 to 8192 bits, not 1024'],
    [{ certificatePolicy: { own: { issuers: 'ca.pem' } } }, 'certificatePolicy.own.issuers must be a list'],
    [{ certificates: ['a\u0000b'] }, 'certificates[0] must be the path of a file'],
    [{ dns: { servers: [] } }, 'dns.servers'],
    [{ dns: { servers: ['ns.example'] } }, 'must be an IP address'],
    [{ dns: { servers: ['127.0.0.1:99999'] } }, 'dns.servers[0]'],
    [{ dns: { timeoutMs: Number.NaN } }, 'dns.timeoutMs'],
    [{ dns: { timeoutMs: '3000' } }, 'dns.timeoutMs must be a number'],
    [{ certServers: { nodot: 'dns://127.0.0.1' } }, 'certServers.nodot'],
    [{ certServers: { 'A.example': 'dns://a', 'a.example': 'dns://b' } }, 'is there twice'],
    [{ smtp: { url: 'http://127.0.0.1' } }, 'smtp.url must be a URL such as smtp://'],
    [{ smtp: { url: 'smtp://127.0.0.1/path' } }, 'smtp.url must end after the port'],
    [{ smtp: { url: 'smtp://a_b c' } }, 'smtp.url'],
    [{ smtp: { url: 'smtp://relay.example', passwordEnv: 'A' } }, 'smtp.passwordEnv needs a user'],
    [{ smtp: { url: 'smtp://u:p@relay.example', passwordEnv: 'A' } }, 'smtp.passwordEnv and the URL both'],
    [{ mailboxes: [{ imap: 'imap://u%0d%0a:p@127.0.0.1' }] }, 'control characters'],
    [{ mailboxes: [{ imap: 'imap://u:100%@127.0.0.1' }] }, 'write a %'],
    [
      { mailboxes: [{ imap: 'imap://u:p@127.0.0.1', asideFolder: 'inbox' }] },
      'asideFolder must be another folder',
    ],
    [{ mailboxes: [{ name: '', imap: 'imap://u:p@127.0.0.1' }] }, 'mailboxes[0].name must be a name'],
    [{ mailboxes: [1, 2].map(() => ({ imap: 'imap://u:p@127.0.0.1' })) }, 'mailboxes[1].imap is there twice'],
    [
      {
        mailboxes: [
          { imap: 'imap://u:p@127.0.0.1' },
          { name: 'u@127.0.0.1:143/INBOX', imap: 'imap://v:p@127.0.0.1' },
        ],
      },
      'mailboxes[1].name is there twice',
    ],
    [{ tlsDomains: [{ domain: 'a.example', server: 'smtp://u:p@mx.a.example' }] }, 'nobody logs in'],
    [
      { tlsDomains: [1, 2].map(() => ({ domain: 'a.example', server: 'smtp://mx.a.example' })) },
      'is there twice',
    ],
    [{ algorithms: { digest: 'md5' } }, 'sha-256, sha-384 or sha-512, not "md5"'],
    [{ legacy: { sha1From: ['*'] } }, 'legacy.sha1From[0]'],
    [{ legacy: { tripleDesFrom: ['*'] } }, 'legacy.tripleDesFrom[0]'],
    [{ algorithms: { byDomain: { 'a.example': { digest: 'md5' } } } }, 'byDomain["a.example"].digest'],
  ])('%j', async (input, expected) => {
    const error = await objectError(input)
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(expected)
    expect(error.hint).toBeTruthy()
  })
})

describe('an identity says once where its key is, and where its password', () => {
  const files = { for: 'a.example', certificate: 'a.pem', privateKey: 'a.key' }
  const pkcs12 = { for: 'a.example', pkcs12: 'a.p12' }
  const key = { sign: async () => new Uint8Array(), decrypt: async () => null }
  const identityOf = (entry: object, env?: NodeJS.ProcessEnv) => {
    const [identity] = ofObject({ identities: [entry] }, env).identities
    if (!identity) throw new Error('expected an identity')
    return identity
  }

  test('in files of their own, in one of PKCS#12, or elsewhere', () => {
    expect(identityOf(files)).toMatchObject({ certificate: '/base/a.pem', privateKey: '/base/a.key' })
    const file = '/base/a.p12'
    expect(identityOf(pkcs12)).toMatchObject({ certificate: file, privateKey: file, isPkcs12: true })
    const { privateKey: _, ...alone } = files
    expect(identityOf({ ...alone, key })).toMatchObject({ certificate: '/base/a.pem', privateKey: null, key })
  })

  test('its password is asked for when it is needed', async () => {
    const identity = identityOf({ ...pkcs12, passwordEnv: 'OF_A' }, { OF_A: 'k' })
    expect(identity.privateKey !== null && (await identity.password?.())).toBe('k')
    const unset = identityOf({ ...pkcs12, passwordEnv: 'OF_A' })
    await expect(unset.privateKey !== null && unset.password?.()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('identities[0].passwordEnv'),
    })
  })

  test.each<[object, string]>([
    [{ ...files, pkcs12: 'a.p12' }, 'identities[0].privateKey and pkcs12 both'],
    [{ ...pkcs12, certificate: 'a.pem' }, 'identities[0].certificate stands beside pkcs12'],
    [{ ...files, key }, 'identities[0].privateKey and key both'],
    [{ for: 'a.example', key }, 'identities[0].certificate is missing'],
    [{ for: 'a.example', certificate: 'a.pem', key: 'pkcs11:x' }, 'identities[0].key must be an object with'],
    [{ for: 'a.example', certificate: 'a.pem', key: { sign: key.sign } }, 'identities[0].key must be'],
    [
      { for: 'a.example', certificate: 'a.pem', key, passwordEnv: 'A' },
      'identities[0].passwordEnv opens a file',
    ],
    [{ ...files, passwordEnv: 'A', passwordFile: 'b' }, 'identities[0].passwordFile and passwordEnv both'],
    [
      { ...files, passwordFile: 'b', passwordCommand: ['c'] },
      'identities[0].passwordCommand and passwordFile',
    ],
    [{ ...files, passwordCommand: [] }, 'identities[0].passwordCommand must name a program'],
    [{ ...files, passwordCommand: 'pass show' }, 'identities[0].passwordCommand must be a list'],
    [{ ...files, passwordCommand: ['', 'x'] }, 'identities[0].passwordCommand must name a program'],
  ])('%j is refused', async (entry, message) => {
    const error = await objectError({ identities: [entry] })
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(message)
  })

  test.each([
    [{ tokenCommand: [] }, 'smtp.tokenCommand must name a program'],
    [{ tokenCommand: ['a'], passwordEnv: 'B' }, 'smtp.tokenCommand takes the place of a password'],
    [
      { tokenCommand: ['a'], url: 'smtp://u:p@relay.example' },
      'smtp.tokenCommand takes the place of a password',
    ],
    [{ tokenCommand: ['a'], url: 'smtp://relay.example' }, 'smtp.tokenCommand needs a user'],
    [{ connections: 0 }, 'smtp.connections must be from 1 to 50'],
  ])('of the relay, %j is refused', async (entry, message) => {
    const error = await objectError({ smtp: { url: 'smtp://u@relay.example', ...entry } })
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(message)
  })

  test('the same holds for a mailbox', async () => {
    const imap = 'imaps://u@mail.example'
    const { mailboxes } = ofObject({ mailboxes: [{ imap, tokenCommand: ['a'] }] })
    expect(mailboxes[0]?.server).toMatchObject({ token: expect.any(Function), password: undefined })
    const error = await objectError({ mailboxes: [{ imap, tokenCommand: ['a'], passwordEnv: 'B' }] })
    expect(error.message).toContain('mailboxes[0].tokenCommand takes the place of a password')
  })

  test('a token is the first line of what the program of tokenCommand writes, started in the folder of the configuration', async () => {
    const tokenOf = (tokenCommand: readonly string[]) => {
      const input = { smtp: { url: 'smtp://u@relay.example', tokenCommand } }
      return settingsOf(input, { origin: 'here', dir, env: { START: 'ya29' } }).smtp?.token?.()
    }
    const script = 'process.stdout.write(process.env.START + "." + process.cwd() + "\\nmore")'
    expect(await tokenOf([process.execPath, '-e', script])).toBe(`ya29.${dir}`)
    const error = await errorOf(() => tokenOf(['/nowhere/get-token', 'CANARY']))
    expect(error.message).toContain('the tokenCommand /nowhere/get-token cannot be started')
    expect(`${error.message} ${error.hint}`).not.toContain('CANARY')
  })

  test('what stands where a password may have been written by mistake is not repeated', async () => {
    for (const entry of [{ passwordFile: 'CANARY\n' }, { passwordCommand: ['a', 'CANARY\0'] }]) {
      const error = await objectError({ identities: [{ ...files, ...entry }] })
      expect(`${error.message} ${error.hint}`).not.toContain('CANARY')
    }
  })
})

describe('passwords', () => {
  test('a variable that is not set is named when the password is needed, not before', async () => {
    const { smtp } = ofObject({ smtp: { url: 'smtp://u@relay.example', passwordEnv: 'RELAY_PASSWORD' } })
    const error = await errorOf(() => smtp?.password)
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
    expect(error.message).toContain('smtp.passwordEnv')
    expect(error.message).toContain('RELAY_PASSWORD, which is not set')
  })

  test('a variable that is set to nothing is told as empty', async () => {
    const smtp = { url: 'smtp://u@relay.example', passwordEnv: 'RELAY_PASSWORD' }
    const settings = ofObject({ smtp }, { RELAY_PASSWORD: '' })
    const error = await errorOf(() => settings.smtp?.password)
    expect(error.message).toContain(
      'smtp.passwordEnv names the environment variable RELAY_PASSWORD, which is empty',
    )
  })

  test.each([
    'smtp: { url: "smtp://u:CANARY@relay.example/x" }',
    'smtp: { url: "smtps//u:CANARY@relay.example" }',
    'smtp: { url: "u:CANARY@relay.example" }',
    'smtp: { url: "smtp://u:CANARY/@relay.example" }',
    'smtp: { url: "smtp://u@relay.example", passwordEnv: "CANARY!" }',
    'mailboxes: [{ imap: "imap://u:CANARY%@127.0.0.1" }]',
    'mailboxes: "imap://u:CANARY@127.0.0.1"',
    'smtp: { url: "smtp://u:CANARY@relay.example" "CANARY" }',
    'smtp: { url: !CANARY "x" }',
    'CANARY',
  ])('never appear in an error: %s', async (text) => {
    const error = await errorOf(() => load(text))
    expect(`${error.message} ${error.hint}`).not.toContain('CANARY')
  })
})

test.each([
  ['signed', { url: 'http://bundles.example/b.p7m', signedBy: 'signer.pem' }, {}],
  ['from loopback', { url: 'http://127.0.0.1:8080/b.p7b' }, {}],
  ['from loopback by IPv6', { url: 'http://[::1]/b.p7b' }, {}],
  ['from localhost', { url: 'http://localhost/b.p7b' }, {}],
  ['for tests', { url: 'http://bundles.example/b.p7b' }, { network: { allowPrivate: true } }],
  ['by https', { url: 'https://bundles.example/b.p7b' }, {}],
])('a bundle may be unsigned or by plain http, not both: %s it will do (TR-4)', (_, bundle, config) => {
  expect(ofObject({ trust: [{ for: '*', bundles: [bundle] }], ...config }).trust[0]?.bundles).toHaveLength(1)
})

test('the hint for an open bundle says both ways out (TR-4)', async () => {
  const { hint } = await objectError({
    trust: [{ for: '*', bundles: [{ url: 'http://bundles.example/b.p7b' }] }],
  })
  expect(hint).toMatch(/signedBy.* or fetch it by https/)
})
