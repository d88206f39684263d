import { type Algorithm, algorithmOf, numberOf, parse, within } from './ber.ts'
import { Work } from './derivation.ts'

const PBES2 = '1.2.840.113549.1.5.13'
const SCRYPT = '1.3.6.1.4.1.11591.4.11'

/** Of scrypt, in iterations of PBKDF2 that take as long. OpenSSL bounds its memory. */
const SCRYPT_BLOCK = 2

/**
 * Looks at private keys that are encrypted, PKCS#8 in DER, before OpenSSL derives the keys that they are encrypted with
 * (RFC 5958 3), which nothing could stop. Throws Pkcs12Error where it would take longer than PKCS#12 may.
 */
export function boundDerivation(keys: readonly Uint8Array[]): void {
  const work = new Work()
  for (const key of keys) {
    const [algorithm] = within(parse(key, 'the key'), 'the key')
    const encryption = algorithmOf(algorithm, 'the encryption')
    work.spend(iterationsOf(encryption.oid === PBES2 ? derivationOf(encryption) : encryption))
  }
}

function derivationOf({ parameters }: Algorithm): Algorithm {
  const [derivation] = within(parameters, 'the parameters of PBES2')
  return algorithmOf(derivation, 'the key derivation function')
}

/** After the salt, all but scrypt have an iteration count (RFC 8018 A.2 and A.3, RFC 7292 C); it has N, r, p (RFC 7914 7.1). */
function iterationsOf({ oid, parameters }: Algorithm): number {
  const [, ...numbers] = within(parameters, 'the parameters of the key derivation')
  if (oid !== SCRYPT) return numberOf(numbers[0], 'the iteration count')
  const [n, r, p] = numbers
  return SCRYPT_BLOCK * numberOf(n, 'scrypt’s N') * numberOf(r, 'scrypt’s r') * numberOf(p, 'scrypt’s p')
}
