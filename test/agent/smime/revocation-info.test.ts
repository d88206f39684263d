import { expect, test } from 'vitest'
import { context, oid, sequence, smallInteger, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { Verified, verify } from '../../../agent/smime/verify.ts'
import { parseCertificate } from '../../../trust-anchors/index.ts'
import { envelope, indefinite, keyTrans, multipart, signedData, signerInfo } from './hostile.ts'
import { alice, bob, countingSpool, identity, opened, sourceOf } from './parties.ts'

const PART = 'Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nHello\r\n'
const CRL = sequence(smallInteger(1))
const OCSP = sequence(smallInteger(2))
const other = (format: string, info: Uint8Array) => tlv(context(1), oid(format), info)
const RI_OCSP_RESPONSE = '1.3.6.1.5.5.7.16.2'

/** What a signature with these RevocationInfoChoices hands out. */
async function revocationOf(crls: readonly Uint8Array[], form?: typeof indefinite) {
  const signerInfos = [signerInfo({ content: PART, signer: alice })]
  const cms = signedData({ signerInfos, certificates: [alice], crls, ...(form && { form }) })
  const decrypted = await opened(
    sourceOf(envelope(multipart(PART, cms), { recipientInfos: [keyTrans(bob)] })),
    identity(bob),
  )
  const result = await verify(decrypted, { spool: countingSpool().spool, parseCertificate })
  if (!(result instanceof Verified)) throw new Error(result.text)
  return result.revocation
}

test.each([
  ['DER', undefined],
  ['BER', indefinite],
] as const)(
  'CRLs and OCSP responses inside the signature are handed out, in %s (RFC 5652 10.2.1, RFC 5940)',
  async (_, form) => {
    const { crls, ocsp } = await revocationOf([CRL, other(RI_OCSP_RESPONSE, OCSP)], form)
    expect(crls.map((one) => Buffer.from(one).toString('hex'))).toEqual([Buffer.from(CRL).toString('hex')])
    expect(ocsp.map((one) => Buffer.from(one).toString('hex'))).toEqual([Buffer.from(OCSP).toString('hex')])
  },
)

test('other kinds of revocation information are passed over, and harm no message', async () => {
  const broken = tlv(context(1), smallInteger(1))
  expect(await revocationOf([other('1.2.3.4', OCSP), broken, tlv(TAG.OCTET_STRING, CRL)])).toEqual({
    crls: [],
    ocsp: [],
  })
})

test('there are none where none came', async () => {
  expect(await revocationOf([])).toEqual({ crls: [], ocsp: [] })
})

test('one of more than 4 MiB is passed over, and the next one is read', async () => {
  const large = sequence(tlv(TAG.OCTET_STRING, Buffer.alloc(4 << 20)))
  expect((await revocationOf([large, CRL])).crls).toHaveLength(1)
})

test('more than 4 MiB together are not kept, and no more than 32', async () => {
  const two = sequence(tlv(TAG.OCTET_STRING, Buffer.alloc(2 << 20)))
  expect((await revocationOf([two, two, two])).crls).toHaveLength(1)
  expect((await revocationOf(Array.from({ length: 40 }, () => CRL))).crls).toHaveLength(32)
})
