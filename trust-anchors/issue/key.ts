import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

/** Kinds of keys that we make (ALG); EC keys by the curves of FIPS 186-5, P-256 and P-384. */
export type KeyType = 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ec-p256' | 'ec-p384'

export interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const CURVES = { 'ec-p256': 'prime256v1', 'ec-p384': 'secp384r1', 'ec-p521': 'secp521r1' } as const

const LEAST_RSA_BITS = 2048

/** A new key, made off the event loop. */
export async function generateKey(type: KeyType = 'rsa-3072'): Promise<KeyPair> {
  const generate = promisify(generateKeyPair)
  if (type === 'ec-p256' || type === 'ec-p384') return await generate('ec', { namedCurve: CURVES[type] })
  return await generate('rsa', { modulusLength: Number(type.slice('rsa-'.length)) })
}

/** What a key that we may have had before is: as `KeyType`, and others that Direct accepts; null: none that it does. */
export function keyTypeOf({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): string | null {
  const { modulusLength = 0, namedCurve } = asymmetricKeyDetails
  if (asymmetricKeyType === 'rsa') return modulusLength < LEAST_RSA_BITS ? null : `rsa-${modulusLength}`
  return Object.entries(CURVES).find(([, curve]) => curve === namedCurve)?.[0] ?? null
}
