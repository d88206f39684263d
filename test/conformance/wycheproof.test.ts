import { createHash, createPrivateKey, type KeyObject, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readAlgorithmIdentifier } from '../../agent/smime/algorithms/algorithm-identifier.ts'
import {
  type ContentCipher,
  contentAlgorithm,
  isAuthenticated,
  OID,
  type Refused,
  readContentEncryption,
  type SignatureScheme,
  signatureAlgorithm,
  signatureOptions,
  type WrittenEncryption,
} from '../../agent/smime/algorithms.ts'
import { context, oid, sequence, smallInteger, TAG, tlv } from '../../agent/smime/ber/der.ts'
import { readElement } from '../../agent/smime/ber/element.ts'
import { CmsError } from '../../agent/smime/ber/error.ts'
import { decryptContent, type Outcome } from '../../agent/smime/enveloped/decrypt-content.ts'
import { encryptContent } from '../../agent/smime/enveloped/encrypt-content.ts'
import { openEnvelope } from '../../agent/smime/enveloped/open-envelope.ts'
import { keyInMemory } from '../../agent/smime/private-key.ts'
import { OutlineReader } from '../../agent/smime/signed/outline.ts'
import { judgeSigners } from '../../agent/smime/signed/signatures.ts'
import { poolKey } from '../../fixtures/pki.ts'
import { Certificate, parseCertificate } from '../../trust-anchors/index.ts'
import { encodeName, issueCertificate } from '../../trust-anchors/issue/issue.ts'
import { copied } from '../agent/mime/streams.ts'
import { envelope, signerInfo } from '../agent/smime/hostile.ts'
import { bytesOf, sourceOf } from '../agent/smime/parties.ts'
import { corpora } from '../corpora.ts'
import { WYCHEPROOF } from './smime-divergences.ts'

/** Vectors of one primitive each, answered by what the agent opens messages with. */
const folder = corpora('wycheproof')

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly flags: readonly string[]
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly [hex: string]: unknown
}

interface Group {
  readonly keySize?: number
  readonly privateKeyPem?: string
  readonly publicKeyDer?: string
  readonly tests: readonly Vector[]
}

type Answer = 'valid' | 'invalid'

function groupsOf(file: string): readonly Group[] {
  return folder === null ? [] : JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')).testGroups
}

const octets = (vector: Vector, field: string): Buffer => Buffer.from(String(vector[field]), 'hex')

/** Each vector is answered as it says, but for those whose flag or key size is pinned. */
async function answered(
  file: string,
  answer: (vector: Vector, group: Group) => Promise<Answer>,
): Promise<void> {
  const wrong: string[] = []
  const pinned = new Set<string>()
  for (const group of groupsOf(file))
    for (const vector of group.tests) {
      const pin = WYCHEPROOF[file]?.find((one) => one.covers(vector, group))
      if (pin !== undefined) pinned.add(pin.because)
      const given = await answer(vector, group)
      if (given !== (pin?.we ?? vector.result)) wrong.push(`${vector.tcId} ${vector.comment}: ${given}`)
    }
  expect(wrong).toEqual([])
  expect([...pinned].sort()).toEqual((WYCHEPROOF[file] ?? []).map(({ because }) => because).sort())
}

/** Decrypts by the way that a message takes: its parameters are read, then its content. */
async function content(encryption: Uint8Array, how: Encrypted): Promise<Buffer | Refused | null> {
  const { authenticated, key, ciphertext, tag } = how
  const algorithm = readAlgorithmIdentifier(readElement(encryption))
  const read = readContentEncryption(algorithm, { authenticated, tripleDes: false })
  if ('code' in read) return read
  const cms = envelope('', {
    recipientInfos: [],
    type: authenticated ? OID.authEnvelopedData : OID.envelopedData,
    algorithm: encryption,
    encryptedContent: tlv(context(0, 'primitive'), ciphertext),
    after: authenticated ? [tlv(TAG.OCTET_STRING, tag)] : [],
  })
  const outcome: Outcome = { whole: false, attributes: how.attributes }
  await using opened = await openEnvelope(sourceOf(cms, 7), () => false)
  if (opened === null) throw new Error('a vector within CMS of another kind')
  const plaintext = () => decryptContent(opened, read, key, outcome, new OutlineReader())
  const decrypted = await bytesOf({ read: () => copied(plaintext()) })
  return outcome.whole ? decrypted : null
}

interface Encrypted {
  readonly authenticated: boolean
  readonly key: Uint8Array
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array
  readonly attributes: Uint8Array | null
}

