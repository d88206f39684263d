import { execFile } from 'node:child_process'
import { createHash, createHmac, createPrivateKey, type KeyObject, pbkdf2Sync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { context, oid, sequence, setOf, smallInteger, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { pki, temporaryFolder } from '../../flow/clinics.ts'

const DATA = '1.2.840.113549.1.7.1'
const X509 = '1.2.840.113549.1.9.22.1'
const SHA256 = '2.16.840.1.101.3.4.2.1'
export const BAG = '1.2.840.113549.1.12.10.1.'

/** What `openssl pkcs12 -export` makes of clinic A's certificate and key, with root A beside them. */
export async function exported(args: readonly string[], password = 'pässword'): Promise<Buffer> {
  const out = join(await temporaryFolder(), 'made.p12')
  const files = ['-in', pki('clinic-a.pem'), '-inkey', pki('clinic-a.key'), '-certfile', pki('root-a.pem')]
  await promisify(execFile)('openssl', [
    'pkcs12',
    '-export',
    ...files,
    '-passout',
    `pass:${password}`,
    ...args,
    '-out',
    out,
  ])
  return readFile(out)
}

export function octets(bytes: Uint8Array): Uint8Array {
  return tlv(TAG.OCTET_STRING, bytes)
}

export function explicit(content: Uint8Array): Uint8Array {
  return tlv(context(0), content)
}

export function integer(value: number): Uint8Array {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  return tlv(TAG.INTEGER, (bytes[0] as number) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : bytes)
}

export function keyBag(key: KeyObject): Uint8Array {
  return sequence(oid(`${BAG}1`), explicit(key.export({ type: 'pkcs8', format: 'der' })))
}

export function certificateBag(der: Uint8Array): Uint8Array {
  return sequence(oid(`${BAG}3`), explicit(sequence(oid(X509), explicit(octets(der)))))
}

/** ContentInfo of Data. */
export function data(content: Uint8Array): Uint8Array {
  return sequence(oid(DATA), explicit(octets(content)))
}

/** AuthenticatedSafe with these bags, in the clear. */
export function safeOf(...bags: readonly Uint8Array[]): Uint8Array {
  return sequence(data(sequence(...bags)))
}

/** PFX around an AuthenticatedSafe, with a MAC by `password`, of one iteration unless it says otherwise. */
export function pfx(safe: Uint8Array, password: string, mac = pkcs12Mac(safe, password)): Uint8Array {
  return sequence(smallInteger(3), data(safe), mac)
}

/** MacData of SHA-256 with one iteration of RFC 7292 B.2: one hash of one block of each. */
export function pkcs12Mac(safe: Uint8Array, password: string, claimed?: Uint8Array): Uint8Array {
  const salt = Buffer.from('saltsalt')
  const utf16 = Buffer.from(`${password}\0`, 'utf16le').swap16()
  const filled = (bytes: Buffer) => Buffer.alloc(64 * Math.ceil(bytes.length / 64), bytes)
  const key = createHash('sha256')
    .update(Buffer.alloc(64, 3))
    .update(filled(salt))
    .update(filled(utf16))
    .digest()
  const digest = createHmac('sha256', key).update(safe).digest()
  const info = sequence(sequence(oid(SHA256), Uint8Array.of(TAG.NULL, 0)), octets(digest))
  return sequence(info, octets(salt), ...(claimed === undefined ? [] : [claimed]))
}

/** MacData of RFC 9579. */
export function pbmac1(safe: Uint8Array, password: string, keyLength: number | null = 32): Uint8Array {
  const salt = Buffer.from('saltsalt')
  const prf = sequence(oid('1.2.840.113549.2.11'))
  const length = keyLength === null ? [] : [integer(keyLength)]
  const pbkdf2 = sequence(oid('1.2.840.113549.1.5.12'), sequence(octets(salt), integer(2048), ...length, prf))
  const hmac = sequence(oid('1.2.840.113549.2.9'))
  const key = pbkdf2Sync(password, salt, 2048, keyLength ?? 32, 'sha512')
  const digest = createHmac('sha256', key).update(safe).digest()
  const algorithm = sequence(oid('1.2.840.113549.1.5.14'), sequence(pbkdf2, hmac))
  return sequence(sequence(algorithm, octets(digest)), octets(Buffer.from('unused')), integer(1))
}

/** PFX of the same content whose encodings of length are indefinite, and whose strings come in pieces (X.690 8.7, 8.1.3.6). */
export function inBer(file: Uint8Array, password: string): Uint8Array {
  const [, info] = children(file)
  const [, content] = children(info as Uint8Array)
  const [safe] = children(content as Uint8Array)
  const inner = inPieces(contentOf(safe as Uint8Array))
  return inPieces(pfx(inner, password))
}

function inPieces(element: Uint8Array): Uint8Array {
  const tag = element[0] as number
  if ((tag & 0x20) !== 0) return indefinite(tag, children(element).map(inPieces))
  const content = contentOf(element)
  // An OCTET STRING, or the implicit [0] of EncryptedContentInfo.
  if ((tag !== TAG.OCTET_STRING && tag !== 0x80) || content.length < 50) return element
  const pieces = Array.from({ length: Math.ceil(content.length / 50) }, (_, i) =>
    octets(content.subarray(50 * i, 50 * i + 50)),
  )
  return indefinite(tag | 0x20, pieces)
}

function indefinite(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Buffer.of(tag, 0x80), ...parts, Buffer.of(0, 0)])
}

/** Offset of the content, and of the end, of the element at an offset. */
function spanOf(bytes: Uint8Array, at: number): { readonly content: number; readonly end: number } {
  const first = bytes[at + 1] as number
  const octets = first > 0x80 ? first - 0x80 : 0
  const length =
    octets === 0 ? first : Number(`0x${Buffer.from(bytes.subarray(at + 2, at + 2 + octets)).toString('hex')}`)
  const content = at + 2 + octets
  return { content, end: content + length }
}

function contentOf(element: Uint8Array): Uint8Array {
  const { content, end } = spanOf(element, 0)
  return element.subarray(content, end)
}

function children(element: Uint8Array): readonly Uint8Array[] {
  const content = contentOf(element)
  const found: Uint8Array[] = []
  for (let at = 0; at < content.length; ) {
    const { end } = spanOf(content, at)
    found.push(content.subarray(at, end))
    at = end
  }
  return found
}

/** The whole SET that nobody writes, of a bag with attributes. */
export function withAttributes(bag: Uint8Array): Uint8Array {
  const name = sequence(oid('1.2.840.113549.1.9.20'), setOf(tlv(0x1e, Buffer.from('\0a'))))
  return sequence(...children(bag), setOf(name))
}

export async function keyOf(name: string): Promise<KeyObject> {
  return createPrivateKey(await readFile(pki(`${name}.key`)))
}
