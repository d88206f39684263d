import { hash, pbkdf2 } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { refused } from './error.ts'

/**
 * Rounds of key derivation that one file may cost, all of its parts together: some ten times what today's software writes
 * (NSS: 600,000 for each), and a few seconds.
 */
export const MOST_ITERATIONS = 10_000_000
/** About a millisecond of hashing; what else the process does gets its turn then. */
const AT_A_TIME = 1000

/** What is left of `MOST_ITERATIONS` for one file. */
export class Work {
  #left = MOST_ITERATIONS

  /** Throws Pkcs12Error before anything is computed. */
  spend(iterations: number): void {
    this.#left -= iterations
    if (this.#left < 0)
      throw refused(
        `it asks for ${iterations} iterations of key derivation at once; ${MOST_ITERATIONS} are the most for a whole file`,
      )
  }
}

export type Hash = 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** By object identifier (RFC 8017 B.1). */
export const HASHES: Readonly<Record<string, Hash>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

/** HMAC with these, by object identifier (RFC 8018 B.1). */
export const HMACS: Readonly<Record<string, Hash>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
}

/** What a derived value is for (RFC 7292 B.3). */
export const PURPOSE = { key: 1, iv: 2, mac: 3 } as const

/** Bytes of a block and of a digest. */
export const SIZES: Readonly<Record<Hash, { readonly block: number; readonly digest: number }>> = {
  sha1: { block: 64, digest: 20 },
  sha256: { block: 64, digest: 32 },
  sha384: { block: 128, digest: 48 },
  sha512: { block: 128, digest: 64 },
}

export interface Derivation {
  readonly hash: Hash
  readonly salt: Uint8Array
  readonly iterations: number
}

/** PKCS#12's own function (RFC 7292 B.2). `password`: UTF-16 with its two zero bytes. */
export async function derivePkcs12(
  purpose: (typeof PURPOSE)[keyof typeof PURPOSE],
  password: Uint8Array,
  { hash: name, salt, iterations }: Derivation,
  bytes: number,
  work: Work,
): Promise<Buffer> {
  const { block, digest } = SIZES[name]
  const input = Buffer.concat([filled(salt, block), filled(password, block)])
  const derived: Buffer[] = []
  for (let length = 0; length < bytes; length += digest) {
    work.spend(iterations)
    let value = hash(name, Buffer.concat([Buffer.alloc(block, purpose), input]), 'buffer')
    for (let round = 1; round < iterations; round++) {
      if (round % AT_A_TIME === 0) await setImmediate()
      value = hash(name, value, 'buffer')
    }
    derived.push(value)
    const addend = Buffer.alloc(block, value)
    for (let at = 0; at < input.length; at += block) addOneMore(input.subarray(at, at + block), addend)
  }
  return Buffer.concat(derived).subarray(0, bytes)
}

/** RFC 8018 5.2, off the event loop. `password`: UTF-8. */
export function derivePbkdf2(
  password: Uint8Array,
  { hash, salt, iterations }: Derivation,
  bytes: number,
  work: Work,
): Promise<Buffer> {
  work.spend(iterations)
  return promisify(pbkdf2)(password, salt, iterations, bytes, hash)
}

/** Repeated to whole blocks; of nothing, nothing. */
function filled(bytes: Uint8Array, block: number): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes)
}

/** `target + addend + 1`, both big-endian numbers of as many bytes, without what does not fit. */
function addOneMore(target: Buffer, addend: Buffer): void {
  let carry = 1
  for (let i = target.length - 1; i >= 0; i--) {
    carry += (target[i] as number) + (addend[i] as number)
    target[i] = carry
    carry >>= 8
  }
}
