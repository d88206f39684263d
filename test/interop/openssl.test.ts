import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MessageCode, Reason } from '../../agent/errors.ts'
import type { ContentCipher, Digest, KeyTransport } from '../../agent/smime/algorithms.ts'
import { decrypt } from '../../agent/smime/decrypt.ts'
import { encrypt } from '../../agent/smime/encrypt.ts'
import { sign } from '../../agent/smime/sign.ts'
import { unwrap, Verified, verify } from '../../agent/smime/verify.ts'
import { type Minted, mint } from '../../fixtures/pki.ts'
import { parseCertificate } from '../../trust-anchors/index.ts'
import {
  alice,
  bob,
  bytesOf,
  cmsOf,
  composed,
  countingSpool,
  drLee,
  encryptionPath,
  identity,
  intermediate,
  NOW,
  root,
  sourceOf,
} from '../agent/smime/parties.ts'

const TEXT = 'Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nA line.\r\n\r\n.\r\n'
const INNER = 'Subject: s\r\n\r\nA line.\r\n\r\n.\r\n'
const ec = mint({ issuer: root, san: ['ec.example'], key: 'ec-p256', keyUsage: null })

let folder: string
const at = (name: string) => join(folder, name)
const openssl = (...args: string[]) =>
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 })

function save(name: string, { pem, privateKey }: Minted): void {
  writeFileSync(at(`${name}.pem`), pem)
  writeFileSync(at(`${name}.key`), privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

beforeAll(() => {
  if (spawnSync('openssl', ['version']).error !== undefined) {
    throw new Error('openssl is missing, and this test needs it: apt-get install -y openssl')
  }
  folder = mkdtempSync(join(tmpdir(), 'direct-openssl-'))
  for (const [name, minted] of Object.entries({ root, intermediate, alice, bob, drLee, ec }))
    save(name, minted)
  writeFileSync(at('text'), TEXT)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('openssl reads what we seal', () => {
  const signer = identity(alice, [intermediate, root])
  const attime = String(NOW.getTime() / 1000)

  async function seal(digest: Digest, content: ContentCipher, keyTransport: KeyTransport, message?: string) {
    const signed = await sign(composed(message), signer, { digest, signature: 'rsa-pkcs1', at: NOW })
    const recipients = [
      encryptionPath(drLee, 'dr.lee@clinic-b.example'),
      encryptionPath(bob, 'b@clinic-b.example'),
    ]
    const { entity } = await encrypt(signed, recipients, { content, keyTransport })
    writeFileSync(at('sealed.eml'), await bytesOf(entity))
    writeFileSync(at('sealed.der'), cmsOf(await bytesOf(entity)))
    return bytesOf(signed.entity)
  }

  const decryptBy = (tool: 'cms' | 'smime', who: string, file: string, ...form: string[]) => {
    const key = ['-recip', `${who}.pem`, '-inkey', `${who}.key`]
    openssl(tool, '-decrypt', '-in', file, ...form, ...key, '-out', 'signed.eml')
  }
  const verifyBy = (tool: 'cms' | 'smime', ...more: string[]) => {
    const trust = ['-CAfile', 'root.pem', '-attime', attime, ...more]
    openssl(tool, '-verify', '-in', 'signed.eml', ...trust, '-out', 'content')
  }

  const transports: KeyTransport[] = [
    'rsa-oaep-sha1',
    'rsa-oaep-sha256',
    'rsa-oaep-sha384',
    'rsa-oaep-sha512',
    'rsa-pkcs1',
  ]
  for (const [i, transport] of transports.entries()) {
    const content = (['aes-256-cbc', 'aes-128-cbc', 'aes-192-cbc'] as const)[i % 3] as ContentCipher
    const digest = (['sha-256', 'sha-384', 'sha-512'] as const)[i % 3] as Digest
    test(`${transport}, ${content}, ${digest}: cms -decrypt, then cms -verify, and DER all the way`, async () => {
      const signed = await seal(digest, content, transport)
      for (const who of ['bob', 'drLee']) {
        decryptBy('cms', who, 'sealed.eml')
        expect(readFileSync(at('signed.eml'))).toEqual(signed)
      }
      verifyBy('cms', '-x509_strict')
      expect(readFileSync(at('content'))).toEqual(await bytesOf(composed().entity))
      const tree = openssl('asn1parse', '-inform', 'DER', '-in', 'sealed.der').toString()
      expect(tree).not.toMatch(/l= *inf/)
      expect(tree).toMatch(/pkcs7-envelopedData/)
    })
  }

  test.each<[ContentCipher, Digest, 'rsa-pkcs1' | 'rsa-pss']>([
    ['aes-128-gcm', 'sha-256', 'rsa-pss'],
    ['aes-256-gcm', 'sha-512', 'rsa-pss'],
    ['aes-256-cbc', 'sha-384', 'rsa-pkcs1'],
  ])('%s, %s, %s by RSA and ECDSA, to RSA and EC keys', async (content, digest, signature) => {
    for (const minted of [alice, ec]) {
      const signed = await sign(composed(), identity(minted, [intermediate]), { digest, signature, at: NOW })
      const to = [encryptionPath(bob, 'b@clinic-b.example'), encryptionPath(ec, 'x@ec.example')]
      const { entity } = await encrypt(signed, to, { content, keyTransport: 'rsa-oaep-sha256' })
      writeFileSync(at('sealed.eml'), await bytesOf(entity))
      for (const who of ['bob', 'ec']) {
        decryptBy('cms', who, 'sealed.eml')
        expect(readFileSync(at('signed.eml'))).toEqual(await bytesOf(signed.entity))
        verifyBy('cms')
      }
    }
  })

  test('smime -decrypt and smime -verify, the older commands (PKCS#1 v1.5)', async () => {
    await seal('sha-256', 'aes-256-cbc', 'rsa-pkcs1')
    decryptBy('smime', 'bob', 'sealed.eml')
    verifyBy('smime')
    expect(readFileSync(at('content'))).toEqual(await bytesOf(composed().entity))
  })

  test('a message of several megabytes', async () => {
    const message = `Subject: s\r\n\r\n${'0123456789abcdef\r\n'.repeat(200_000)}`
    const signed = await seal('sha-256', 'aes-256-cbc', 'rsa-oaep-sha256', message)
    decryptBy('cms', 'bob', 'sealed.der', '-inform', 'DER')
    expect(readFileSync(at('signed.eml')).equals(signed)).toBe(true)
    verifyBy('cms')
  })

  test('the signature shows signingTime, S/MIME capabilities and no root', async () => {
    writeFileSync(at('signed.eml'), await seal('sha-256', 'aes-256-cbc', 'rsa-pkcs1'))
    const shown = openssl('cms', '-cmsout', '-print', '-in', 'signed.eml').toString()
    expect(shown).toMatch(/signingTime[\s\S]*Nov 21 12:00:00 2026 GMT/)
    expect(shown).toMatch(/S\/MIME Capabilities[\s\S]*aes-256-cbc[\s\S]*aes-128-cbc[\s\S]*rsaesOaep/)
    expect(shown.match(/d\.certificate:/g)).toHaveLength(2)
  })
})

describe('we read what openssl makes', () => {
  const SIGN = [
    'cms',
    '-sign',
    '-in',
    'text',
    '-signer',
    'alice.pem',
    '-inkey',
    'alice.key',
    '-certfile',
    'intermediate.pem',
    '-binary',
    '-out',
    'signed',
  ]
  const ENCRYPT = ['cms', '-encrypt', '-in', 'signed', '-binary', '-outform', 'DER', '-out', 'sealed']
  // openssl 3.0 would choose 3DES by itself.
  const BOB = ['-aes256', '-recip', 'bob.pem']

  async function open(): Promise<Verified | Reason<MessageCode>> {
    const { spool } = countingSpool()
    const decrypted = await decrypt(
      sourceOf(readFileSync(at('sealed')), 1000),
      [identity(bob), identity(drLee), identity(ec)],
      spool,
    )
    return 'code' in decrypted ? decrypted : verify(decrypted, { spool, parseCertificate })
  }

  async function opens(sign: readonly string[], seal: readonly string[]): Promise<Verified> {
    openssl(...SIGN, ...sign)
    openssl(...ENCRYPT, ...seal)
    const result = await open()
    expect(result).toBeInstanceOf(Verified)
    const verified = result as Verified
    const { inner, wrapped } = await unwrap(verified.entity, countingSpool().spool)
    expect({ wrapped, inner: (await bytesOf(inner)).toString() }).toEqual({ wrapped: true, inner: INNER })
    expect(verified.signers.map(({ certificate }) => certificate.sha256)).toContain(alice.certificate.sha256)
    return verified
  }

  async function refused(sign: readonly string[], seal: readonly string[], text: RegExp): Promise<void> {
    openssl(...SIGN, ...sign)
    openssl(...ENCRYPT, ...seal)
    expect(await open()).toEqual({ code: 'ALGORITHM_REFUSED', text: expect.stringMatching(text) })
  }

  const signModes: readonly (readonly string[])[] = [
    [],
    ['-stream'],
    ['-keyid'],
    ['-noattr'],
    ['-nosmimecap'],
    ['-nodetach'],
    ['-nodetach', '-stream'],
    ['-nodetach', '-noattr'],
    ['-md', 'sha384'],
    ['-md', 'sha512', '-keyid'],
  ]
  for (const mode of signModes) {
    test(`cms -sign ${mode.join(' ')}`, async () => {
      const { signers } = await opens(mode, BOB)
      const digest = mode.includes('sha384') ? 'sha-384' : mode.includes('sha512') ? 'sha-512' : 'sha-256'
      expect(signers).toMatchObject([{ digest, weak: false }])
      expect(signers[0].signingTime === null).toBe(mode.includes('-noattr'))
    })
  }

  const sealModes: readonly (readonly string[])[] = [
    ['-aes128', '-recip', 'bob.pem'],
    ['-aes192', '-recip', 'bob.pem'],
    ['-aes256', '-recip', 'bob.pem'],
    ['-stream', ...BOB],
    ['-keyid', ...BOB],
    ['-keyid', '-stream', '-recip', 'alice.pem', ...BOB],
    ['-recip', 'alice.pem', ...BOB, '-recip', 'drLee.pem'],
    ...['sha1', 'sha256', 'sha384', 'sha512'].map((hash) => [
      ...[...BOB, '-keyopt', 'rsa_padding_mode:oaep', '-keyopt', `rsa_oaep_md:${hash}`],
      ...['-keyopt', `rsa_mgf1_md:${hash}`],
    ]),
    [...BOB, '-keyopt', 'rsa_padding_mode:oaep'],
  ]
  for (const mode of sealModes) {
    test(`cms -encrypt ${mode.join(' ')}`, async () => {
      await opens([], mode)
    })
  }

  test('SHA-1 verifies and is marked as weak (ALG-4)', async () => {
    expect((await opens(['-md', 'sha1'], BOB)).signers).toMatchObject([{ digest: 'sha-1', weak: true }])
  })

  test('several signers, of whom one has an EC key', async () => {
    const { signers, rejected } = await opens(['-signer', 'ec.pem', '-inkey', 'ec.key'], BOB)
    expect(signers.map(({ signature }) => signature).sort()).toEqual(['ecdsa', 'rsa-pkcs1'])
    expect(rejected).toEqual([])
  })

  const PSS = ['-keyopt', 'rsa_padding_mode:pss']
  test.each<[readonly string[], string]>([
    [PSS, 'sha-256'],
    [[...PSS, '-md', 'sha512'], 'sha-512'],
    [[...PSS, '-keyopt', 'rsa_pss_saltlen:20', '-md', 'sha384'], 'sha-384'],
  ])('cms -sign %s', async (mode, digest) => {
    expect((await opens(mode, BOB)).signers).toMatchObject([{ digest, signature: 'rsa-pss' }])
  })

  test.each(['aes-128-gcm', 'aes-256-gcm'])('cms -encrypt -%s', async (cipher) => {
    await opens([], [`-${cipher}`, ...BOB])
    await opens([], [`-${cipher}`, '-stream', '-recip', 'ec.pem'])
  })

  test.each<readonly (readonly string[])[]>([
    [['-aes256']],
    [['-aes192', '-keyid']],
    [['-aes128', '-stream']],
    [['-aes256', '-keyopt', 'ecdh_kdf_md:sha1']],
    [['-aes256', '-keyopt', 'ecdh_kdf_md:sha512']],
  ])('cms -encrypt to an EC key %s', async (mode) => {
    await opens([], ['-recip', 'ec.pem', ...mode])
  })

  test('3DES is refused by name', () => refused([], ['-des3', '-recip', 'bob.pem'], /3DES/))
  test('MD5 is refused by name', () => refused(['-md', 'md5'], BOB, /MD5/))
  test('OAEP whose MGF1 hash differs is refused by name', () =>
    refused(
      [],
      [
        ...BOB,
        '-keyopt',
        'rsa_padding_mode:oaep',
        '-keyopt',
        'rsa_oaep_md:sha256',
        '-keyopt',
        'rsa_mgf1_md:sha1',
      ],
      /sha-256 and MGF1 with sha-1/,
    ))

  test('a message for others alone is not for us', async () => {
    openssl(...SIGN)
    openssl(...ENCRYPT, '-recip', 'alice.pem')
    expect(await open()).toMatchObject({ code: 'NOT_FOR_US' })
  })
})
