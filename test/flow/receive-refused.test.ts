import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mint } from '../../fixtures/pki.ts'
import { all, mintedIdentity, pki, temporaryFolder, twoClinics } from './clinics.ts'
import { CLINIC_A, CLINIC_B, type ForeignMail, foreignMail } from './foreign-mail.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const ASIDE = 'clinic-b.example/Direct-Refused'

const UNDER_ROOT_B = { certificate: pki('CERT6_ClinicA_UnderRootB.pem'), privateKey: pki('clinic-a.key') }

/** B receives one message, into a folder. */
async function received(
  mail: ForeignMail | Buffer,
  options: {
    readonly mailFrom?: string
    readonly to?: string
    readonly b?: Record<string, unknown>
  } = {},
) {
  const clinics = await twoClinics(options.b === undefined ? {} : { b: options.b })
  const { b, post } = clinics
  const bytes = Buffer.isBuffer(mail) ? mail : await foreignMail(mail)
  post.drop(options.to ?? LEE, options.mailFrom ?? KIM, bytes)
  const ehr = await temporaryFolder()
  const reports = await all(b.receiveOnce({ deliverTo: ehr }))
  return { ...clinics, reports, delivered: await readdir(ehr), ehr }
}

type Received = { readonly mailFrom?: string; readonly b?: Record<string, unknown> }

const REFUSED: [what: string, code: string, mail: ForeignMail, options?: Received][] = [
  ['plain', 'NOT_ENCRYPTED', { signers: [], encryptTo: null }],
  ['signed, not encrypted', 'NOT_ENCRYPTED', { encryptTo: null }],
  ['encrypted, not signed', 'NOT_SIGNED', { signers: [] }],
  ['encrypted to somebody else', 'NOT_FOR_US', { encryptTo: [pki('dr-lee.pem')] }],
  ['signed under an anchor that is not ours', 'SIGNER_UNTRUSTED', { signers: [UNDER_ROOT_B] }],
  ['signed by somebody else than From', 'SIGNER_NOT_FROM', { signers: [CLINIC_B] }],
  [
    'from an address that the signer is not bound to',
    'SIGNER_NOT_FROM',
    { inner: { From: 'dr.kim@clinic-c.example' } },
    { mailFrom: 'dr.kim@clinic-c.example' },
  ],
  ['handed over by another MAIL FROM', 'ENVELOPE_MISMATCH', {}, { mailFrom: 'mallory@clinic-a.example' }],
  ['handed over by what is no address', 'ENVELOPE_MISMATCH', {}, { mailFrom: 'Kim' }],
  ['handed over by <>', 'ENVELOPE_MISMATCH', {}, { mailFrom: '' }],
  ['with two From fields', 'MALFORMED', { inner: { From: [KIM, 'eve@clinic-a.example'] } }],
  ['with two mailboxes in From', 'MALFORMED', { inner: { From: `${KIM}, eve@clinic-a.example` } }],
  ['without From', 'MALFORMED', { inner: { From: null } }],
  [
    'with a From behind a lone CR, which others take for a line end',
    'MALFORMED',
    { inner: { 'X-A': `b\rFrom: ${LEE}` } },
  ],
  ['with a control in a field’s name, which others strip', 'MALFORMED', { inner: { '\u0001From': LEE } }],
  ['with a From that is folded before its colon', 'MALFORMED', { inner: { 'From\r\n ': LEE } }],
  [
    'not wrapped, and names another From in what is signed and delivered',
    'MALFORMED',
    { unwrapped: true, body: `From: ${LEE}\r\nContent-Type: text/plain\r\n\r\nhello\r\n` },
  ],
  [
    'not wrapped, where that is refused',
    'UNWRAPPED_REFUSED',
    { unwrapped: true },
    { b: { receive: { unwrapped: 'refuse' } } },
  ],
  [
    'for an envelope recipient that To and Cc do not name, where that is refused',
    'ENVELOPE_MISMATCH',
    { inner: { To: 'nurse@clinic-b.example' } },
    { b: { receive: { envelopeRecipients: 'refuse' } } },
  ],
  ['signed with MD5', 'ALGORITHM_REFUSED', { digest: 'md5' }],
  ['signed with SHA-1', 'ALGORITHM_REFUSED', { digest: 'sha1' }],
  ['encrypted with 3DES', 'ALGORITHM_REFUSED', { cipher: 'des3' }],
]

