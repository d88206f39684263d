import { diffieHellman, generateKeyPairSync, publicEncrypt } from 'node:crypto'
import type { Certificate } from '../../../trust-anchors/index.ts'
import {
  type KeyAgreement,
  type KeyTransport,
  keyAgreementAlgorithm,
  keyEncryptionKey,
  keyTransportAlgorithm,
  OUR_AGREEMENT,
  rsaPadding,
  wrapKey,
} from '../algorithms.ts'
import { context, implicit, sequence, smallInteger, TAG, tlv } from '../ber/der.ts'
import { oaepTo } from '../oaep.ts'

/** How the content key goes to a recipient: by agreement where its key asks for that, whatever the transport. */
export function keyEncryptionFor(
  recipient: Certificate,
  transport: KeyTransport,
): KeyTransport | KeyAgreement {
  return isEc(recipient) ? OUR_AGREEMENT.agreement : transport
}

/** One RecipientInfo by issuer and serial number, of the kind that the recipient's key asks for (MSG-9). */
export async function recipientInfo(
  recipient: Certificate,
  key: Uint8Array,
  transport: KeyTransport,
): Promise<Uint8Array> {
  return isEc(recipient) ? keyAgreeInfo(recipient, key) : keyTransInfo(recipient, key, transport)
}

function isEc({ publicKey }: Certificate): boolean {
  return publicKey.asymmetricKeyType === 'ec'
}

/** RFC 5652 6.2.1. */
async function keyTransInfo(
  { issuerAndSerialNumber, publicKey }: Certificate,
  key: Uint8Array,
  transport: KeyTransport,
): Promise<Uint8Array> {
  const encryptedKey =
    transport === 'rsa-pkcs1'
      ? publicEncrypt({ key: publicKey, ...rsaPadding(transport) }, key)
      : await oaepTo(publicKey, transport, key)
  return sequence(
    smallInteger(0),
    issuerAndSerialNumber,
    keyTransportAlgorithm(transport),
    tlv(TAG.OCTET_STRING, encryptedKey),
  )
}

/** RFC 5652 6.2.2, RFC 5753 3.1: a fresh key pair on the recipient's curve, no ukm. */
export function keyAgreeInfo(recipient: Certificate, key: Uint8Array): Uint8Array {
  const namedCurve = recipient.publicKey.asymmetricKeyDetails?.namedCurve ?? ''
  const ephemeral = generateKeyPairSync('ec', { namedCurve })
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: recipient.publicKey })
  const wrapped = wrapKey(OUR_AGREEMENT.wrap, keyEncryptionKey(secret, OUR_AGREEMENT, null), key)
  const publicKey = ephemeral.publicKey.export({ format: 'der', type: 'spki' })
  return tlv(
    context(1),
    smallInteger(3),
    // OriginatorPublicKey is [1] IMPLICIT of the same fields as a SubjectPublicKeyInfo; the curve may stand there.
    tlv(context(0), implicit(1, publicKey)),
    keyAgreementAlgorithm(OUR_AGREEMENT),
    sequence(sequence(recipient.issuerAndSerialNumber, tlv(TAG.OCTET_STRING, wrapped))),
  )
}
