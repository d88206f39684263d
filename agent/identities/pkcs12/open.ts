import { createPrivateKey, type KeyObject } from 'node:crypto'
import { algorithmOf, type Element, explicit, numberOf, octetsOf, oidOf, parse, within } from './ber.ts'
import { Work } from './derivation.ts'
import { decrypt } from './encryption.ts'
import { malformed, refused } from './error.ts'
import { verifyMac } from './mac.ts'
import type { Password } from './password.ts'

/** What a PKCS#12 file holds, in its order. */
export interface Pkcs12 {
  readonly keys: readonly KeyObject[]
  /** DER. */
  readonly certificates: readonly Uint8Array[]
}

const DATA = '1.2.840.113549.1.7.1'
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6'
/** RFC 7292 D. */
const BAG = {
  key: '1.2.840.113549.1.12.10.1.1',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificate: '1.2.840.113549.1.12.10.1.3',
  contents: '1.2.840.113549.1.12.10.1.6',
} as const
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1'
const VERSION = 3
/** Of bags within bags, which nobody writes. */
const MAX_DEPTH = 4

/**
 * Opens a PKCS#12 file in password integrity mode (RFC 7292), BER or DER: MAC first, then what it holds. `password`:
 * undefined where there is none. Throws Pkcs12Error.
 */
export async function openPkcs12(file: Uint8Array, password: string | undefined): Promise<Pkcs12> {
  const [version, authSafe, macData] = within(parse(file, 'the file'), 'the file')
  if (numberOf(version, 'the version') !== VERSION) throw refused('it is of another version than 3')
  const [type, content] = within(authSafe, 'the file')
  if (oidOf(type, 'the file') !== DATA) throw refused('it is protected by a signature, and not by a password')
  if (macData === undefined) throw refused('it has no MAC, so that anybody could have changed it')
  const safes = octetsOf(explicit(content, 'the content'), 'the content')
  const work = new Work()
  const proved = await verifyMac(safes, macData, password, work)
  const found: Found = { keys: [], certificates: [], password: proved, work }
  for (const safe of within(parse(safes, 'the content'), 'the content')) {
    const contents = parse(await opened(safe, found), 'a part of it')
    await gather(contents, found, 0)
  }
  return found
}

interface Found {
  readonly keys: KeyObject[]
  readonly certificates: Uint8Array[]
  readonly password: Password
  readonly work: Work
}

/** SafeContents as bytes: a ContentInfo of Data, or of EncryptedData. */
async function opened(safe: Element, { password, work }: Found): Promise<Uint8Array> {
  const what = 'a part of it'
  const [type, content] = within(safe, what)
  const kind = oidOf(type, what)
  if (kind === DATA) return octetsOf(explicit(content, what), what)
  if (kind !== ENCRYPTED_DATA) throw refused('a part of it is encrypted to a certificate')
  const [, info] = within(explicit(content, what), what)
  const [, algorithm, encrypted] = within(info, what)
  return decrypt(algorithmOf(algorithm, what), octetsOf(encrypted, what), password, work)
}

async function gather(contents: Element, found: Found, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) throw malformed('its bags lie too deep within each other')
  for (const bag of within(contents, 'a part of it')) {
    const [type, tagged] = within(bag, 'a bag')
    const kind = oidOf(type, 'a bag')
    if (kind === BAG.key) found.keys.push(keyOf(explicit(tagged, 'a key').toBER()))
    else if (kind === BAG.shroudedKey) found.keys.push(await shroudedKey(explicit(tagged, 'a key'), found))
    else if (kind === BAG.certificate)
      found.certificates.push(...certificateOf(explicit(tagged, 'a certificate')))
    else if (kind === BAG.contents) await gather(explicit(tagged, 'a bag'), found, depth + 1)
  }
}

async function shroudedKey(info: Element, { password, work }: Found): Promise<KeyObject> {
  const [algorithm, encrypted] = within(info, 'a key')
  const data = octetsOf(encrypted, 'a key')
  return keyOf(await decrypt(algorithmOf(algorithm, 'a key'), data, password, work))
}

function keyOf(pkcs8: Uint8Array | ArrayBuffer): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8 as ArrayBuffer), format: 'der', type: 'pkcs8' })
  } catch {
    // OpenSSL's words might quote key material.
    throw malformed('a key is no private key that is known')
  }
}

/** None: of a kind that is no X.509. */
function certificateOf(bag: Element): readonly Uint8Array[] {
  const [type, value] = within(bag, 'a certificate')
  if (oidOf(type, 'a certificate') !== X509_CERTIFICATE) return []
  return [octetsOf(explicit(value, 'a certificate'), 'a certificate')]
}
