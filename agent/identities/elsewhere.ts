import {
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Certificate } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import type { IdentityElsewhere } from '../settings.ts'
import { hashName, rsaPadding, signatureOptions } from '../smime/algorithms.ts'
import type { PrivateKey } from '../smime/private-key.ts'

/** For one answer: hardware takes milliseconds, a service over a network a second. */
const PATIENCE_MS = 30_000

/**
 * A key in an HSM or a key service, whose answers are looked at before they count: a signature that does not hold never
 * leaves. Rejects with KEY_UNREACHABLE (temporary) when it fails or is silent, its own failure as the cause; with
 * KEY_MISMATCH when it signs as another key.
 */
export function keyElsewhere(
  { key, for: name, certificate: file }: IdentityElsewhere,
  certificate: Certificate,
  patienceMs = PATIENCE_MS,
): PrivateKey {
  const ask = <Answer>(what: string, question: () => Promise<Answer>) =>
    answerOf(name, what, question, patienceMs)
  return {
    async sign(how, data) {
      const signature = await ask('sign', () => key.sign(how, data))
      if (!(signature instanceof Uint8Array)) throw unreachable(name, 'sign', 'gave no bytes')
      const { publicKey } = certificate
      const form = { key: publicKey, ...signatureOptions(how, how.digest) }
      if (verify(hashName(how.digest), data, form, signature)) return signature
      throw mismatch(name, file, 'its signature does not hold')
    },
    async decrypt(how, input) {
      const plain = await ask('decrypt', () => key.decrypt(how, input))
      if (plain === null || plain instanceof Uint8Array) return plain
      throw unreachable(name, 'decrypt', 'gave neither bytes nor null')
    },
  }
}

/**
 * That the key belongs to its certificate: it signs random bytes; where the certificate is for encryption alone, it
 * decrypts them. Throws KEY_MISMATCH, KEY_UNREACHABLE.
 */
export async function prove(
  key: PrivateKey,
  { for: name, certificate: file }: IdentityElsewhere,
  certificate: Certificate,
): Promise<void> {
  if (maySign(certificate)) {
    const { type } = certificate.key
    const scheme = type === 'ec' ? 'ecdsa' : type === 'rsa-pss' ? 'rsa-pss' : 'rsa-pkcs1'
    await key.sign({ scheme, digest: 'sha-256' }, randomBytes(32))
    return
  }
  const { how, input, expected } =
    certificate.key.type === 'ec' ? agreed(certificate) : encrypted(certificate)
  const found = await key.decrypt(how, input)
  if (found?.length !== expected.length || !timingSafeEqual(found, expected))
    throw mismatch(name, file, 'it does not decrypt what is encrypted to that')
}

function maySign({ keyUsage }: Certificate): boolean {
  return keyUsage === null || keyUsage.has('digitalSignature') || keyUsage.has('nonRepudiation')
}

function encrypted({ publicKey }: Certificate) {
  const how = 'rsa-oaep-sha256'
  const expected = randomBytes(32)
  return { how, input: publicEncrypt({ key: publicKey, ...rsaPadding(how) }, expected), expected } as const
}

function agreed({ publicKey }: Certificate) {
  const { namedCurve = '' } = publicKey.asymmetricKeyDetails ?? {}
  const other = generateKeyPairSync('ec', { namedCurve })
  const input = createPublicKey(other.privateKey).export({ type: 'spki', format: 'der' })
  return { how: 'ecdh', input, expected: diffieHellman({ privateKey: other.privateKey, publicKey }) } as const
}

async function answerOf<Answer>(
  name: string,
  what: string,
  question: () => Promise<Answer>,
  patienceMs: number,
): Promise<Answer> {
  const answered = new AbortController()
  const late = async () => {
    await pause(patienceMs, undefined, { signal: answered.signal })
    throw new Error(`no answer within ${patienceMs / 1000} seconds`)
  }
  try {
    // A function that throws at once is no other than one that rejects.
    return await Promise.race([(async () => question())(), late()])
  } catch (cause) {
    throw unreachable(name, what, 'failed', cause)
  } finally {
    answered.abort()
  }
}

function unreachable(name: string, what: string, how: string, cause?: unknown): DirectError {
  return new DirectError(
    'KEY_UNREACHABLE',
    `the private key of ${name}, which lives elsewhere, ${how} when it was asked to ${what}`,
    { hint: 'Look at what holds it; the cause of this error is what it said.', temporary: true, cause },
  )
}

function mismatch(name: string, file: string, how: string): DirectError {
  return new DirectError(
    'KEY_MISMATCH',
    `the private key of ${name}, which lives elsewhere, is not that of the certificate in ${file}: ${how}`,
    { hint: 'Give the key that the certificate was requested with.' },
  )
}
