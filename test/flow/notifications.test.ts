import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LostReceipt } from '../../agent/index.ts'
import { openStore } from '../../store/index.ts'
import type { Literal } from '../dns/literal-zone.ts'
import { all, BOTH_PUBLISHED, mintedIdentity, pki, temporaryFolder, twoClinics } from './clinics.ts'
import { replacing } from './faults.ts'
import { CLINIC_B, type ForeignMail, foreignMail } from './foreign-mail.ts'
import type { PostOffice } from './post-office.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }

const toKim = (post: PostOffice) => post.handed.filter(({ to }) => to.includes(KIM))

/** A notification as clinic B's other program would write it. */
function notification(
  about: string,
  more: Partial<Record<'recipient' | 'disposition', string>> = {},
): ForeignMail {
  const { recipient = LEE, disposition = 'automatic-action/MDN-sent-automatically; processed' } = more
  return {
    inner: { From: LEE, To: KIM, Subject: 'Processed', 'Message-ID': '<mdn@clinic-b.example>' },
    outer: { From: LEE, To: KIM },
    signers: [CLINIC_B],
    encryptTo: [pki('clinic-a.pem')],
    body: [
      'Content-Type: multipart/report; report-type=disposition-notification; boundary=m',
      '',
      '--m',
      'Content-Type: text/plain',
      '',
      'received',
      '--m',
      'Content-Type: message/disposition-notification',
      '',
      'Reporting-UA: clinic-b.example; other',
      `Final-Recipient: rfc822; ${recipient}`,
      `Original-Message-ID: ${about}`,
      `Disposition: ${disposition}`,
      '',
      '--m--',
      '',
    ].join('\r\n'),
  }
}

const states = (status: readonly { recipients: readonly { state: string }[] }[]) =>
  status.flatMap(({ recipients }) => recipients.map(({ state }) => state))

test('the MDN is wrapped, signed and encrypted, and says literally what is asked for (N-1, N-2)', async () => {
  const { a, b, post } = await twoClinics()
  const sent = await a.send(referral)
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  const [mdn] = toKim(post)
  const dir = await temporaryFolder()
  const [path, out] = [join(dir, 'mdn.eml'), join(dir, 'inner.eml')]
  await writeFile(path, mdn?.bytes as Buffer)
  expect(await a.open({ path, to: [KIM], mailFrom: mdn?.from as string, out })).toMatchObject({
    verdict: 'accept',
    from: LEE,
    wrapped: true,
    mdn: 'none',
  })
  expect(mdn?.from).toBe(LEE)
  const inner = (await readFile(out, 'latin1')).split('\r\n')
  expect(inner).toEqual(
    expect.arrayContaining([
      'Disposition: automatic-action/MDN-sent-automatically; processed',
      `Final-Recipient: rfc822; ${LEE}`,
      `Original-Message-ID: ${sent.messageId}`,
      `In-Reply-To: ${sent.messageId}`,
      `References: ${sent.messageId}`,
      'Reporting-UA: clinic-b.example; direct-agent',
      'Content-Type: multipart/report; report-type=disposition-notification;',
    ]),
  )
  expect(inner.filter((line) => /^Disposition-Notification-To:/i.test(line))).toEqual([])
  const outer = mdn?.bytes.toString('latin1').split('\r\n\r\n')[0]
  expect(outer).toContain('Subject: Encrypted Message')
  expect(outer).toContain(`In-Reply-To: ${sent.messageId}`)
})

test('the MDN names the message exactly as received, the outer Message-ID where the inner has none (N-1)', async () => {
  for (const [inner, about] of [
    [{ 'Message-ID': '<Odd.Case-ID@Clinic-A.Example>' }, '<Odd.Case-ID@Clinic-A.Example>'],
    [{ 'Message-ID': null }, '<foreign@clinic-a.example>'],
  ] as const) {
    const { b, post } = await twoClinics()
    post.drop(LEE, KIM, await foreignMail({ inner }))
    await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
    expect(toKim(post)[0]?.bytes.toString('latin1')).toContain(`In-Reply-To: ${about}`)
  }
})

