import { createPrivateKey, webcrypto } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import * as asn1 from 'asn1js'
import * as pkijs from 'pkijs'
import { FROM, pem, TO } from './clinics.ts'

/** The same work with pkijs alone, as its documentation shows it: whole messages in memory, and no path to an anchor. */

const BOUNDARY = 'bench-boundary'
const LIMITS = { maxNodes: 1_000_000, maxContentLength: 1 << 30 }

function parse(bytes: Uint8Array): asn1.AsnType {
  const { result, offset } = asn1.fromBER(exact(bytes), LIMITS)
  if (offset === -1) throw new Error('pkijs cannot read it')
  return result
}

function exact(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
}

function certificate(name: string): pkijs.Certificate {
  const der = Buffer.from(pem(`${name}.pem`).replace(/-----[^-]*-----|\s/g, ''), 'base64')
  return new pkijs.Certificate({ schema: parse(der) })
}

function pkcs8(name: string): ArrayBuffer {
  return exact(createPrivateKey(pem(`${name}.key`)).export({ type: 'pkcs8', format: 'der' }))
}

const lines = (base64: string) => base64.replace(/.{76}/g, '$&\r\n')

export async function pkijsSeal(from: string, to: string): Promise<void> {
  const part = Buffer.concat([Buffer.from('Content-Type: message/rfc822\r\n\r\n'), await readFile(from)])
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const key = await webcrypto.subtle.importKey('pkcs8', pkcs8('clinic-a'), algorithm, false, ['sign'])
  const signer = certificate('clinic-a')
  const digest = await webcrypto.subtle.digest('SHA-256', part)
  const attribute = (type: string, value: unknown) => new pkijs.Attribute({ type, values: [value] })
  const signed = new pkijs.SignedData({
    version: 1,
    encapContentInfo: new pkijs.EncapsulatedContentInfo({ eContentType: pkijs.ContentInfo.DATA }),
    signerInfos: [
      new pkijs.SignerInfo({
        version: 1,
        sid: new pkijs.IssuerAndSerialNumber({ issuer: signer.issuer, serialNumber: signer.serialNumber }),
        signedAttrs: new pkijs.SignedAndUnsignedAttributes({
          type: 0,
          attributes: [
            attribute('1.2.840.113549.1.9.3', new asn1.ObjectIdentifier({ value: pkijs.ContentInfo.DATA })),
            attribute('1.2.840.113549.1.9.5', new asn1.UTCTime({ valueDate: new Date() })),
            attribute('1.2.840.113549.1.9.4', new asn1.OctetString({ valueHex: digest })),
          ],
        }),
      }),
    ],
    certificates: [signer],
  })
  await signed.sign(key, 0, 'SHA-256', exact(part))
  const p7s = der(pkijs.ContentInfo.SIGNED_DATA, signed.toSchema(true))
  const entity = Buffer.concat([
    Buffer.from(
      `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="${BOUNDARY}"\r\n\r\n--${BOUNDARY}\r\n`,
    ),
    part,
    Buffer.from(
      `\r\n--${BOUNDARY}\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines(p7s.toString('base64'))}\r\n--${BOUNDARY}--\r\n`,
    ),
  ])
  const enveloped = new pkijs.EnvelopedData({ disableSplit: true })
  enveloped.addRecipientByCertificate(certificate('clinic-b'), { oaepHashAlgorithm: 'SHA-256' })
  await enveloped.encrypt({ name: 'AES-CBC', length: 256 }, exact(entity))
  const p7m = der(pkijs.ContentInfo.ENVELOPED_DATA, enveloped.toSchema())
  await writeFile(
    to,
    `From: ${FROM}\r\nTo: ${TO}\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines(p7m.toString('base64'))}\r\n`,
  )
}

export async function pkijsOpen(from: string, to: string): Promise<void> {
  const file = await readFile(from)
  const p7m = Buffer.from(file.toString('latin1', file.indexOf('\r\n\r\n') + 4), 'base64')
  const enveloped = new pkijs.EnvelopedData({ schema: new pkijs.ContentInfo({ schema: parse(p7m) }).content })
  const entity = Buffer.from(
    await enveloped.decrypt(0, {
      recipientCertificate: certificate('clinic-b'),
      recipientPrivateKey: pkcs8('clinic-b'),
    }),
  )
  const begin = entity.indexOf(`--${BOUNDARY}\r\n`) + BOUNDARY.length + 4
  const end = entity.indexOf(`\r\n--${BOUNDARY}`, begin)
  const part = entity.subarray(begin, end)
  const p7s = Buffer.from(
    entity.toString('latin1', entity.indexOf('\r\n\r\n', end) + 4).split('--')[0] ?? '',
    'base64',
  )
  const signed = new pkijs.SignedData({ schema: new pkijs.ContentInfo({ schema: parse(p7s) }).content })
  if (!(await signed.verify({ signer: 0, data: exact(part), checkChain: false })))
    throw new Error('not verified')
  await writeFile(to, part.subarray(part.indexOf('\r\n\r\n') + 4))
}

function der(contentType: string, content: asn1.AsnType): Buffer {
  return Buffer.from(new pkijs.ContentInfo({ contentType, content }).toSchema().toBER())
}