test.each(REFUSED.map(([what, code, mail, options = {}]) => ({ what, code, mail, options })))(
  'mail that is $what goes aside as $code, and nobody outside hears of it (IN-1, IN-9)',
  async ({ code, mail, options }) => {
    const { reports, delivered, post, b, ehr } = await received(mail, options)
    expect(reports).toMatchObject([{ verdict: 'reject', code, deliveredTo: null }])
    expect(delivered).toEqual([])
    expect(post.folders.get(INBOX)).toEqual([])
    expect(post.folders.get(ASIDE)).toHaveLength(1)
    expect(post.handed).toEqual([])
    const audit = await all(b.audit())
    expect(audit).toMatchObject([{ event: 'received', outcome: 'refused', address: LEE }])
    expect(audit[0]?.why[0]?.code).toBe(code)
    // Neither does a later pass answer.
    expect(await all(b.receiveOnce({ deliverTo: ehr }))).toEqual([])
    expect(post.handed).toEqual([])
  },
)

test('refused mail that is moved back, once its cause is mended, is judged like new mail', async () => {
  const { b, post } = await twoClinics({ b: { trust: [{ for: '*', anchors: [pki('root-b.pem')] }] } })
  const deliverTo = await temporaryFolder()
  post.drop(LEE, KIM, await foreignMail())
  const receive = () => all(b.receiveOnce({ deliverTo }))
  expect(await receive()).toMatchObject([{ verdict: 'reject', code: 'SIGNER_UNTRUSTED' }])
  await b.trust.add(pki('root-a.pem'), { for: '*', direction: 'both', actor: 'kim' })
  expect(await receive()).toEqual([])
  post.drop(LEE, KIM, post.folders.get(ASIDE)?.[0]?.bytes ?? Buffer.alloc(0))
  expect(await receive()).toMatchObject([{ verdict: 'accept', deliveredTo: expect.any(String) }])
})

test('what is no mail at all goes aside as MALFORMED or NOT_ENCRYPTED, and the rest flows', async () => {
  const { b, post } = await twoClinics()
  post.drop(LEE, KIM, Buffer.from('\u0000\u0001\u0002'.repeat(50)))
  post.drop(LEE, KIM, Buffer.alloc(0))
  post.drop(LEE, KIM, await foreignMail())
  const reports = await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(reports.map((report) => 'verdict' in report && report.verdict)).toEqual([
    'reject',
    'reject',
    'accept',
  ])
  expect(post.folders.get(ASIDE)).toHaveLength(2)
})

test('mail whose signed content is encrypted once more is refused, as it is without that signature (IN-4)', async () => {
  const sealed = (await foreignMail()).toString('latin1')
  const body = sealed.slice(sealed.indexOf('Content-Type: application/pkcs7-mime'))
  for (const nested of [body, body.replace('; smime-type=enveloped-data', '')]) {
    const { reports, delivered, post } = await received({ unwrapped: true, body: nested })
    expect(reports).toMatchObject([{ verdict: 'reject', code: 'MALFORMED' }])
    expect(delivered).toEqual([])
    expect(post.handed).toEqual([])
  }
})

