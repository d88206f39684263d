import { readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { all, pki, temporaryFolder, twoClinics } from '../flow/clinics.ts'
import { type ForeignMail, foreignMail } from '../flow/foreign-mail.ts'
import { folder } from './places.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

const REPORT = [
  'Content-Type: multipart/report; report-type=disposition-notification; boundary=r',
  '',
  '--r',
  'Content-Type: text/plain',
  '',
  'x\0',
  '--r',
  'Content-Type: message/disposition-notification',
  '',
  `Final-Recipient: rfc822; ${KIM}`,
  'Original-Message-ID: <\0@clinic-b.example>',
  'Disposition: automatic-action/MDN-sent-automatically; failed',
  'Failure: \0',
  '',
  '--r--',
  '',
].join('\r\n')

const ATTACHED = [
  'Content-Type: multipart/mixed; boundary=r',
  '',
  '--r',
  'Content-Type: text/plain; name="a\0.txt"; x="\0"',
  "Content-Disposition: attachment; filename*=utf-8''a%00b.txt",
  '',
  'x\0',
  '--r--',
  '',
].join('\r\n')

/** NUL wherever a correspondent can put it, and what becomes of the message. */
const MAIL: readonly (readonly [what: string, comesTo: string, mail: ForeignMail])[] = [
  ['the Message-ID of plain mail', 'NOT_ENCRYPTED', { encryptTo: null, outer: { 'Message-ID': '<a\0@x>' } }],
  [
    'From, To and Subject of plain mail',
    'NOT_ENCRYPTED',
    { encryptTo: null, outer: { From: 'a\0@x.example', To: '\0', Subject: '\0' } },
  ],
  ['an outer Message-ID', 'accept', { outer: { 'Message-ID': '<b\0@x>' } }],
  ['the only Message-ID', 'accept', { inner: { 'Message-ID': null }, outer: { 'Message-ID': '<c\0@x>' } }],
  [
    'what is to nobody of ours',
    'NOT_FOR_US',
    { encryptTo: [pki('dr-lee.pem')], outer: { 'Message-ID': '<d\0@x>' } },
  ],
  [
    'the Message-ID of what is not wrapped',
    'accept',
    { unwrapped: true, outer: { 'Message-ID': '<e\0@x>' } },
  ],
  [
    'what is not wrapped, by a stranger',
    'SIGNER_NOT_FROM',
    {
      unwrapped: true,
      outer: { From: 'eve@clinic-c.example', 'Message-ID': '<f\0@x>', 'In-Reply-To': '<\0>' },
    },
  ],
  ['a wrapped Message-ID', 'MALFORMED', { inner: { 'Message-ID': '<g\0@x>' } }],
  ['a wrapped In-Reply-To', 'MALFORMED', { inner: { 'In-Reply-To': '<\0>', References: '<\0>' } }],
  ['a wrapped From', 'MALFORMED', { inner: { From: `"\0" <${KIM}>` } }],
  ['an attachment and its name', 'accept', { inner: { 'Message-ID': '<h@x>' }, body: ATTACHED }],
  ['the words of a receipt', 'failed', { inner: { 'Message-ID': '<i@x>' }, body: REPORT }],
]

test('mail with NUL wherever it can be is received or refused as any other, and stops nothing', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const { b, post } = await twoClinics({ partsB: { store } })
  for (const [, , mail] of MAIL) post.drop(LEE, KIM, await foreignMail(mail))
  post.drop(LEE, KIM, await foreignMail({ inner: { 'Message-ID': '<whole@clinic-a.example>' } }))
  const ehr = await temporaryFolder()
  const reports = await all(b.receiveOnce({ deliverTo: ehr }))
  const ends = reports.map((report) =>
    'notification' in report ? report.notification : (report.code ?? report.verdict),
  )
  expect(ends).toEqual([...MAIL.map(([, comesTo]) => comesTo), 'accept'])
  const filed = reports.flatMap((report) =>
    'deliveredTo' in report && report.deliveredTo ? [report.deliveredTo] : [],
  )
  expect(await readdir(ehr)).toHaveLength(new Set(filed).size)
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toEqual([])
  expect(await b.status('<\0@clinic-b.example>')).toEqual([])
  expect((await all(b.audit({ messageId: '<e\0@x>' }))).map(({ event }) => event)).toContain('delivered')
  expect(await store.upkeep.verifyAudit()).toMatchObject({ broken: null })
})
