import { describe, expect, test } from 'vitest'
import type { Agent } from '../../agent/index.ts'
import { type ContentCipher, contentCapability, OID } from '../../agent/smime/algorithms.ts'
import { oid, sequence, time } from '../../agent/smime/ber/der.ts'
import { type Minted, mint, poolKey } from '../../fixtures/pki.ts'
import { parseCertificate } from '../../trust-anchors/index.ts'
import {
  attribute,
  envelope,
  honestAttributes,
  keyTrans,
  multipart,
  signedData,
  signerInfo,
} from '../agent/smime/hostile.ts'
import { all, type Clinics, der, issuer, pki, temporaryFolder, twoClinics } from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const NURSE = 'nurse@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const HOUR = 3_600_000

const draft = (from: string, ...to: readonly string[]) => ({ from, to, subject: 's', text: 'Hello.' })

async function receive(agent: Agent): Promise<void> {
  await all(agent.receiveOnce({ deliverTo: await temporaryFolder() }))
}

/** The kind of CMS that B's next message to these goes by: authEnveloped-data is GCM. */
async function kindTo({ b, post }: Clinics, ...to: readonly string[]): Promise<string> {
  await b.send(draft(LEE, ...to))
  const text = post.handed.at(-1)?.bytes.toString('latin1') ?? ''
  return /smime-type=([A-Za-z-]+)/.exec(text)?.[1] ?? ''
}

const CBC = 'enveloped-data'
const GCM = 'authEnveloped-data'

describe('the next message to somebody whose signed mail told what it can read (RFC 8551 2.7.1)', () => {
  test('goes by the best that both have, and so does the receipt', async () => {
    const clinics = await twoClinics()
    const { a, b, post } = clinics
    await a.send(draft(KIM, LEE))
    await receive(b)
    expect(post.handed.map(({ bytes }) => bytes.includes(GCM))).toEqual([false, true])
    expect(await kindTo(clinics, KIM)).toBe(GCM)
    await receive(a)
    expect(await a.status()).toMatchObject([{ recipients: [{ state: 'processed' }] }])
  })

  test('goes by what is configured as long as nothing was heard of it, or of one beside it', async () => {
    const clinics = await twoClinics()
    expect(await kindTo(clinics, KIM)).toBe(CBC)
    await clinics.a.send(draft(KIM, LEE))
    await receive(clinics.b)
    expect(await kindTo(clinics, NURSE)).toBe(CBC)
    expect(await kindTo(clinics, KIM, NURSE)).toBe(CBC)
    expect(await kindTo(clinics, KIM)).toBe(GCM)
  })

  test('goes by what is configured for it by name', async () => {
    const byDomain = { 'clinic-a.example': { content: 'aes-128-cbc' } }
    const clinics = await twoClinics({ b: { algorithms: { byDomain } } })
    await clinics.a.send(draft(KIM, LEE))
    await receive(clinics.b)
    expect(await kindTo(clinics, KIM)).toBe(CBC)
  })
})