test.each([
  ['an MDN', notification('<unknown@clinic-b.example>')],
  ['auto-submitted mail', { inner: { From: LEE, To: KIM, 'Auto-Submitted': 'auto-generated' } }],
  ['an automatic reply', { inner: { From: LEE, To: KIM, 'Auto-Submitted': 'auto-replied (vacation)' } }],
  [
    'a DSN',
    {
      inner: { From: LEE, To: KIM },
      body: [
        'Content-Type: multipart/report; report-type=delivery-status; boundary=m',
        '',
        '--m',
        'Content-Type: message/delivery-status',
        '',
        'Reporting-MTA: dns; clinic-b.example',
        '',
        `Final-Recipient: rfc822; ${LEE}`,
        'Action: failed',
        'Status: 5.0.0',
        '--m--',
        '',
      ].join('\r\n'),
    },
  ],
] as const)('%s is never answered (N-2)', async (_, mail: ForeignMail) => {
  const { a, post } = await twoClinics()
  const full = {
    outer: { From: LEE, To: KIM },
    signers: [CLINIC_B],
    encryptTo: [pki('clinic-a.pem')],
    ...mail,
  }
  post.drop(KIM, LEE, await foreignMail(full))
  const [report] = await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(report).not.toMatchObject({ verdict: 'reject' })
  expect(post.handed).toEqual([])
})

test('mail that says Auto-Submitted: no is answered (RFC 3834 5)', async () => {
  const { b, post } = await twoClinics()
  post.drop(LEE, KIM, await foreignMail({ inner: { 'Auto-Submitted': 'no' } }))
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(toKim(post)).toHaveLength(1)
})

test.each(['', LEE])(
  'a notification counts by its signature, MAIL FROM <%s> or not (IN-7, N-6)',
  async (mailFrom) => {
    const { a, post } = await twoClinics()
    const sent = await a.send(referral)
    post.drop(KIM, mailFrom, await foreignMail(notification(sent.messageId)))
    expect(await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
      {
        notification: 'processed',
        about: sent.messageId,
        recipients: [{ address: LEE, state: 'processed', why: [] }],
      },
    ])
    expect(states(await a.status())).toEqual(['processed'])
  },
)

test('an MDN by somebody who is not bound to the Final-Recipient does not count (N-6)', async () => {
  const clinicC = await mintedIdentity('clinic-c.example', { key: 'dr-lee' })
  const { a, post } = await twoClinics()
  const sent = await a.send(referral)
  const from = 'eve@clinic-c.example'
  const mail = notification(sent.messageId)
  const forged = { ...mail, inner: { ...mail.inner, From: from }, outer: { From: from, To: KIM } }
  post.drop(KIM, from, await foreignMail({ ...forged, signers: [clinicC] }))
  expect(await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
    {
      notification: 'processed',
      recipients: [{ address: LEE, state: null, why: [{ code: 'NOTIFICATION_IGNORED' }] }],
    },
  ])
  expect(states(await a.status())).toEqual(['sent'])
})

test('a report beyond the limits is a notification of nobody, and the mail behind it flows (IN-11, N-5)', async () => {
  const { b, post } = await twoClinics()
  const body = [
    'Content-Type: multipart/report; report-type=disposition-notification; boundary=m',
    '',
    '--m',
    'Content-Type: message/disposition-notification',
    '',
    'Reporting-UA: clinic-a.example\r\n'.repeat(40_000),
    '--m--',
    '',
  ].join('\r\n')
  post.drop(LEE, KIM, await foreignMail({ body }))
  post.drop(LEE, KIM, await foreignMail())
  expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
    { notification: 'unknown', about: null, recipients: [] },
    { verdict: 'accept' },
  ])
})

test('an MDN about a message that we never sent to him changes nothing', async () => {
  const { a, post } = await twoClinics()
  const sent = await a.send(referral)
  for (const mail of [
    notification('<other@clinic-a.example>'),
    notification(sent.messageId, { recipient: 'nurse@clinic-b.example' }),
    notification(sent.messageId, { disposition: '' }),
  ])
    post.drop(KIM, LEE, await foreignMail(mail))
  const reports = await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(reports.map((report) => 'notification' in report && report.recipients[0]?.state)).toEqual([
    null,
    null,
    null,
  ])
  expect(states(await a.status())).toEqual(['sent'])
})