describe.skipIf(folder === null)('Wycheproof, by our own functions', () => {
  test('AES-CBC: padding is right or wrong, and what we encrypt is the same', async () => {
    await answered('aes_cbc_pkcs5_test', async (vector, { keySize }) => {
      const [key, iv, ciphertext] = [octets(vector, 'key'), octets(vector, 'iv'), octets(vector, 'ct')]
      const encryption = { cipher: `aes-${keySize}-cbc` as 'aes-256-cbc', iv }
      const how = { authenticated: false, key, ciphertext, tag: Buffer.alloc(0), attributes: null }
      const opened = await content(contentAlgorithm(encryption), how)
      if (!Buffer.isBuffer(opened)) return 'invalid'
      expect(opened).toEqual(octets(vector, 'msg'))
      expect(await encrypted(opened, encryption, key)).toEqual(ciphertext)
      return 'valid'
    })
  })

  test('AES-GCM: tag, nonce, authenticated attributes; what we encrypt is the same', async () => {
    await answered('aes_gcm_test', async (vector, { keySize }) => {
      const [key, nonce, tag, aad] = (['key', 'iv', 'tag', 'aad'] as const).map((name) =>
        octets(vector, name),
      ) as [Buffer, Buffer, Buffer, Buffer]
      const cipher = `aes-${keySize}-gcm` as 'aes-256-gcm'
      const parameters = sequence(tlv(TAG.OCTET_STRING, nonce), smallInteger(tag.length))
      const encryption = sequence(oid(GCM[keySize ?? 0] ?? ''), parameters)
      const how = { authenticated: true, key, ciphertext: octets(vector, 'ct'), tag, attributes: aad }
      try {
        const opened = await content(encryption, how)
        if (!Buffer.isBuffer(opened)) return 'invalid'
        expect(opened).toEqual(octets(vector, 'msg'))
        if (aad.length === 0) {
          const whole = Buffer.concat([how.ciphertext, tlv(TAG.OCTET_STRING, tag)])
          expect(await encrypted(opened, { cipher, nonce, tagBytes: tag.length }, key)).toEqual(whole)
        }
        return 'valid'
      } catch (error) {
        if (error instanceof CmsError) return 'invalid'
        throw error
      }
    })
  })

  test('RSA PKCS#1 v1.5 signatures, with signed attributes and without', async () => {
    await answered('rsa_signature_2048_sha256_test', (vector, group) =>
      signatureAnswer(vector, group, 'rsa-pkcs1'),
    )
  })

  test('ECDSA on P-256, with signed attributes and without', async () => {
    await answered('ecdsa_secp256r1_sha256_test', (vector, group) => signatureAnswer(vector, group, 'ecdsa'))
  })

  test('RSA-OAEP with SHA-256', async () => {
    await answered('rsa_oaep_2048_sha256_mgf1sha256_test', async (vector, { privateKeyPem = '' }) => {
      const key = keyInMemory(createPrivateKey(privateKeyPem))
      const opened = await key.decrypt('rsa-oaep-sha256', octets(vector, 'ct'))
      if (opened === null) return 'invalid'
      expect(Buffer.from(opened)).toEqual(octets(vector, 'msg'))
      return 'valid'
    })
  })

  test('RSA PKCS#1 v1.5 encryption: what is broken is answered by bytes that say nothing (ALG-2)', async () => {
    await answered('rsa_pkcs1_2048_test', async (vector, { privateKeyPem = '' }) => {
      const key = keyInMemory(createPrivateKey(privateKeyPem))
      const [first, second] = [
        await key.decrypt('rsa-pkcs1', octets(vector, 'ct')),
        await key.decrypt('rsa-pkcs1', octets(vector, 'ct')),
      ]
      // Implicit rejection: the same bytes each time, so that nobody learns by trying again.
      expect(second).toEqual(first)
      return first !== null && octets(vector, 'msg').equals(first) ? 'valid' : 'invalid'
    })
  })
})

const GCM: Readonly<Record<number, string>> = {
  128: '2.16.840.1.101.3.4.1.6',
  192: '2.16.840.1.101.3.4.1.26',
  256: '2.16.840.1.101.3.4.1.46',
}

function encrypted(plaintext: Buffer, encryption: WrittenEncryption, key: Uint8Array): Promise<Buffer> {
  const mac = isAuthenticated(encryption.cipher as ContentCipher)
    ? Buffer.of(TAG.OCTET_STRING, 16)
    : Buffer.alloc(0)
  return bytesOf({ read: () => encryptContent(sourceOf(plaintext, 5), encryption, key, mac) })
}

/** By the way of a SignerInfo without signed attributes; with them, node:crypto is asked as the agent asks it. */
async function signatureAnswer(vector: Vector, group: Group, scheme: SignatureScheme): Promise<Answer> {
  const [message, signature] = [octets(vector, 'msg'), octets(vector, 'sig')]
  const certificate = certificateOf(Buffer.from(group.publicKeyDer ?? '', 'hex'))
  const info = signerInfo({
    ...{ content: message, signer: { certificate, privateKey: poolKey('root-a'), pem: '' } },
    ...{ attributes: null, signature, signatureAlgorithm: signatureAlgorithm(scheme, 'sha-256') },
  })
  const judged = await judgeSigners(sourceOf(message), [info], [certificate])
  const overAttributes = verifies(message, certificate.publicKey, scheme, signature)
  expect(overAttributes, `${vector.tcId}`).toBe(!('code' in judged))
  return 'code' in judged ? 'invalid' : 'valid'
}

function verifies(message: Buffer, key: KeyObject, scheme: SignatureScheme, signature: Buffer): boolean {
  return verify('sha256', message, { key, ...signatureOptions({ scheme }, 'sha-256') }, signature)
}

const certificates = new Map<string, Certificate>()

function certificateOf(spki: Buffer): Certificate {
  const id = createHash('sha256').update(spki).digest('hex')
  const known = certificates.get(id)
  if (known !== undefined) return known
  const name = encodeName([['CN', 'Wycheproof']])
  const [notBefore, notAfter] = [new Date('2026-01-01'), new Date('2056-01-01')]
  const fields = { issuer: name, subject: name, notBefore, notAfter, spki, extensions: [] }
  const certificate = parseCertificate(issueCertificate({ ...fields, signingKey: poolKey('root-a') }))
  if (!(certificate instanceof Certificate)) throw new Error(certificate.text)
  certificates.set(id, certificate)
  return certificate
}