describe('what mail says is heard of', () => {
  test('an older message changes nothing: a replay downgrades nobody', async () => {
    const clinics = await twoClinics()
    await hear(clinics, { can: ['aes-256-gcm'], ago: 2 * HOUR })
    expect(await kindTo(clinics, KIM)).toBe(GCM)
    await hear(clinics, { can: ['aes-128-cbc'], ago: 3 * HOUR })
    expect(await kindTo(clinics, KIM)).toBe(GCM)
    await hear(clinics, { can: ['aes-128-cbc'], ago: HOUR })
    expect(await kindTo(clinics, KIM)).toBe(CBC)
  })

  test('not where it is signed in a time to come, or at no time at all', async () => {
    const clinics = await twoClinics()
    await hear(clinics, { can: ['aes-256-gcm'], ago: -2 * HOUR })
    expect(await kindTo(clinics, KIM)).toBe(CBC)
    await hear(clinics, { can: ['aes-256-gcm'], ago: null })
    expect(await kindTo(clinics, KIM)).toBe(CBC)
  })

  test('not where it names nothing of ours, as the Java reference implementation’s lists do', async () => {
    const clinics = await twoClinics()
    await hear(clinics, { can: ['1.2.840.113549.3.7', '1.2.840.113549.3.2'], ago: HOUR })
    expect(await kindTo(clinics, KIM)).toBe(CBC)
  })

  test('not of another signer than the one who is believed (IN-6)', async () => {
    const clinics = await twoClinics()
    const stranger = mint({ issuer: issuer('root-b'), san: ['clinic-a.example'], key: 'dr-lee' })
    await hear(clinics, { can: ['aes-256-gcm'], ago: HOUR, signer: stranger, beside: ['aes-128-cbc'] })
    expect(await kindTo(clinics, KIM)).toBe(CBC)
  })

  test('not where the message is not trusted', async () => {
    const trust = [
      { for: '*', direction: 'incoming', anchors: [pki('root-b.pem')] },
      { for: '*', direction: 'outgoing', anchors: [pki('root-a.pem')] },
    ]
    const clinics = await twoClinics({ b: { trust } })
    await hear(clinics, { can: ['aes-256-gcm'], ago: HOUR }, 'reject')
    expect(await kindTo(clinics, KIM)).toBe(CBC)
  })
})

interface Said {
  /** Names, or OIDs that have none here. */
  readonly can: readonly (ContentCipher | `${number}.${string}`)[]
  /** How long before now it was signed; null: it does not say. */
  readonly ago: number | null
  readonly signer?: Minted
  /** What clinic A says in a signature of its own, beside that of `signer`. */
  readonly beside?: Said['can']
}

let mails = 0

/** B receives a mail of Dr. Kim's, in which the signer says so. */
async function hear({ b, post }: Clinics, said: Said, verdict: 'accept' | 'reject' = 'accept') {
  const clinicA = fixture('clinic-a')
  const part = [
    'Content-Type: message/rfc822',
    '',
    `From: ${KIM}`,
    `To: ${LEE}`,
    `Message-ID: <${++mails}@clinic-a.example>`,
    '',
    'Hello.',
    '',
  ].join('\r\n')
  const signers = [
    { signer: said.signer ?? clinicA, can: said.can },
    ...(said.beside ? [{ signer: clinicA, can: said.beside }] : []),
  ]
  const cms = signedData({
    signerInfos: signers.map(({ signer, can }) =>
      signerInfo({ content: part, signer, attributes: attributesOf(part, can, said.ago) }),
    ),
    certificates: signers.map(({ signer }) => signer),
  })
  const sealed = envelope(multipart(part, cms), { recipientInfos: [keyTrans(fixture('clinic-b'))] })
  const header = `From: ${KIM}\r\nTo: ${LEE}\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n`
  post.drop(LEE, KIM, Buffer.from(`${header}${sealed.toString('base64').replace(/.{1,76}/g, '$&\r\n')}`))
  const reports = await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(reports).toMatchObject([{ verdict }])
}

function attributesOf(part: string, can: Said['can'], ago: number | null): readonly Uint8Array[] {
  const [contentType, messageDigest] = honestAttributes(part) as [Uint8Array, Uint8Array]
  const entry = (name: Said['can'][number]) =>
    /^\d/.test(name) ? sequence(oid(name)) : contentCapability(name as ContentCipher)
  return [
    contentType,
    messageDigest,
    ...(ago === null ? [] : [attribute(OID.signingTime, time(new Date(Date.now() - ago)))]),
    attribute(OID.smimeCapabilities, sequence(...can.map(entry))),
  ]
}

function fixture(name: 'clinic-a' | 'clinic-b'): Minted {
  const certificate = parseCertificate(der(`${name}.pem`))
  if ('code' in certificate) throw new Error(certificate.text)
  return { certificate, privateKey: poolKey(name), pem: '' }
}
