import { constants, publicEncrypt, randomBytes } from 'node:crypto'
import { contentAlgorithm, keyTransportAlgorithm } from '../../agent/smime/algorithms.ts'
import { context, tlv } from '../../agent/smime/ber/der.ts'
import { recipientInfo } from '../../agent/smime/enveloped/recipient-info.ts'
import type { Identity } from '../../agent/smime/identity.ts'
import { mint } from '../../fixtures/pki.ts'
import { badlyPadded, blocks, envelope, gcm, IV, KEY, keyTrans } from '../agent/smime/hostile.ts'
import { mail, signed, wrapped } from '../agent/smime/opening.ts'
import { bob, identity, root } from '../agent/smime/parties.ts'

/** Messages that differ in nothing but what is wrong with them (protocol.md ALG-2). */
export interface Family {
  readonly name: string
  readonly key: Identity
  /** A new message of its kind at each call. */
  readonly faults: Readonly<Record<string, () => Buffer>>
}

const bobEc = mint({ issuer: root, san: ['clinic-b.example'], key: 'ec-p256' })

/** A signed message of about so many bytes. */
export function plaintext(bytes: number): string {
  const line = `${'Seen today, in good health. '.repeat(2)}\r\n`
  const text = line.repeat(Math.ceil(bytes / line.length))
  // Blank lines at the end leave room for what may not stand there.
  return `${signed(wrapped({}, `Content-Type: text/plain\r\n\r\n${text}`))}${'\r\n'.repeat(8)}`
}

/** Of a signed message, what makes no sense in one way each, all of the same length. */
export function senseless(good: string): Readonly<Record<string, () => Uint8Array>> {
  const bytes = Buffer.from(good)
  const with_ = (change: (copy: Buffer) => void) => () => {
    const copy = Buffer.from(bytes)
    change(copy)
    return copy
  }
  const second = good.lastIndexOf('--b\r\n')
  return {
    'bytes that are no text': () => randomBytes(bytes.length),
    'text that is no header': with_((copy) => copy.fill('no header, no sense. ', 0)),
    'a header of another kind': with_((copy) => copy.write('X', 0)),
    'a boundary that does not occur': with_((copy) => copy.write('c', good.indexOf('boundary=b') + 9)),
    'a signature that is no CMS': with_((copy) =>
      copy.write('A'.repeat(40), good.indexOf('\r\n\r\n', second) + 4),
    ),
    'something behind its end': with_((copy) => randomBytes(16).copy(copy, bytes.length - 16)),
  }
}

const INFO = { pkcs1: 'rsa-pkcs1', oaep: 'rsa-oaep-sha256' } as const
const PADDING = {
  pkcs1: { padding: constants.RSA_PKCS1_PADDING },
  oaep: { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
}

function transported(how: 'pkcs1' | 'oaep', key: Uint8Array | null): Uint8Array {
  const publicKey = bob.certificate.publicKey
  // Less than any modulus of 2048 bits, as an encrypted key has to be.
  const encryptedKey =
    key === null
      ? Buffer.concat([Buffer.of(1), randomBytes(255)])
      : publicEncrypt({ key: publicKey, ...PADDING[how] }, key)
  return keyTrans(bob, { algorithm: keyTransportAlgorithm(INFO[how]), encryptedKey })
}

function agreed(key: Uint8Array | null): Uint8Array {
  const info = Buffer.from(recipientInfo(bobEc.certificate, key ?? KEY, 'rsa-pkcs1'))
  // The wrapped key is the last of it.
  if (key === null) info.writeUInt8(info.readUInt8(info.length - 1) ^ 1, info.length - 1)
  return info
}

type Carry = (key: Uint8Array | null) => Uint8Array

function inCbc(good: string, carry: Carry, what: string): Family['faults'] {
  const algorithm = () => ({ algorithm: contentAlgorithm({ cipher: 'aes-128-cbc', iv: IV }) })
  const sealed = (text: Uint8Array | string, info: Uint8Array, encrypted?: Uint8Array) =>
    mail(
      envelope(text, {
        recipientInfos: [info],
        ...algorithm(),
        ...(encrypted && { encryptedContent: tlv(context(0, 'primitive'), encrypted) }),
      }),
    )
  return {
    [what]: () => sealed(good, carry(null)),
    'a content key of another length': () => sealed(good, carry(randomBytes(24))),
    'another content key': () => sealed(good, carry(randomBytes(16))),
    'the padding of the content': () => sealed(good, carry(KEY), badlyPadded(good)),
    'no padding at all': () =>
      sealed(good, carry(KEY), blocks(randomBytes(16 * Math.ceil(good.length / 16)))),
    ...Object.fromEntries(
      Object.entries(senseless(good)).map(([name, make]) => [name, () => sealed(make(), carry(KEY))]),
    ),
  }
}

function inGcm(good: string, carry: Carry, what: string): Family['faults'] {
  const sealed = (text: Uint8Array | string, info: Uint8Array, tag?: Uint8Array) =>
    mail(gcm(text, { recipientInfos: [info], ...(tag && { tag }) }))
  return {
    [what]: () => sealed(good, carry(null)),
    'a content key of another length': () => sealed(good, carry(randomBytes(24))),
    'the tag of the content': () => sealed(good, carry(KEY), randomBytes(16)),
    ...Object.fromEntries(
      Object.entries(senseless(good)).map(([name, make]) => [name, () => sealed(make(), carry(KEY))]),
    ),
  }
}

/** `bytes`: about how long the messages are. */
export function families(bytes: number): readonly Family[] {
  const good = plaintext(bytes)
  const rsa = identity(bob)
  return [
    {
      name: 'RSA PKCS#1 v1.5, AES-CBC',
      key: rsa,
      faults: inCbc(good, (key) => transported('pkcs1', key), 'the padding of RSA'),
    },
    {
      name: 'RSA-OAEP, AES-CBC',
      key: rsa,
      faults: inCbc(good, (key) => transported('oaep', key), 'the padding of RSA'),
    },
    {
      name: 'RSA-OAEP, AES-GCM',
      key: rsa,
      faults: inGcm(good, (key) => transported('oaep', key), 'the padding of RSA'),
    },
    { name: 'ECDH, AES-CBC', key: identity(bobEc), faults: inCbc(good, agreed, 'the key wrap') },
    { name: 'ECDH, AES-GCM', key: identity(bobEc), faults: inGcm(good, agreed, 'the key wrap') },
  ]
}
