/** RFC 5652 10.2.1, RFC 5940: what a signature brings about revocation counts where nothing newer is to be had (CERT-7). */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createAgent, type GuardedFetch } from '../../agent/index.ts'
import { context, oid, tlv } from '../../agent/smime/ber/der.ts'
import { type Minted, mint } from '../../fixtures/pki.ts'
import { makeCrl, makeOcspResponse } from '../../fixtures/revocation.ts'
import { envelope, keyTrans, multipart, signedData, signerInfo } from '../agent/smime/hostile.ts'
import { clinicConfig, issuer, temporaryFolder } from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const NOW = new Date('2026-11-21T12:00:00Z')
const root = issuer('root-a')
const signer = mint({
  ...{ issuer: root, key: 'dr-lee', san: ['clinic-a.example'] },
  crlUrls: ['http://crl.ca.example/root.crl'],
  ocspUrls: ['http://ocsp.ca.example/'],
})
const other = mint({ issuer: root, key: 'clinic-a', san: ['clinic-a.example'] })

/** What clinic B makes of a message whose signature brings these, while every host is away. */
async function opened(crls: readonly Uint8Array[]) {
  const content = `Content-Type: message/rfc822\r\n\r\nFrom: ${KIM}\r\nTo: ${LEE}\r\nMessage-ID: <1@clinic-a.example>\r\n\r\nHello\r\n`
  const cms = signedData({ signerInfos: [signerInfo({ content, signer })], certificates: [signer], crls })
  const sealed = envelope(multipart(content, cms), { recipientInfos: [keyTrans(issuer('clinic-b'))] })
  const path = join(await temporaryFolder(), 'message.eml')
  await writeFile(
    path,
    `Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n${sealed.toString('base64')}\r\n`,
  )
  const asked: string[] = []
  const fetch: GuardedFetch = async ({ url }) => {
    asked.push(url)
    return { status: 'failed', why: 'no answer', text: `${url} cannot be fetched now: no answer` }
  }
  await using agent = await createAgent(clinicConfig('b', await temporaryFolder()), { fetch, now: () => NOW })
  return { ...(await agent.open({ path, to: [LEE], mailFrom: KIM })), asked }
}

const ocsp = (certificate: Minted) =>
  tlv(context(1), oid('1.3.6.1.5.5.7.16.2'), makeOcspResponse({ for: certificate, issuer: root }))

test.each([
  ['a CRL', () => makeCrl({ issuer: root }).der, 'crl'],
  ['an OCSP response', () => ocsp(signer), 'ocsp'],
] as const)('%s in the message speaks of its signer, where the hosts give nothing', async (_, made, by) => {
  expect(await opened([made()])).toMatchObject({
    verdict: 'accept',
    revocation: [{ status: 'good', by }],
    unchecked: [],
    asked: ['http://ocsp.ca.example/', 'http://crl.ca.example/root.crl'],
  })
})

test('a CRL in the message that revokes its signer is believed: nothing is asked', async () => {
  expect(await opened([makeCrl({ issuer: root, revoked: [{ certificate: signer }] }).der])).toMatchObject({
    verdict: 'reject',
    code: 'SIGNER_UNTRUSTED',
    why: [{}, { code: 'CERT_REVOKED' }],
    asked: [],
  })
})

test.each([
  ['by somebody else', () => makeCrl({ issuer: root, signer: issuer('root-b') }).der],
  ['that has ended', () => makeCrl({ issuer: root, nextUpdate: '2026-10-01' }).der],
  ['about another certificate', () => ocsp(other)],
  ['that makes no sense', () => tlv(0x30, Buffer.from('garbage'))],
])('one %s clears nobody: the hosts are asked, and the message waits', async (_, made) => {
  const { asked, ...verdict } = await opened([made()])
  expect(verdict).toMatchObject({ verdict: 'undetermined', code: 'REVOCATION_UNKNOWN' })
  expect(asked).toContain('http://crl.ca.example/root.crl')
})
