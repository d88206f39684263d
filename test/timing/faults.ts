import { constants, publicEncrypt, randomBytes } from 'node:crypto'
import { contentAlgorithm, keyTransportAlgorithm } from '../../agent/smime/algorithms.ts'
import { context, tlv } from '../../agent/smime/ber/der.ts'
import { keyAgreeInfo } from '../../agent/smime/enveloped/recipient-info.ts'
import type { Identity } from '../../agent/smime/identity.ts'
import { sign } from '../../agent/smime/sign.ts'
import { type Minted, mint } from '../../fixtures/pki.ts'
import { badlyPadded, blocks, envelope, gcm, IV, KEY, keyTrans } from '../agent/smime/hostile.ts'
import { header, mail } from '../agent/smime/opening.ts'
import { alice, bob, bytesOf, composed, identity, intermediate, NOW, root } from '../agent/smime/parties.ts'

/** Messages that differ in nothing but what is wrong with them (protocol.md ALG-2). */
export interface Family {
  readonly name: string
  readonly key: Identity
  /** A new message of its kind at each call. */
  readonly faults: Readonly<Record<string, () => Buffer>>
}

const bobEc = mint({ issuer: root, san: ['clinic-b.example'], key: 'ec-p256' })
const aliceEc = mint({ issuer: intermediate, san: ['clinic-a.example'], key: 'ec-p256' })

/** A message of about so many bytes, signed as this agent does it. */
export async function plaintext(bytes: number, signer: Minted): Promise<string> {
  const line = `${'Seen today, in good health. '.repeat(2)}\r\n`
  const text = line.repeat(Math.ceil(bytes / line.length))
  const message = composed(`${header()}Content-Type: text/plain\r\n\r\n${text}`)
  const { entity } = await sign(message, identity(signer, [intermediate]), {
    digest: 'sha-256',
    signature: 'rsa-pkcs1',
    at: NOW,
  })
  // Blank lines at the end leave room for what may not stand there.
  return `${await bytesOf(entity)}${'\r\n'.repeat(8)}`
}

/** Of a signed message, what makes no sense in one way each, all of the same length. */
export function senseless(good: string): Readonly<Record<string, () => Uint8Array>> {
  const bytes = Buffer.from(good)
  const changed = (change: (copy: Buffer) => void) => () => {
    const copy = Buffer.from(bytes)
    change(copy)
    return copy
  }
  const boundary = good.indexOf('boundary="') + 'boundary="'.length
  const signature = good.lastIndexOf('\r\n\r\n', good.length - 100) + 4
  return {
    'bytes that are no text': () => randomBytes(bytes.length),
    'text that is no header': changed((copy) => copy.fill('no header, no sense. ')),
    'a header of another kind': changed((copy) => copy.write('X')),
    'a boundary that does not occur': changed((copy) => copy.write('*', boundary)),
    'a signature that is no CMS': changed((copy) => copy.write('A'.repeat(40), signature)),
    'something behind its end': changed((copy) => randomBytes(16).copy(copy, bytes.length - 16)),
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
  const info = Buffer.from(keyAgreeInfo(bobEc.certificate, key ?? KEY))
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
export async function families(bytes: number): Promise<readonly Family[]> {
  const good = await plaintext(bytes, alice)
  const goodEc = await plaintext(bytes, aliceEc)
  const rsa = identity(bob, [intermediate])
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
    {
      name: 'ECDH, AES-CBC',
      key: identity(bobEc, [intermediate]),
      faults: inCbc(goodEc, agreed, 'the key wrap'),
    },
    {
      name: 'ECDH, AES-GCM',
      key: identity(bobEc, [intermediate]),
      faults: inGcm(goodEc, agreed, 'the key wrap'),
    },
  ]
}
