import { createDecipheriv } from 'node:crypto'
import { type Algorithm, algorithmOf, type Element, numberOf, octetsOf, within } from './ber.ts'
import { type Derivation, derivePbkdf2, derivePkcs12, HMACS, PURPOSE, type Work } from './derivation.ts'
import { malformed, Pkcs12Error, refused } from './error.ts'
import type { Password } from './password.ts'
import { rc2DecryptCbc } from './rc2.ts'

interface Cipher {
  readonly keyBytes: number
  readonly ivBytes: number
  /** As long as the data, padding included. */
  readonly decrypt: (key: Uint8Array, iv: Uint8Array, data: Uint8Array) => Buffer
}

function ofNode(name: string, keyBytes: number, ivBytes: number): Cipher {
  const decrypt = (key: Uint8Array, iv: Uint8Array, data: Uint8Array) => {
    const decipher = createDecipheriv(name, key, iv).setAutoPadding(false)
    return Buffer.concat([decipher.update(data), decipher.final()])
  }
  return { keyBytes, ivBytes, decrypt }
}

function rc2(keyBytes: number): Cipher {
  return { keyBytes, ivBytes: 8, decrypt: (key, iv, data) => rc2DecryptCbc(key, 8 * keyBytes, iv, data) }
}

/** pbeWithSHAAnd… (RFC 7292 C). */
const OLD: Readonly<Record<string, Cipher>> = {
  '1.2.840.113549.1.12.1.3': ofNode('des-ede3-cbc', 24, 8),
  '1.2.840.113549.1.12.1.4': ofNode('des-ede-cbc', 16, 8),
  '1.2.840.113549.1.12.1.5': rc2(16),
  '1.2.840.113549.1.12.1.6': rc2(5),
}

/** Encryption schemes of PBES2 (RFC 8018 B.2). */
const NEW: Readonly<Record<string, Cipher>> = {
  '1.2.840.113549.3.7': ofNode('des-ede3-cbc', 24, 8),
  '2.16.840.1.101.3.4.1.2': ofNode('aes-128-cbc', 16, 16),
  '2.16.840.1.101.3.4.1.22': ofNode('aes-192-cbc', 24, 16),
  '2.16.840.1.101.3.4.1.42': ofNode('aes-256-cbc', 32, 16),
}

const PBES2 = '1.2.840.113549.1.5.13'
const PBKDF2 = '1.2.840.113549.1.5.12'
const WITHOUT = {
  '1.2.840.113549.1.12.1.1': '128-bit RC4',
  '1.2.840.113549.1.12.1.2': '40-bit RC4',
} as Readonly<Record<string, string>>

/** What an AlgorithmIdentifier of password-based encryption hides. Throws Pkcs12Error. */
export async function decrypt(
  algorithm: Algorithm,
  data: Uint8Array,
  password: Password,
  work: Work,
): Promise<Buffer> {
  const { cipher, key, iv } =
    algorithm.oid === PBES2
      ? await newKey(algorithm.parameters, password, work)
      : await oldKey(algorithm, password, work)
  if (data.length === 0 || data.length % cipher.ivBytes !== 0)
    throw malformed('what is encrypted is not whole blocks')
  const plain = cipher.decrypt(key, iv, data)
  // RFC 8018 6.1.1. The MAC held, so it is no oracle: nobody but the owner of the file sees it.
  const padding = plain.at(-1) as number
  const end = plain.length - padding
  if (padding === 0 || padding > cipher.ivBytes || plain.subarray(end).some((byte) => byte !== padding))
    throw new Pkcs12Error('password', 'a part of it is encrypted with another password than the rest')
  return plain.subarray(0, end)
}

async function oldKey({ oid, parameters }: Algorithm, password: Password, work: Work) {
  const cipher = OLD[oid]
  if (cipher === undefined) throw refused(`it is encrypted with ${WITHOUT[oid] ?? oid}`)
  const [salt, iterations] = within(parameters, 'the salt of the encryption')
  const derivation: Derivation = {
    hash: 'sha1',
    salt: octetsOf(salt, 'the salt of the encryption'),
    iterations: numberOf(iterations, 'the iteration count of the encryption'),
  }
  const { keyBytes, ivBytes } = cipher
  return {
    cipher,
    key: await derivePkcs12(PURPOSE.key, password.utf16, derivation, keyBytes, work),
    iv: await derivePkcs12(PURPOSE.iv, password.utf16, derivation, ivBytes, work),
  }
}

/** RFC 8018 6.2. */
async function newKey(parameters: Element | undefined, password: Password, work: Work) {
  const [function_, scheme] = within(parameters, 'the parameters of PBES2')
  const { oid, parameters: vector } = algorithmOf(scheme, 'the encryption scheme')
  const cipher = NEW[oid]
  if (cipher === undefined) throw refused(`it is encrypted with ${oid}`)
  const iv = octetsOf(vector, 'the initialisation vector')
  if (iv.length !== cipher.ivBytes) throw malformed('the initialisation vector has another length')
  const { derivation, keyBytes } = readPbkdf2(function_)
  if (keyBytes !== null && keyBytes !== cipher.keyBytes) throw malformed('the key has another length')
  return { cipher, key: await derivePbkdf2(password.utf8, derivation, cipher.keyBytes, work), iv }
}

/** PBKDF2-params (RFC 8018 A.2). `keyBytes` is null where they do not say. */
export function readPbkdf2(element: Element | undefined): {
  readonly derivation: Derivation
  readonly keyBytes: number | null
} {
  const { oid, parameters } = algorithmOf(element, 'the key derivation function')
  if (oid !== PBKDF2) throw refused(`its key is derived by ${oid}`)
  const [salt, iterations, ...more] = within(parameters, 'the parameters of PBKDF2')
  const keyLength = more.find((one) => one.idBlock.tagNumber === 2)
  const prf = more.find((one) => one.idBlock.tagNumber === 16)
  const name = prf === undefined ? 'sha1' : hmacOf(prf)
  return {
    derivation: {
      hash: name,
      salt: octetsOf(salt, 'the salt of PBKDF2'),
      iterations: numberOf(iterations, 'the iteration count of PBKDF2'),
    },
    keyBytes: keyLength === undefined ? null : numberOf(keyLength, 'the key length of PBKDF2'),
  }
}

/** The hash of an HMAC's AlgorithmIdentifier. */
export function hmacOf(element: Element | undefined) {
  const { oid } = algorithmOf(element, 'the HMAC')
  const name = HMACS[oid]
  if (name === undefined) throw refused(`it needs the pseudo-random function ${oid}`)
  return name
}