test.each([
  'automatic-action/MDN-sent-automatically; failed',
  'manual-action/MDN-sent-manually; processed/error',
])('%s means failure, and an event says so (N-5)', async (disposition) => {
  const { a, post } = await twoClinics()
  const sent = await a.send(referral)
  post.drop(KIM, LEE, await foreignMail(notification(sent.messageId, { disposition })))
  await all(a.receiveOnce())
  expect(states(await a.status(sent.messageId))).toEqual(['failed'])
  const stop = new AbortController()
  for await (const event of a.events({ signal: stop.signal, after: 0 })) {
    expect(event).toMatchObject({ type: 'failed', messageId: sent.messageId, address: LEE })
    stop.abort()
  }
})

test('events tell of processed messages, and go on from where one left off', async () => {
  const { a, b } = await twoClinics()
  const stop = new AbortController()
  const first = (async () => {
    for await (const event of a.events({ signal: stop.signal, after: 0 })) return event
    return null
  })()
  const sent = await a.send(referral)
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  await all(a.receiveOnce())
  const event = await first
  expect(event).toMatchObject({ type: 'processed', messageId: sent.messageId, address: LEE })
  stop.abort()
  expect(await all(a.events({ signal: AbortSignal.abort(), after: event?.id ?? 0 }))).toEqual([])
})

test('notifications are judged by incoming and outgoing anchors alike, other mail is not (TR-3)', async () => {
  const trust = [
    { for: '*', direction: 'incoming', anchors: [pki('root-b.pem')] },
    { for: '*', direction: 'outgoing', anchors: [pki('root-a.pem')] },
  ]
  const { a, b } = await twoClinics({ a: { trust } })
  const sent = await a.send(referral)
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  await b.send({ from: LEE, to: [KIM], text: 'Thank you.' })
  expect(await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
    { notification: 'processed', about: sent.messageId },
    { verdict: 'reject', code: 'SIGNER_UNTRUSTED' },
  ])
})

test("an MDN whose way is not known yet is sealed later, once the sender's certificate is found (N-2)", async () => {
  const zone: Record<string, Literal> = { ...BOTH_PUBLISHED }
  const { a, b, post } = await twoClinics({ zone })
  const sent = await a.send(referral)
  zone['clinic-a.example'] = 'SERVFAIL'
  const ehr = await temporaryFolder()
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
  expect(toKim(post)).toEqual([])
  zone['clinic-a.example'] = BOTH_PUBLISHED['clinic-a.example'] as Literal
  await all(b.receiveOnce({ deliverTo: ehr }))
  expect(toKim(post)).toHaveLength(1)
  await all(a.receiveOnce())
  expect(states(await a.status(sent.messageId))).toEqual(['processed'])
})

test('an MDN that cannot go by Direct is given up, never sent in the clear (N-2)', async () => {
  let now = Date.parse('2026-11-21T12:00:00Z')
  const zone: Record<string, Literal> = { ...BOTH_PUBLISHED }
  const tls = { tlsDomains: [{ domain: 'clinic-a.example', server: 'smtp://mx.clinic-a.example:25' }] }
  const { a, b, post } = await twoClinics({ zone, b: tls, parts: { now: () => new Date(now) } })
  await a.send(referral)
  zone['clinic-a.example'] = 'NODATA'
  for (let pass = 0; pass < 3; pass++) {
    await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
    now += 3_600_000
  }
  expect(toKim(post)).toEqual([])
  expect((await all(b.audit())).map(({ event }) => event)).toContain('mdn-given-up')
})

