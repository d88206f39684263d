import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Algorithm, algorithmOf, type Element, numberOf, octetsOf, within } from './ber.ts'
import {
  type Derivation,
  derivePbkdf2,
  derivePkcs12,
  HASHES,
  type Hash,
  PURPOSE,
  SIZES,
  type Work,
} from './derivation.ts'
import { hmacOf, readPbkdf2 } from './encryption.ts'
import { malformed, Pkcs12Error, refused } from './error.ts'
import { formsOf, type Password } from './password.ts'

/** RFC 9579 4. */
const PBMAC1 = '1.2.840.113549.1.5.14'
/** RFC 9579 5: a shorter key would be weaker than the MAC. */
const LEAST_KEY_BYTES = 20

/**
 * Proves that the file is as whoever knew the password wrote it (RFC 7292 5.1), before anything in it is believed. Returns
 * the password in the form that proved it. Throws Pkcs12Error.
 */
export async function verifyMac(
  content: Uint8Array,
  macData: Element,
  given: string | undefined,
  work: Work,
): Promise<Password> {
  const what = 'the MAC'
  const [info, salt, iterations] = within(macData, what)
  const [algorithm, digest] = within(info, what)
  const { oid, parameters } = algorithmOf(algorithm, what)
  const expected = octetsOf(digest, what)
  const own = () => ({
    salt: octetsOf(salt, 'the salt of the MAC'),
    iterations: numberOf(iterations, 'the iteration count of the MAC', 1),
  })
  const mac = oid === PBMAC1 ? await pbmac1(parameters, work) : pkcs12Mac({ oid, parameters }, own(), work)
  for (const password of formsOf(given)) {
    const found = await mac(password, content)
    if (found.length === expected.length && timingSafeEqual(found, expected)) return password
  }
  throw new Pkcs12Error('password', 'its MAC does not hold')
}

type Mac = (password: Password, content: Uint8Array) => Promise<Buffer>

function pkcs12Mac({ oid }: Algorithm, more: Omit<Derivation, 'hash'>, work: Work): Mac {
  const name = HASHES[oid]
  if (name === undefined) throw refused(`its MAC is of the hash ${oid}`)
  return async ({ utf16 }, content) => {
    const { digest } = SIZES[name]
    const key = await derivePkcs12(PURPOSE.mac, utf16, { hash: name, ...more }, digest, work)
    return hmac(name, key, content)
  }
}

async function pbmac1(parameters: Element | undefined, work: Work): Promise<Mac> {
  const [function_, scheme] = within(parameters, 'the parameters of PBMAC1')
  const { derivation, keyBytes } = readPbkdf2(function_)
  const name = hmacOf(scheme)
  if (keyBytes === null || keyBytes < LEAST_KEY_BYTES || keyBytes > 1024)
    throw malformed('the key of PBMAC1 has no length that makes sense')
  return async ({ utf8 }, content) =>
    hmac(name, await derivePbkdf2(utf8, derivation, keyBytes, work), content)
}

function hmac(name: Hash, key: Uint8Array, content: Uint8Array): Buffer {
  return createHmac(name, key).update(content).digest()
}