test('a bit that was flipped in what is encrypted leaves UNDECRYPTABLE or SIGNATURE_INVALID, not a hint of what it was (ALG-2)', async () => {
  const good = (await foreignMail()).toString('latin1')
  const at = good.indexOf('\r\n\r\n')
  const body = Buffer.from(good.slice(at), 'base64')
  // Well inside the signature's base64, which makes up the end of every signed message.
  for (const from of [400, 700, 1000]) {
    const bytes = Buffer.from(body)
    bytes.writeUInt8(bytes.readUInt8(body.length - from) ^ 1, body.length - from)
    const mail = Buffer.from(`${good.slice(0, at + 4)}${bytes.toString('base64')}\r\n`, 'latin1')
    const { reports } = await received(mail)
    expect(reports).toMatchObject([{ verdict: 'reject' }])
    expect(['UNDECRYPTABLE', 'SIGNATURE_INVALID']).toContain((reports[0] as { code: string }).code)
  }
})

test('garbled CMS is UNDECRYPTABLE or MALFORMED, and says no more', async () => {
  const good = (await foreignMail()).toString('latin1')
  const at = good.indexOf('\r\n\r\n')
  const body = Buffer.from(good.slice(at), 'base64')
  for (const bytes of [
    body.subarray(0, body.length - 20),
    Buffer.concat([body.subarray(0, 40), Buffer.alloc(body.length - 40)]),
  ]) {
    const mail = Buffer.from(`${good.slice(0, at + 4)}${bytes.toString('base64')}\r\n`, 'latin1')
    const { reports, delivered, post } = await received(mail)
    expect(reports).toMatchObject([{ verdict: 'reject', innerSha256: null, signer: null }])
    expect(delivered).toEqual([])
    expect(post.handed).toEqual([])
  }
})

test('another signature beside the one of From neither helps nor harms (IN-6)', async () => {
  // Of a shorter name, so that its SignerInfo stands first in the SET OF.
  const stranger = mint({ ca: true, subject: 'A', key: 'root-b' })
  const first = await mintedIdentity('clinic-a.example', { key: 'clinic-a', issuer: stranger })
  const { reports } = await received({ signers: [CLINIC_B, first, UNDER_ROOT_B, CLINIC_A] })
  expect(reports).toMatchObject([{ verdict: 'accept', from: KIM }])
  const [report] = reports
  if (!report || !('verdict' in report)) throw new Error('a notification was not expected')
  const own = await received({ signers: [CLINIC_A] })
  expect(report.signer).toEqual((own.reports[0] as typeof report).signer)
})

test('SHA-1 signatures of a domain in legacy.sha1From are accepted (ALG-4)', async () => {
  const legacy = { sha1From: ['clinic-a.example'], subjectEmail: false }
  const { reports } = await received({ digest: 'sha1' }, { b: { legacy } })
  expect(reports).toMatchObject([{ verdict: 'accept' }])
  const md5 = await received({ digest: 'md5' }, { b: { legacy } })
  expect(md5.reports).toMatchObject([{ verdict: 'reject', code: 'ALGORITHM_REFUSED' }])
})

describe('3DES (ALG)', () => {
  const b = { legacy: { tripleDesFrom: ['clinic-a.example'] } }

  test('of a domain in legacy.tripleDesFrom is read, and never written to it', async () => {
    const { reports, post } = await received({ cipher: 'des3' }, { b })
    expect(reports).toMatchObject([{ verdict: 'accept', from: KIM }])
    const { a } = await twoClinics()
    const path = join(await temporaryFolder(), 'receipt.eml')
    await writeFile(path, post.handed[0]?.bytes ?? '')
    const receipt = await a.open({ path, to: [KIM], mailFrom: LEE })
    expect(receipt.algorithms?.content).toMatch(/^aes-/)
  })

  test('is not decrypted where the outer From is of another domain, or is none', async () => {
    for (const From of ['dr.kim@other.example', null, `${KIM}, dr.kim@other.example`]) {
      const { reports } = await received({ cipher: 'des3', outer: { From } }, { b })
      expect(reports).toMatchObject([{ verdict: 'reject', code: 'ALGORITHM_REFUSED', signer: null }])
    }
  })

  test('is refused where the author who signed is of another domain than the outer From claims', async () => {
    const listed = { legacy: { tripleDesFrom: ['listed.example'] } }
    const mail: ForeignMail = { cipher: 'des3', outer: { From: 'dr.kim@listed.example' } }
    const { reports, post } = await received(mail, { b: listed })
    expect(reports).toMatchObject([{ verdict: 'reject', code: 'ALGORITHM_REFUSED', from: KIM }])
    expect(reports[0]).toHaveProperty('why.0.text', expect.stringContaining('legacy.tripleDesFrom'))
    expect(post.handed).toEqual([])
  })

  test('is reported by its name', async () => {
    const clinics = await twoClinics({ b })
    const path = join(await temporaryFolder(), 'sealed.eml')
    await writeFile(path, await foreignMail({ cipher: 'des3' }))
    const opened = await clinics.b.open({ path, to: [LEE] })
    expect(opened).toMatchObject({ verdict: 'accept', algorithms: { content: 'des-ede3-cbc' } })
  })
})

