import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KeyTransport } from '../../agent/smime/algorithms.ts'
import type { Verified } from '../../agent/smime/verify.ts'
import { multipart, opaque } from '../agent/smime/hostile.ts'
import { type BouncyCastle, startBouncyCastle } from './bouncy-castle.ts'
import { ENTITY, open, opens, type Person, type Sealing, savePeople, seal } from './correspondents.ts'

let folder: string
let bouncyCastle: BouncyCastle
const at = (name: string) => join(folder, name)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'direct-bouncy-castle-'))
  savePeople(folder)
  writeFileSync(at('entity'), ENTITY)
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=stranger']
  execFileSync(
    'openssl',
    ['req', '-x509', ...ec, '-keyout', at('stranger.key'), '-out', at('stranger.pem')],
    {
      stdio: 'pipe',
    },
  )
  bouncyCastle = await startBouncyCastle(folder)
})

afterAll(async () => {
  await bouncyCastle?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const TRANSPORTS: readonly KeyTransport[] = [
  'rsa-pkcs1',
  'rsa-oaep-sha1',
  'rsa-oaep-sha256',
  'rsa-oaep-sha384',
  'rsa-oaep-sha512',
]

describe('BouncyCastle reads what we seal', () => {
  async function readsIt(how: Sealing, as: Person) {
    const { cms, content } = await seal(how)
    writeFileSync(at('sealed'), cms)
    const kind = how.content?.endsWith('-gcm') ? 'auth-enveloped' : 'enveloped'
    const found = await bouncyCastle.ask('open', { in: 'sealed', as, kind, out: 'content' })
    expect(readFileSync(at('content'))).toEqual(content)
    return found
  }

  test.each<[Person, Sealing]>([
    ['alice', { digest: 'sha-256' }],
    ['alice', { digest: 'sha-384' }],
    ['alice', { digest: 'sha-512' }],
    ['alice', { digest: 'sha-256', signature: 'rsa-pss' }],
    ['alice', { digest: 'sha-384', signature: 'rsa-pss' }],
    ['alice', { digest: 'sha-512', signature: 'rsa-pss' }],
    ['p256', { digest: 'sha-256' }],
    ['p384', { digest: 'sha-384' }],
    ['p521', { digest: 'sha-512' }],
  ])('signed by %s: %o', async (from, how) => {
    const found = await readsIt({ from, ...how }, 'bob')
    const oid = { 'sha-256': '1', 'sha-384': '2', 'sha-512': '3' }[how.digest ?? 'sha-256']
    expect(found).toMatchObject({
      digests: `2.16.840.1.101.3.4.2.${oid}`,
      signingTime: 'yes',
      algorithmProtection: 'yes',
    })
  })

  test.each(TRANSPORTS)('%s', async (keyTransport) => {
    for (const as of ['bob', 'drLee'] as const) await readsIt({ keyTransport }, as)
  })

  test.each(['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'aes-128-gcm', 'aes-256-gcm'] as const)(
    '%s',
    async (content) => {
      await readsIt({ content }, 'bob')
    },
  )

  test('ECDH, each recipient on a curve of its own beside one with RSA', async () => {
    const to: readonly Person[] = ['p256', 'bob', 'p384', 'p521']
    for (const as of to) await readsIt({ to }, as)
  })

  test('a message of two megabytes', async () => {
    const message = `Subject: s\r\n\r\n${'0123456789abcdef\r\n'.repeat(120_000)}`
    await readsIt({ message }, 'bob')
  })
})

interface Signing {
  readonly signers?: string
  readonly by?: 'ski'
  readonly attributes?: 'no'
  readonly form?: 'opaque'
  readonly encoding?: 'DER' | 'DL' | 'BER'
}

interface Sealed {
  readonly content?: string
  readonly recipients?: string
  readonly by?: 'ski'
  readonly ukm?: string
  readonly chunk?: string
  readonly recipientsForm?: 'BER'
}

/** What BouncyCastle signs and seals, as CMS. */
async function made(signing: Signing, sealed: Sealed): Promise<Buffer> {
  await bouncyCastle.ask('sign', {
    in: 'entity',
    out: 'signature',
    signers: 'alice:SHA256withRSA',
    more: 'intermediate',
    encoding: 'BER',
    ...signing,
  })
  const signature = readFileSync(at('signature'))
  writeFileSync(at('signed'), signing.form === 'opaque' ? opaque(signature) : multipart(ENTITY, signature))
  await bouncyCastle.ask('seal', {
    in: 'signed',
    out: 'sealed',
    content: 'aes-256-cbc',
    recipients: 'bob:rsa-oaep-sha256',
    ...sealed,
  })
  return readFileSync(at('sealed'))
}

describe('we read what BouncyCastle makes', () => {
  const reads = async (signing: Signing, sealed: Sealed = {}): Promise<Verified> =>
    opens(await made(signing, sealed))

  test.each([
    ['alice:SHA256withRSA', 'rsa-pkcs1', 'sha-256'],
    ['alice:SHA384withRSA', 'rsa-pkcs1', 'sha-384'],
    ['alice:SHA512withRSA', 'rsa-pkcs1', 'sha-512'],
    ['alice:SHA256withRSAandMGF1', 'rsa-pss', 'sha-256'],
    ['alice:SHA384withRSAandMGF1', 'rsa-pss', 'sha-384'],
    ['alice:SHA512withRSAandMGF1', 'rsa-pss', 'sha-512'],
    ['p256:SHA256withECDSA', 'ecdsa', 'sha-256'],
    ['p384:SHA384withECDSA', 'ecdsa', 'sha-384'],
    ['p521:SHA512withECDSA', 'ecdsa', 'sha-512'],
    ['p384:SHA256withECDSA', 'ecdsa', 'sha-256'],
  ])(
    '%s: with attributes and without, by issuer and by key, detached and opaque',
    async (signers, signature, digest) => {
      const forms: readonly Signing[] = [{}, { by: 'ski' }, { attributes: 'no' }, { form: 'opaque' }]
      for (const form of forms) {
        expect((await reads({ signers, ...form })).signers).toMatchObject([
          { signature, digest, weak: false },
        ])
      }
    },
  )

  test.each(['DER', 'DL', 'BER'] as const)('signatures in %s', async (encoding) => {
    await reads({ encoding })
    await reads({ encoding, form: 'opaque', attributes: 'no' })
  })

  test('several signers with keys of each kind, CMSAlgorithmProtection in each (RFC 6211)', async () => {
    const signers = 'alice:SHA256withRSA,drLee:SHA512withRSAandMGF1,p256:SHA256withECDSA,p521:SHA512withECDSA'
    for (const form of [{}, { form: 'opaque' }] as const) {
      const found = (await reads({ signers, ...form })).signers.map(({ signature }) => signature)
      expect(found.sort()).toEqual(['ecdsa', 'ecdsa', 'rsa-pkcs1', 'rsa-pss'])
    }
  })

  test.each(TRANSPORTS)('%s, by issuer and by key', async (transport) => {
    for (const by of [{}, { by: 'ski' }] as const)
      await reads({}, { recipients: `alice:rsa-pkcs1,bob:${transport}`, ...by })
  })

  test.each(['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'aes-128-gcm', 'aes-256-gcm'])(
    '%s',
    async (content) => {
      await reads({}, { content })
    },
  )

  test.each(['ecdh-sha1', 'ecdh-sha256', 'ecdh-sha384', 'ecdh-sha512'])(
    '%s to each curve and with each key wrap, with ukm and without, by issuer and by key',
    async (agreement) => {
      for (const [to, wrap] of [
        ['p256', 'aes-128-wrap'],
        ['p384', 'aes-192-wrap'],
        ['p521', 'aes-256-wrap'],
      ]) {
        const recipients = `${to}:${agreement}:${wrap}`
        await reads({}, { recipients })
        await reads({}, { recipients, ukm: 'some keying material of the sender', by: 'ski' })
      }
    },
  )

  test('several recipients in one KeyAgreeRecipientInfo, wherever ours stands among them', async () => {
    for (const to of ['stranger+p256', 'p256+stranger', 'stranger+p256+stranger'])
      for (const ukm of [{}, { ukm: 'u' }])
        await reads({}, { recipients: `alice:rsa-pkcs1,${to}:ecdh-sha256:aes-256-wrap`, ...ukm })
  })

  test.each(['1', '3', '16', '1000', '65536'])('content in pieces of %s bytes', async (chunk) => {
    await reads({}, { chunk })
    await reads(
      { form: 'opaque' },
      { chunk, recipientsForm: 'BER', recipients: 'alice:rsa-pkcs1,bob:rsa-oaep-sha256' },
    )
  })

  test('a message for a stranger alone is not for us', async () => {
    expect(await open(await made({}, { recipients: 'stranger:ecdh-sha256:aes-256-wrap' }))).toMatchObject({
      code: 'NOT_FOR_US',
    })
  })
})