test('an MDN that is given up is told: to whoever receives once, in the log by ids and codes, in the audit of the message (N-1, N-2)', async () => {
  const zone: Record<string, Literal> = { ...BOTH_PUBLISHED }
  const lines: unknown[][] = []
  const log = { info() {}, warn: (...line: unknown[]) => void lines.push(line), error() {} }
  const { a, b } = await twoClinics({ zone, parts: { log } })
  const { messageId } = await a.send(referral)
  zone['clinic-a.example'] = 'NXDOMAIN'
  const lost: LostReceipt[] = []
  const onLostReceipt = (receipt: LostReceipt) => void lost.push(receipt)
  for (let pass = 0; pass < 2; pass++)
    await all(b.receiveOnce({ deliverTo: await temporaryFolder(), onLostReceipt }))
  expect(lost).toEqual([
    {
      about: messageId,
      from: LEE,
      to: KIM,
      why: [{ code: 'NO_CERTIFICATE', text: expect.stringContaining(KIM) }],
      advice: [
        expect.stringContaining(`a certificate that ${KIM} publishes`),
        expect.stringContaining('Ask the partner'),
      ],
    },
  ])
  const own = expect.stringMatching(/^<.+@clinic-b\.example>$/)
  expect(lines).toEqual([
    [{ messageId: own, about: messageId, code: 'NO_CERTIFICATE' }, expect.stringContaining(messageId)],
  ])
  expect(JSON.stringify(lines)).not.toMatch(/dr\.kim|dr\.lee/)
  const rows = await all(b.audit({ messageId }))
  expect(rows.map(({ event, about }) => [event, about])).toEqual([
    ['received', null],
    ['delivered', null],
    ['mdn-given-up', messageId],
  ])
  expect(rows[2]).toMatchObject({
    messageId: own,
    from: LEE,
    address: KIM,
    why: [{ code: 'NO_CERTIFICATE' }],
  })
})

test('an MDN that SMTP did not take goes out again, the very same one (N-1)', async () => {
  let now = Date.parse('2026-11-21T12:00:00Z')
  const { a, b, post } = await twoClinics({ parts: { now: () => new Date(now) } })
  await a.send(referral)
  post.refuse = () => ({ outcome: 'temporary', reply: '421 closing' })
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  post.refuse = () => null
  now += 120_000
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  const mdns = post.handed.filter(({ from }) => from === LEE)
  expect(mdns.map(({ to }) => to)).toEqual([[], [KIM]])
  expect(mdns[0]?.bytes.equals(mdns[1]?.bytes as Buffer)).toBe(true)
})

test('an MDN that was kept goes out with the next run, however soon that is, until it has failed too often', async () => {
  let now = Date.parse('2026-11-21T12:00:00Z')
  const { a, b, post } = await twoClinics({ parts: { now: () => new Date(now) } })
  await a.send(referral)
  const mdns = () => post.handed.filter(({ from }) => from === LEE).map(({ to }) => to)
  post.refuse = () => ({ outcome: 'temporary', reply: '421 closing' })
  const ehr = await temporaryFolder()
  for (let pass = 1; pass <= 5; pass++) {
    await all(b.receiveOnce({ deliverTo: ehr }))
    expect(mdns()).toHaveLength(pass)
  }
  await all(b.receiveOnce({ deliverTo: ehr }))
  expect(mdns()).toHaveLength(5)
  post.refuse = () => null
  now += 3_600_000
  await all(b.receiveOnce({ deliverTo: ehr }))
  expect(mdns().at(-1)).toEqual([KIM])
})

test('notifications that cannot be sealed keep no mail from leaving', async () => {
  let now = Date.parse('2026-11-21T12:00:00Z')
  await using store = await openStore({ file: join(await temporaryFolder(), 'direct.db') })
  const noticesDue = async () => {
    throw new Error('broken')
  }
  const broken = replacing(store, { inbox: replacing(store.inbox, { noticesDue }) })
  const { a, post } = await twoClinics({ partsA: { store: broken, now: () => new Date(now) } })
  post.refuse = () => ({ outcome: 'temporary', reply: '451 later' })
  await a.send(referral)
  post.refuse = () => null
  now += 120_000
  await expect(all(a.receiveOnce({ deliverTo: await temporaryFolder() }))).rejects.toThrow('broken')
  expect(states(await a.status())).toEqual(['sent'])
})

test('a message is processed once it is trusted, and stays so whatever else comes (N-7)', async () => {
  const { a, b, post } = await twoClinics()
  const sent = await a.send(referral)
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))
  post.drop(KIM, LEE, await foreignMail(notification(sent.messageId)))
  await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(states(await a.status())).toEqual(['processed'])
  const types = []
  const stop = new AbortController()
  for await (const { type } of a.events({ signal: stop.signal, after: 0 })) {
    types.push(type)
    stop.abort()
  }
  expect(types).toEqual(['processed'])
})