test('a signer bound to Sender alone counts only where the switch names the domain (IN-6)', async () => {
  const mail = {
    inner: { From: 'dr.kim@practice.example', Sender: KIM },
    outer: { From: 'dr.kim@practice.example' },
  }
  const refused = await received(mail)
  expect(refused.reports).toMatchObject([{ verdict: 'reject', code: 'SIGNER_NOT_FROM' }])
  const { reports, post } = await received(mail, { b: { receive: { senderOnlyFrom: ['practice.example'] } } })
  expect(reports).toMatchObject([{ verdict: 'accept' }])
  expect(post.handed.map(({ to }) => to)).toEqual([[KIM]])
})

test('unwrapped mail is accepted with a word about it, and its outer header names it (IN-5)', async () => {
  const { b, post } = await twoClinics()
  post.drop(LEE, KIM, await foreignMail({ unwrapped: true }))
  const [report] = await all(b.receiveOnce())
  expect(report).toMatchObject({ verdict: 'accept', messageId: '<foreign@clinic-a.example>', from: KIM })
})

test.each([
  ['two From', { From: KIM, from: KIM }],
  ['two Message-IDs', { 'message-id': '<other@clinic-a.example>' }],
  ['two To', { to: LEE }],
])('unwrapped mail with %s is refused (IN-5)', async (_, outer) => {
  const { reports } = await received({ unwrapped: true, outer })
  expect(reports).toMatchObject([{ verdict: 'reject', code: 'MALFORMED' }])
})

test('an envelope recipient that To and Cc do not name is worth a warning by default (IN-7)', async () => {
  const { b, post } = await twoClinics()
  post.drop(LEE, KIM, await foreignMail({ inner: { To: 'nurse@clinic-b.example' } }))
  const stop = new AbortController()
  for await (const { warnings, recipients } of b.receive({ signal: stop.signal })) {
    expect(recipients).toEqual([LEE])
    expect(warnings).toEqual([expect.stringContaining(LEE)])
    stop.abort()
  }
})

const TWO = {
  mailboxes: [
    {
      imap: 'imap://clinic-b.example@127.0.0.1:10143/INBOX',
      addresses: [LEE, 'nurse@clinic-b.example'],
    },
  ],
}

test('two recipients of one mailbox are judged by their own anchors (TR-2)', async () => {
  const trust = [
    { for: LEE, direction: 'incoming', anchors: [pki('root-a.pem')] },
    { for: 'nurse@clinic-b.example', direction: 'incoming', anchors: [pki('root-b.pem')] },
    { for: '*', direction: 'outgoing', anchors: [pki('root-a.pem')] },
  ]
  const mail = {
    inner: { To: `${LEE}, nurse@clinic-b.example` },
    outer: { 'Delivered-To': 'nurse@clinic-b.example' },
  }
  const { reports, post, delivered, b } = await received(mail, { b: { ...TWO, trust } })
  expect(reports).toMatchObject([
    {
      verdict: 'accept',
      code: null,
      recipients: [
        { address: LEE, verdict: 'accept', code: null },
        { address: 'nurse@clinic-b.example', verdict: 'reject', code: 'SIGNER_UNTRUSTED' },
      ],
    },
  ])
  expect(delivered).toHaveLength(1)
  // One MDN: for the recipient that it was accepted for (N-1).
  expect(post.handed.map(({ from, to }) => [from, to])).toEqual([[LEE, [KIM]]])
  expect(post.folders.get(INBOX)).toMatchObject([{ seen: true }])
  const outcomes = (await all(b.audit())).filter(({ event }) => event === 'received')
  expect(outcomes.map(({ address, outcome }) => [address, outcome])).toEqual([
    [LEE, 'accepted'],
    ['nurse@clinic-b.example', 'refused'],
  ])
})

