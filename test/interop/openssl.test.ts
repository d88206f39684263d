import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ContentCipher, Digest } from '../../agent/smime/algorithms.ts'
import type { Verified } from '../../agent/smime/verify.ts'
import { KEY_TRANSPORTS, NOW } from '../agent/smime/parties.ts'
import { ENTITY, open, opens, type Person, type Sealing, savePeople, seal } from './correspondents.ts'

let folder: string
const at = (name: string) => join(folder, name)
const openssl = (...args: string[]) =>
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 })

beforeAll(() => {
  if (spawnSync('openssl', ['version']).error !== undefined) {
    throw new Error('openssl is missing, and this test needs it: apt-get install -y openssl')
  }
  folder = mkdtempSync(join(tmpdir(), 'direct-openssl-'))
  savePeople(folder)
  writeFileSync(at('text'), ENTITY)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('openssl reads what we seal', () => {
  const attime = String(NOW.getTime() / 1000)

  /** Into files; returns what is encrypted, and what is signed in that. */
  async function sealed(how: Sealing) {
    const { entity, cms, signed, content } = await seal(how)
    writeFileSync(at('sealed.eml'), entity)
    writeFileSync(at('sealed.der'), cms)
    return { signed, content }
  }

  const decryptBy = (tool: 'cms' | 'smime', who: Person, file: string, ...form: string[]) => {
    const key = ['-recip', `${who}.pem`, '-inkey', `${who}.key`]
    openssl(tool, '-decrypt', '-in', file, ...form, ...key, '-out', 'signed.eml')
  }
  const verifyBy = (tool: 'cms' | 'smime', ...more: string[]) => {
    const trust = ['-CAfile', 'root.pem', '-attime', attime, ...more]
    openssl(tool, '-verify', '-in', 'signed.eml', ...trust, '-out', 'content')
  }

  for (const [i, transport] of KEY_TRANSPORTS.entries()) {
    const content = (['aes-256-cbc', 'aes-128-cbc', 'aes-192-cbc'] as const)[i % 3] as ContentCipher
    const digest = (['sha-256', 'sha-384', 'sha-512'] as const)[i % 3] as Digest
    test(`${transport}, ${content}, ${digest}: cms -decrypt, then cms -verify, and DER all the way`, async () => {
      const { signed, content: plain } = await sealed({ digest, content, keyTransport: transport })
      for (const who of ['bob', 'drLee'] as const) {
        decryptBy('cms', who, 'sealed.eml')
        expect(readFileSync(at('signed.eml'))).toEqual(signed)
      }
      verifyBy('cms', '-x509_strict')
      expect(readFileSync(at('content'))).toEqual(plain)
      const tree = openssl('asn1parse', '-inform', 'DER', '-in', 'sealed.der').toString()
      expect(tree).not.toMatch(/l= *inf/)
      expect(tree).toMatch(/pkcs7-envelopedData/)
    })
  }

  test.each<Sealing>([
    { content: 'aes-128-gcm', digest: 'sha-256', signature: 'rsa-pss' },
    { content: 'aes-256-gcm', digest: 'sha-384', signature: 'rsa-pss' },
    { content: 'aes-256-cbc', digest: 'sha-512', signature: 'rsa-pss' },
    { content: 'aes-128-gcm', digest: 'sha-256', from: 'p256' },
    { content: 'aes-256-gcm', digest: 'sha-384', from: 'p384' },
    { content: 'aes-256-cbc', digest: 'sha-512', from: 'p521' },
  ])('%o, to an RSA key and one on each curve', async (how) => {
    const to = ['bob', 'p256', 'p384', 'p521'] as const
    const { signed } = await sealed({ ...how, to })
    for (const who of to) {
      decryptBy('cms', who, 'sealed.eml')
      expect(readFileSync(at('signed.eml'))).toEqual(signed)
    }
    verifyBy('cms')
  })

  test('smime -decrypt and smime -verify, the older commands (PKCS#1 v1.5)', async () => {
    const { content } = await sealed({ keyTransport: 'rsa-pkcs1' })
    decryptBy('smime', 'bob', 'sealed.eml')
    verifyBy('smime')
    expect(readFileSync(at('content'))).toEqual(content)
  })

  test('a message of several megabytes', async () => {
    const message = `Subject: s\r\n\r\n${'0123456789abcdef\r\n'.repeat(200_000)}`
    const { signed } = await sealed({ message })
    decryptBy('cms', 'bob', 'sealed.der', '-inform', 'DER')
    expect(readFileSync(at('signed.eml')).equals(signed)).toBe(true)
    verifyBy('cms')
  })

  test('the signature shows signingTime, S/MIME capabilities and no root', async () => {
    writeFileSync(at('signed.eml'), (await sealed({})).signed)
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

  function made(sign: readonly string[], seal: readonly string[]): Buffer {
    openssl(...SIGN, ...sign)
    openssl(...ENCRYPT, ...seal)
    return readFileSync(at('sealed'))
  }

  const opened = (sign: readonly string[], seal: readonly string[]): Promise<Verified> =>
    opens(made(sign, seal))

  async function refused(sign: readonly string[], seal: readonly string[], text: RegExp): Promise<void> {
    expect(await open(made(sign, seal))).toEqual({
      code: 'ALGORITHM_REFUSED',
      text: expect.stringMatching(text),
    })
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
      const { signers } = await opened(mode, BOB)
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
      await opened([], mode)
    })
  }

  test('SHA-1 verifies and is marked as weak (ALG-4)', async () => {
    expect((await opened(['-md', 'sha1'], BOB)).signers).toMatchObject([{ digest: 'sha-1', weak: true }])
  })

  test.each([[], ['-nodetach']])('several signers, of whom some have EC keys %s', async (...form) => {
    const more = ['p256', 'p521'].flatMap((name) => ['-signer', `${name}.pem`, '-inkey', `${name}.key`])
    const { signers } = await opened([...more, ...form], BOB)
    expect(signers.map(({ signature }) => signature).sort()).toEqual(['ecdsa', 'ecdsa', 'rsa-pkcs1'])
  })

  test.each<[Person, Digest]>([
    ['p256', 'sha-256'],
    ['p384', 'sha-384'],
    ['p521', 'sha-512'],
    ['p384', 'sha-512'],
  ])('cms -sign by %s with %s, by issuer and by key, with attributes and without', async (name, digest) => {
    const by = ['-signer', `${name}.pem`, '-inkey', `${name}.key`, '-md', digest.replace('-', '')]
    const SIGN_BY = ['cms', '-sign', '-in', 'text', '-binary', '-out', 'signed', ...by]
    for (const form of [[], ['-keyid'], ['-noattr'], ['-nodetach', '-noattr', '-stream']]) {
      openssl(...SIGN_BY, ...form)
      openssl(...ENCRYPT, ...BOB)
      const { signers } = await opens(readFileSync(at('sealed')))
      expect(signers).toMatchObject([{ signature: 'ecdsa', digest, weak: false }])
    }
  })

  const PSS = ['-keyopt', 'rsa_padding_mode:pss']
  test.each<[readonly string[], string]>([
    [PSS, 'sha-256'],
    [[...PSS, '-md', 'sha512'], 'sha-512'],
    [[...PSS, '-keyopt', 'rsa_pss_saltlen:20', '-md', 'sha384'], 'sha-384'],
  ])('cms -sign %s', async (mode, digest) => {
    expect((await opened(mode, BOB)).signers).toMatchObject([{ digest, signature: 'rsa-pss' }])
  })

  test.each(['aes-128-gcm', 'aes-256-gcm'])('cms -encrypt -%s', async (cipher) => {
    await opened([], [`-${cipher}`, ...BOB])
    await opened([], [`-${cipher}`, '-stream', '-recip', 'p256.pem'])
  })

  test.each<readonly (readonly string[])[]>([
    [['-aes256']],
    [['-aes192', '-keyid']],
    [['-aes128', '-stream']],
    [['-aes256', '-keyopt', 'ecdh_kdf_md:sha1']],
    [['-aes256', '-keyopt', 'ecdh_kdf_md:sha256']],
    [['-aes256', '-keyopt', 'ecdh_kdf_md:sha384']],
    [['-aes256', '-keyopt', 'ecdh_kdf_md:sha512']],
  ])('cms -encrypt to an EC key on each curve %s', async (mode) => {
    for (const who of ['p256', 'p384', 'p521']) await opened([], ['-recip', `${who}.pem`, ...mode])
  })

  test('cofactor ECDH is refused by name', () =>
    refused([], ['-aes256', '-recip', 'p256.pem', '-keyopt', 'ecdh_cofactor_mode:1'], /^cofactor ECDH/))

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
    expect(await open(made([], ['-recip', 'alice.pem']))).toMatchObject({ code: 'NOT_FOR_US' })
  })
})
