import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { all, canaryDraft, pki, temporaryFolder, twoClinics } from '../flow/clinics.ts'
import type { Handed } from '../flow/post-office.ts'
import { type BouncyCastle, startBouncyCastle } from './bouncy-castle.ts'

/** The Java reference implementation reads by BouncyCastle's mail API, and so do these tests. */
let folder: string
let bouncyCastle: BouncyCastle

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'direct-java-ri-'))
  for (const name of ['clinic-a', 'clinic-b'])
    for (const kind of ['pem', 'key']) copyFileSync(pki(`${name}.${kind}`), join(folder, `${name}.${kind}`))
  bouncyCastle = await startBouncyCastle(folder)
})

afterAll(async () => {
  await bouncyCastle?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const OID = {
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
  oaep: '1.2.840.113549.1.1.7',
  sha256: '2.16.840.1.101.3.4.2.1',
}
/** RSAES-OAEP-params with SHA-256 and MGF1 with SHA-256, each with NULL, and no label (RFC 4055 4.1). */
const OAEP_SHA256 =
  '302fa00f300d06096086480165030402010500' + 'a11c301a06092a864886f70d010108300d06096086480165030402010500'

async function read(handed: Handed | undefined, as: string) {
  writeFileSync(join(folder, 'mail'), handed?.bytes ?? '')
  const found = await bouncyCastle.ask('read', { in: 'mail', as, out: 'content' })
  return { found, content: readFileSync(join(folder, 'content'), 'latin1') }
}

/** Everything that it relies upon (MSG-5, MSG-7, MSG-12, ALG). */
async function isAsExpected(handed: Handed | undefined, as: string, text: string): Promise<void> {
  const { found, content } = await read(handed, as)
  expect(found).toMatchObject({
    from: handed?.from,
    transferEncoding: 'base64',
    content: OID.aes256Cbc,
    keyEncryption: OID.oaep,
    parameters: OAEP_SHA256,
    digests: OID.sha256,
    signingTime: 'yes',
  })
  // `read` has verified the signature by the signer's certificate that it found in the message.
  expect(Number(found.certificates)).toBeGreaterThan(0)
  expect(found.type).toMatch(/^multipart\/signed; protocol="application\/pkcs7-signature"; micalg=sha-256; /)
  expect(content).toMatch(/^Content-Type: message\/rfc822\r\n\r\n/)
  expect(content).toContain(text)
}

test('a message of ours is one that the Java reference implementation reads', async () => {
  const { a, post } = await twoClinics()
  await a.send(canaryDraft())
  await isAsExpected(post.handed[0], 'clinic-b', 'TEXT-CANARY')
})

test('a message of its library is accepted, and our MDN is one that it reads', async () => {
  const { b, post } = await twoClinics()
  const [from, to] = ['dr.kim@clinic-a.example', 'dr.lee@clinic-b.example']
  const header = `From: ${from}\r\nTo: ${to}\r\nMessage-ID: <java@clinic-a.example>\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n`
  writeFileSync(join(folder, 'header'), header)
  writeFileSync(join(folder, 'entity'), `Content-Type: message/rfc822\r\n\r\n${header}\r\nhello\r\n`)
  await bouncyCastle.ask('mail', {
    ...{ in: 'entity', header: 'header', out: 'mail', form: 'detached' },
    ...{ signer: 'clinic-a:SHA256withRSA', more: 'clinic-a' },
    ...{ content: 'aes-256-cbc', recipients: 'clinic-b:rsa-oaep-sha256' },
  })
  post.drop(to, from, readFileSync(join(folder, 'mail')))
  const received = await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(received).toMatchObject([{ verdict: 'accept' }])
  await isAsExpected(post.handed[0], 'clinic-a', 'automatic-action/MDN-sent-automatically; processed')
})

test('by partner domain, key transport by PKCS#1 v1.5 for those who have no other', async () => {
  const byDomain = { 'clinic-b.example': { keyTransport: 'rsa-pkcs1' } }
  const { a, post } = await twoClinics({ a: { algorithms: { byDomain } } })
  await a.send(canaryDraft())
  const { found } = await read(post.handed[0], 'clinic-b')
  expect(found).toMatchObject({ keyEncryption: '1.2.840.113549.1.1.1', content: OID.aes256Cbc })
})