test('who has no certificate of its own among the recipients may not read the message (IN-3)', async () => {
  const identities = [
    await mintedIdentity(LEE, { key: 'dr-lee' }),
    await mintedIdentity('nurse@clinic-b.example', { key: 'clinic-b' }),
  ]
  const mail = {
    inner: { To: `${LEE}, nurse@clinic-b.example` },
    outer: { 'Delivered-To': 'nurse@clinic-b.example' },
    encryptTo: [identities[0]?.certificate as string],
  }
  const { reports } = await received(mail, { b: { ...TWO, identities } })
  expect(reports).toMatchObject([
    {
      verdict: 'accept',
      recipients: [
        { address: LEE, verdict: 'accept' },
        { address: 'nurse@clinic-b.example', verdict: 'reject', code: 'NOT_FOR_US' },
      ],
    },
  ])
})

test('mail to a tagged address of a mailbox is for that mailbox (MSG-13)', async () => {
  const { reports } = await received(
    { inner: { To: 'dr.lee+ward3@clinic-b.example' } },
    { to: 'dr.lee+ward3@clinic-b.example', b: TWO },
  )
  expect(reports).toMatchObject([
    { verdict: 'accept', recipients: [{ address: 'dr.lee+ward3@clinic-b.example', verdict: 'accept' }] },
  ])
})

test('where no Delivered-To names us, the outer To and Cc do (IN-7)', async () => {
  const mail = await foreignMail({ outer: { Cc: 'nurse@clinic-b.example, other@elsewhere.example' } })
  const { reports } = await received(mail, { to: 'x@clinic-b.example', b: TWO })
  expect(reports).toMatchObject([
    { recipients: [{ address: LEE }, { address: 'nurse@clinic-b.example', verdict: 'accept' }] },
  ])
})

test('a message for nobody of the mailbox is NOT_FOR_US', async () => {
  const mail = await foreignMail({ outer: { To: 'x@elsewhere.example' } })
  const { reports } = await received(mail, { to: 'x@clinic-b.example', b: TWO })
  expect(reports).toMatchObject([{ verdict: 'reject', code: 'NOT_FOR_US' }])
})

test('old and renewed keys all open mail, also after the old certificate has expired (ALG-5)', async () => {
  const old = await mintedIdentity('clinic-b.example', {
    key: 'dr-lee',
    from: '2024-01-01',
    to: '2026-01-01',
  })
  const identities = [{ for: 'clinic-b.example', ...CLINIC_B }, old]
  for (const encryptTo of [[old.certificate], [CLINIC_B.certificate]]) {
    const { reports } = await received({ encryptTo }, { b: { identities } })
    expect(reports).toMatchObject([{ verdict: 'accept' }])
  }
})

test('receiving without incoming anchors is a configuration error, and no mail is touched (TR-1)', async () => {
  const { b, post } = await twoClinics({
    b: { trust: [{ for: '*', direction: 'outgoing', anchors: [pki('root-a.pem')] }] },
  })
  post.drop(LEE, KIM, await foreignMail())
  await expect(all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).rejects.toMatchObject({
    code: 'NO_ANCHORS',
  })
  expect(post.folders.get(INBOX)).toHaveLength(1)
})
