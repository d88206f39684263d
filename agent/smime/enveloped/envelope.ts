import { randomBytes } from 'node:crypto'
import { lending } from '../../mime/bytes.ts'
import {
  BLOCK_BYTES,
  type ContentCipher,
  contentAlgorithm,
  isAuthenticated,
  NONCE_BYTES,
  OID,
  TAG_BYTES,
  type WrittenEncryption,
} from '../algorithms.ts'
import { context, header, oid, setOf, sizeWithHeader, smallInteger, TAG } from '../ber/der.ts'
import { concatSources, type Source } from '../source.ts'
import { encryptContent } from './encrypt-content.ts'

export interface ContentKey {
  readonly cipher: ContentCipher
  /** For one message alone. */
  readonly key: Uint8Array
}

/**
 * DER of the ContentInfo around an EnvelopedData (RFC 5652 6.1), or an AuthEnvelopedData (RFC 5083 2.1) where the cipher
 * authenticates. Every length is known before the first byte of content is read (MSG-7).
 */
export function envelope(
  plaintext: Source,
  recipientInfos: readonly Uint8Array[],
  { cipher, key }: ContentKey,
): Source {
  const encryption = fresh(cipher)
  const authenticates = isAuthenticated(cipher)
  // CBC always pads, by a whole block where the last one is full (RFC 5652 6.3).
  const ciphertextBytes = authenticates
    ? plaintext.bytes
    : (Math.floor(plaintext.bytes / BLOCK_BYTES) + 1) * BLOCK_BYTES
  const mac = authenticates ? header(TAG.OCTET_STRING, TAG_BYTES) : new Uint8Array()

  const version = smallInteger(versionOf(recipientInfos, authenticates))
  const recipients = setOf(...recipientInfos)
  const type = oid(OID.data)
  const algorithm = contentAlgorithm(encryption)
  const infoBytes = type.length + algorithm.length + sizeWithHeader(ciphertextBytes)
  const macBytes = authenticates ? mac.length + TAG_BYTES : 0
  const dataBytes = version.length + recipients.length + sizeWithHeader(infoBytes) + macBytes
  const contentType = oid(authenticates ? OID.authEnvelopedData : OID.envelopedData)
  const head = Buffer.concat([
    header(TAG.SEQUENCE, contentType.length + sizeWithHeader(sizeWithHeader(dataBytes))),
    contentType,
    header(context(0), sizeWithHeader(dataBytes)),
    header(TAG.SEQUENCE, dataBytes),
    version,
    recipients,
    header(TAG.SEQUENCE, infoBytes),
    type,
    algorithm,
    header(context(0, 'primitive'), ciphertextBytes),
  ])
  const encrypted = {
    bytes: ciphertextBytes + macBytes,
    read: () => encryptContent(plaintext, encryption, key, mac),
    lend: () => lending(encryptContent(plaintext, encryption, key, mac)),
  }
  return concatSources([head, encrypted])
}

function fresh(cipher: ContentCipher): WrittenEncryption {
  return isAuthenticated(cipher)
    ? { cipher, nonce: randomBytes(NONCE_BYTES), tagBytes: TAG_BYTES }
    : { cipher, iv: randomBytes(BLOCK_BYTES) }
}

/** RFC 5652 6.1: 2 as soon as one recipient is no KeyTransRecipientInfo of version 0. RFC 5083 2.1: 0. */
function versionOf(recipientInfos: readonly Uint8Array[], authenticates: boolean): number {
  return authenticates || recipientInfos.every((info) => info[0] === TAG.SEQUENCE) ? 0 : 2
}
