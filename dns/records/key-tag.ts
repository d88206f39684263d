import type { KeyObject } from 'node:crypto'

/** RFC 4034 A.1. The one RSA number that every validator of RFC 4398's time knew, and that Direct peers write. */
const RSASHA1 = 5
/** RFC 3110 2: DNSSEC takes an RSA modulus of at most 4096 bits. */
const MAX_MODULUS_BYTES = 512

/**
 * What a CERT record says of the key in its certificate (RFC 4398 2). RSA keys that DNSSEC can hold are tagged
 * over their DNSKEY form: flags 0, since it is no zone key, protocol 3, algorithm 5, RFC 3110's exponent and
 * modulus. Any other key: 0 and 0.
 */
export function publicKeyTag(key: KeyObject): { readonly algorithm: number; readonly keyTag: number } {
  const none = { algorithm: 0, keyTag: 0 }
  if (key.asymmetricKeyType !== 'rsa') return none
  const { n, e } = key.export({ format: 'jwk' })
  if (n === undefined || e === undefined) return none
  const modulus = Buffer.from(n, 'base64url')
  const exponent = Buffer.from(e, 'base64url')
  if (modulus.length > MAX_MODULUS_BYTES || exponent.length > 255) return none
  const dnskey = Buffer.concat([Buffer.from([0, 0, 3, RSASHA1, exponent.length]), exponent, modulus])
  return { algorithm: RSASHA1, keyTag: keyTagOf(dnskey) }
}

/** RFC 4034 appendix B: the bytes summed as 16-bit numbers, the carry added once. */
export function keyTagOf(rdata: Buffer): number {
  let sum = 0
  for (const [i, byte] of rdata.entries()) sum += i % 2 === 0 ? byte << 8 : byte
  return (sum + (sum >>> 16)) & 0xffff
}
