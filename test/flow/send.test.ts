import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { Agent, SendOptions, Sent } from '../../agent/index.ts'
import { mint } from '../../fixtures/pki.ts'
import {
  all,
  BOTH_PUBLISHED,
  bytesUnder,
  der,
  canaryDraft as draft,
  issuer,
  mintedIdentity,
  pki,
  TLS_PARTNER,
  temporaryFolder,
  twoClinics,
} from './clinics.ts'
import type { Handed } from './post-office.ts'

const FROM = 'dr.kim@clinic-a.example'
const B1 = 'dr.lee@clinic-b.example'
const B2 = 'nurse@clinic-b.example'
const C = 'dr.ross@clinic-c.example'
const NONE = 'nobody@none.example'
const UNKNOWN = 'who@broken.example'
const TLS = 'mom@partner.example'

const CLINIC_C = Buffer.from(
  mint({ issuer: issuer('root-a'), san: ['clinic-c.example'], key: 'dr-lee' }).certificate.der,
)
const ZONE = {
  ...BOTH_PUBLISHED,
  'clinic-c.example': [CLINIC_C],
  'broken.example': 'SERVFAIL' as const,
}

/** Outer header of what was handed over: name in lower case, and value. */
function outerHeader({ bytes }: Handed): ReadonlyMap<string, string> {
  const text = bytes.toString('latin1')
  const head = text.slice(0, text.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ')
  return new Map(
    head.split('\r\n').map((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)]
    }),
  )
}

/** The CMS of what was handed over. */
function cms({ bytes }: Handed): Buffer {
  const text = bytes.toString('latin1')
  return Buffer.from(text.slice(text.indexOf('\r\n\r\n')), 'base64')
}

const namesRecipient = (handed: Handed, certificate: Buffer) =>
  cms(handed).includes(Buffer.from(new X509Certificate(certificate).serialNumber, 'hex'))

/** The inner message that the one folder of a delivery holds. */
async function innerOf(agent: Agent): Promise<string> {
  const ehr = await temporaryFolder()
  await all(agent.receiveOnce({ deliverTo: ehr }))
  const [folder] = await readdir(ehr)
  return readFile(join(ehr, folder as string, 'message.eml'), 'latin1')
}

const results = (sent: Awaited<ReturnType<Agent['send']>>) =>
  sent.recipients.map(({ address, route, result }) => [address, route, result])

test('mixed recipients are split by route, and one bad one stops nobody', async () => {
  const { a, post } = await twoClinics({ zone: ZONE, a: TLS_PARTNER })
  const sent = await a.send(draft({ to: [B1, NONE, 'not an address'], cc: [UNKNOWN, TLS], bcc: [C] }))
  expect(results(sent)).toEqual([
    [B1, 'direct', 'accepted'],
    [NONE, 'insecure', 'refused'],
    ['not an address', 'insecure', 'refused'],
    [UNKNOWN, 'undetermined', 'undetermined'],
    [TLS, 'tls', 'accepted'],
    [C, 'direct', 'accepted'],
  ])
  expect(sent.recipients.map(({ why }) => why[0]?.code)).toEqual([
    undefined,
    'NO_CERTIFICATE',
    'ADDRESS_INVALID',
    'LOOKUP_FAILED',
    'NO_CERTIFICATE',
    undefined,
  ])
  expect(post.handed.map(({ server, to, tls }) => [to.join(' '), server, tls]).sort()).toEqual(
    [
      [B1, '127.0.0.1:10025', 'as-configured'],
      [C, '127.0.0.1:10025', 'as-configured'],
      [TLS, 'mx.partner.example:2525', 'required'],
    ].sort(),
  )
})

test('one copy per domain, and none holds the certificate of another (MSG-10)', async () => {
  const { a, post } = await twoClinics({ zone: ZONE })
  await a.send(draft({ to: [B1, C], cc: [B2] }))
  const certificates = [der('clinic-b.pem'), CLINIC_C, der('clinic-a.pem')]
  const copies = new Map(
    post.handed.map((handed) => [
      handed.to.join(' '),
      certificates.map((one) => namesRecipient(handed, one)),
    ]),
  )
  expect(copies).toEqual(
    new Map([
      [`${B1} ${B2}`, [true, false, false]],
      [C, [false, true, false]],
    ]),
  )
})

test('a Bcc recipient gets a copy alone and stands in no header, outer or inner (MSG-3)', async () => {
  const { a, b, post } = await twoClinics({ zone: ZONE })
  const sent = await a.send(draft({ to: [B1], bcc: [B2] }))
  expect(sent.warnings).toEqual([expect.stringContaining(B2)])
  expect(post.handed.map(({ to }) => to.join(' ')).sort()).toEqual([B1, B2].sort())
  for (const handed of post.handed) {
    expect(outerHeader(handed).get('to')).toBe(B1)
    expect(handed.bytes.toString('latin1')).not.toContain(B2)
    expect([...outerHeader(handed).keys()]).not.toContain('bcc')
  }
  expect(await innerOf(b)).not.toMatch(/nurse|^bcc:/im)
})

test('a message for Bcc recipients alone names nobody', async () => {
  const { a, b, post } = await twoClinics({ zone: ZONE })
  await a.send(draft({ to: [], bcc: [B1] }))
  expect(outerHeader(post.handed[0] as Handed).get('to')).toBe('undisclosed-recipients:;')
  expect(await innerOf(b)).not.toContain(B1)
})

test('who was refused leaves the outer To and Cc only; the inner message keeps everyone (MSG-11)', async () => {
  const { a, b, post } = await twoClinics({ zone: ZONE })
  await a.send(draft({ to: [B1, NONE], cc: [UNKNOWN, B2] }))
  const header = outerHeader(post.handed[0] as Handed)
  expect([header.get('to'), header.get('cc')]).toEqual([B1, B2])
  const inner = await innerOf(b)
  for (const address of [B1, NONE, UNKNOWN, B2]) expect(inner).toContain(address)
})

test('the outer header holds routing and nothing else; nothing of the draft stands outside the encryption (MSG-3, MSG-4)', async () => {
  const { a, b, post } = await twoClinics({ zone: ZONE })
  const sent = await a.send(
    draft({ cc: [B2], inReplyTo: '<one@b.example>', references: ['<zero@b.example>', '<one@b.example>'] }),
  )
  const [handed] = post.handed as [Handed]
  const header = outerHeader(handed)
  expect([...header.keys()].sort()).toEqual(
    [
      ...['mime-version', 'from', 'to', 'cc', 'date', 'message-id', 'in-reply-to', 'references', 'subject'],
      ...['content-type', 'content-transfer-encoding', 'content-disposition'],
    ].sort(),
  )
  expect(header.get('subject')).toBe('Encrypted Message')
  expect(header.get('from')).toBe(FROM)
  expect(header.get('message-id')).toBe(sent.messageId)
  expect(header.get('references')).toBe('<zero@b.example> <one@b.example>')
  expect(header.get('content-type')).toBe(
    'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
  )
  expect(handed.from).toBe(FROM)
  expect(handed.bytes.toString('latin1') + cms(handed).toString('latin1')).not.toMatch(/CANARY/)
  const inner = await innerOf(b)
  expect(inner).toContain(`Message-ID: ${sent.messageId}`)
  expect(inner).toContain('Subject: SUBJECT-CANARY')
  expect(inner).toContain(`Disposition-Notification-To: ${FROM}`)
  expect(inner).not.toContain('Disposition-Notification-Options')
  expect(inner).not.toMatch(/^Sender:/m)
})

test('final delivery is asked for when it is wanted (N-3)', async () => {
  const { a, b } = await twoClinics()
  await a.send(draft(), { finalDelivery: true })
  expect((await innerOf(b)).replace(/\r\n[ \t]/g, ' ')).toContain(
    'Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true',
  )
})

test('what goes by tls goes straight to the server of that domain, readable there, and sealed at rest (MSG-15)', async () => {
  const { a, post, dirA } = await twoClinics({ zone: ZONE, a: TLS_PARTNER })
  post.refuse = () => ({ outcome: 'temporary', reply: '451 busy' })
  const sent = await a.send(draft({ to: [TLS] }))
  expect(results(sent)).toEqual([[TLS, 'tls', 'queued']])
  expect(post.handed.map(({ server, tls }) => [server, tls])).toEqual([
    ['mx.partner.example:2525', 'required'],
  ])
  const [{ bytes }] = post.handed as [Handed]
  expect(bytes.toString('latin1')).toContain('Subject: SUBJECT-CANARY')
  expect(bytes.toString('latin1')).toContain(`Message-ID: ${sent.messageId}`)
  for (const { name, content } of await bytesUnder(dirA))
    for (const canary of ['SUBJECT-CANARY', 'TEXT-CANARY', 'FILE-CANARY', 'CONTENT-CANARY'])
      expect(content.includes(canary), `${canary} in ${name}`).toBe(false)
})

test('a tls Bcc recipient gets a transaction alone', async () => {
  const { a, post } = await twoClinics({ zone: ZONE, a: TLS_PARTNER })
  await a.send(draft({ to: [TLS, 'dad@partner.example'], bcc: ['aunt@partner.example'] }))
  // Side by side: either may be first.
  const transactions = post.handed.map(({ to }) => to.join(' ')).sort()
  expect(transactions).toEqual(['aunt@partner.example', `${TLS} dad@partner.example`].sort())
  for (const { bytes } of post.handed) expect(bytes.toString('latin1')).not.toContain('aunt')
})

test('a second send with the same idempotency key sends nothing and has the same result', async () => {
  const { a, post } = await twoClinics({ zone: ZONE })
  const options = { idempotencyKey: 'visit-4711', actor: 'dr.kim' }
  const first = await a.send(draft({ to: [B1, NONE, UNKNOWN] }), options)
  const second = await a.send(draft({ to: [B1, NONE, UNKNOWN], subject: 'Something else' }), options)
  expect(post.handed).toHaveLength(1)
  expect(second.planned).toBe(true)
  expect(second.messageId).toBe(first.messageId)
  expect(results(second)).toEqual(results(first))
  expect(await a.status()).toHaveLength(1)
})

test('two sends at once with one idempotency key are one message', async () => {
  const { a, post } = await twoClinics({ zone: ZONE })
  const [one, two] = await Promise.all([
    a.send(draft(), { idempotencyKey: 'double-click' }),
    a.send(draft(), { idempotencyKey: 'double-click' }),
  ])
  expect(one?.messageId).toBe(two?.messageId)
  expect(post.handed).toHaveLength(1)
  expect(await a.status()).toHaveLength(1)
})

test('a repeated send while the first is at it says so: queued, with the reason', async () => {
  const { a, post } = await twoClinics()
  const { submit } = post.smtp
  const meanwhile: Sent[] = []
  vi.spyOn(post.smtp, 'submit').mockImplementationOnce(async (...handed) => {
    meanwhile.push(await a.send(draft(), { idempotencyKey: 'k' }))
    return submit(...handed)
  })
  const first = await a.send(draft(), { idempotencyKey: 'k' })
  expect(meanwhile).toMatchObject([
    {
      messageId: first.messageId,
      planned: true,
      recipients: [{ result: 'queued', why: [{ code: 'SMTP_UNDER_WAY' }] }],
    },
  ])
  expect(results(first)).toEqual([[B1, 'direct', 'accepted']])
})

test("another sender's idempotency key is a conflict, not a result", async () => {
  const { a, post } = await twoClinics()
  await a.send(draft(), { idempotencyKey: 'k' })
  await expect(
    a.send(draft({ from: 'dr.other@clinic-a.example' }), { idempotencyKey: 'k' }),
  ).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  expect(post.handed).toHaveLength(1)
})

test('an idempotency key of a message to others is a conflict, not a result that leaves them out', async () => {
  const { a, post } = await twoClinics({ zone: ZONE })
  await a.send(draft({ to: [B1, NONE, UNKNOWN, 'no address'] }), { idempotencyKey: 'k' })
  for (const more of [{ to: [B2] }, { to: [B1], bcc: [B2] }])
    await expect(a.send(draft(more), { idempotencyKey: 'k' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    })
  const again = { to: [B1.toUpperCase(), 'no address'], cc: [NONE, UNKNOWN] }
  expect((await a.send(draft(again), { idempotencyKey: 'k' })).planned).toBe(true)
  expect(post.handed).toHaveLength(1)
})

test('an empty idempotency key, as of a variable that was never set, is an error and not one key for all', async () => {
  const { a, post } = await twoClinics()
  for (const call of [a.send.bind(a), a.plan.bind(a)])
    await expect(call(draft(), { idempotencyKey: '' })).rejects.toMatchObject({ code: 'USAGE' })
  expect(post.handed).toEqual([])
})

test('a message that went to nobody does not use its key up', async () => {
  const { a, dns, post } = await twoClinics({ zone: {} })
  const options = { idempotencyKey: 'k' }
  expect(results(await a.send(draft(), options))).toEqual([[B1, 'insecure', 'refused']])
  Object.assign(dns, { resolve: (await twoClinics()).dns.resolve })
  expect(results(await a.send(draft(), options))).toEqual([[B1, 'direct', 'accepted']])
  expect(post.handed).toHaveLength(1)
})

test('SMTP that is away leaves the sealed copy in the outbox, and the daemon delivers it later', async () => {
  let now = new Date('2026-11-21T12:00:00Z')
  const { a, post } = await twoClinics({ parts: { now: () => now }, a: { mailboxes: [] } })
  post.refuse = () => ({ outcome: 'temporary', reply: '451 4.3.0 try later' })
  const sent = await a.send(draft())
  expect(sent.recipients).toMatchObject([{ result: 'queued', why: [{ code: 'SMTP_TEMPORARY' }] }])
  expect(await a.status(sent.messageId)).toMatchObject([{ recipients: [{ state: 'queued' }] }])
  const [tried] = post.handed as [Handed]

  post.refuse = () => null
  now = new Date('2026-11-21T12:02:00Z')
  const stop = new AbortController()
  const running = a.run({ signal: stop.signal })
  await expect.poll(async () => (await a.status())[0]?.recipients[0]?.state).toBe('sent')
  stop.abort()
  await running
  expect(post.handed).toHaveLength(2)
  expect(post.handed[1]?.bytes.equals(tried.bytes)).toBe(true)
})

test('before its time a queued copy is not tried again', async () => {
  const now = new Date('2026-11-21T12:00:00Z')
  const { a, post } = await twoClinics({ parts: { now: () => now } })
  post.refuse = () => ({ outcome: 'temporary', reply: '451 later' })
  await a.send(draft())
  await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(post.handed).toHaveLength(1)
})

test('an answer of SMTP concerns the recipient that it was for', async () => {
  const { a, post } = await twoClinics()
  post.refuse = (to) => (to === B1 ? { outcome: 'final', reply: '550 5.1.1 no such user' } : null)
  const sent = await a.send(draft({ to: [B1, B2] }))
  expect(sent.recipients).toMatchObject([
    { address: B1, result: 'refused', why: [{ code: 'SMTP_REFUSED' }] },
    { address: B2, result: 'accepted' },
  ])
  expect(await a.status(sent.messageId)).toMatchObject([
    {
      recipients: [
        { address: B1, state: 'failed' },
        { address: B2, state: 'sent' },
      ],
    },
  ])
})

test('nothing is kept for an undetermined recipient, and the audit says that it was asked for', async () => {
  const { a, post } = await twoClinics({ zone: ZONE })
  const sent = await a.send(draft({ to: [UNKNOWN] }), {
    actor: 'dr.kim',
    patient: 'p-17',
    documents: ['doc-9'],
  })
  expect(results(sent)).toEqual([[UNKNOWN, 'undetermined', 'undetermined']])
  expect(post.handed).toEqual([])
  expect(await a.status()).toEqual([])
  expect(await all(a.audit({ document: 'doc-9' }))).toMatchObject([
    { event: 'undetermined', actor: 'dr.kim', patient: 'p-17', address: UNKNOWN, outcome: 'undetermined' },
  ])
})

test('the audit says who, to whom, by which route and with which certificate', async () => {
  const { a } = await twoClinics({ zone: ZONE })
  const sent = await a.send(draft({ to: [B1, NONE] }), { actor: 'dr.kim', documents: ['doc-9'] })
  const rows = await all(a.audit({ messageId: sent.messageId }))
  expect(
    rows.map(({ event, actor, address, route, outcome }) => [event, actor, address, route, outcome]),
  ).toEqual([
    ['queued', 'dr.kim', B1, 'direct', 'queued'],
    ['refused', 'dr.kim', NONE, 'insecure', 'refused'],
    ['sent', 'dr.kim', B1, 'direct', 'sent'],
  ])
  expect(rows[0]?.certificate).toMatch(/^[0-9a-f]{64}$/)
})

test.each([
  ['no identity for the sender', { identities: [] }, 'IDENTITY_MISSING'],
  [
    'a certificate that has expired',
    { identities: [{ key: 'clinic-a', from: '2024-01-01', to: '2025-01-01' }] },
    'IDENTITY_UNUSABLE',
  ],
  [
    'a certificate of somebody else',
    { identities: [{ key: 'clinic-a', san: ['other.example'] }] },
    'IDENTITY_UNUSABLE',
  ],
  [
    'a certificate that may not sign',
    { identities: [{ key: 'clinic-a', keyUsage: ['keyEncipherment'] }] },
    'IDENTITY_UNUSABLE',
  ],
  [
    'no certificate that the record can be sealed to',
    { identities: [{ key: 'clinic-a', keyUsage: ['digitalSignature'] }] },
    'IDENTITY_UNUSABLE',
  ],
] as const)('with %s nothing leaves and nothing is stored (MSG-8)', async (_, { identities }, code) => {
  const entries = await Promise.all(identities.map((options) => mintedIdentity('clinic-a.example', options)))
  const { a, post } = await twoClinics({ zone: ZONE, a: { identities: entries } })
  await expect(a.send(draft({ to: [B1, UNKNOWN, NONE] }))).rejects.toMatchObject({
    name: 'DirectError',
    code,
    hint: expect.any(String),
  })
  expect(post.handed).toEqual([])
  expect(await a.status()).toEqual([])
  expect(await all(a.audit())).toEqual([])
})

test('separate certificates for signing and encryption serve one address (MSG-8)', async () => {
  const identities = [
    await mintedIdentity('clinic-a.example', { key: 'clinic-a', keyUsage: ['digitalSignature'] }),
    await mintedIdentity('clinic-a.example', { key: 'dr-lee', keyUsage: ['keyEncipherment'] }),
  ]
  const { a, b } = await twoClinics({ a: { identities } })
  expect(results(await a.send(draft()))).toEqual([[B1, 'direct', 'accepted']])
  expect(await innerOf(b)).toContain('SUBJECT-CANARY')
})

test.each([
  ['subject', { subject: 'a\r\nBcc: eve@evil.example' }],
  ['file name', { attachments: [{ filename: 'a\r\nX-Evil: 1', content: '' }] }],
  ['content type', { attachments: [{ filename: 'a', contentType: 'text/plain\r\nX-Evil: 1', content: '' }] }],
  ['In-Reply-To', { inReplyTo: '<a@b>\r\nBcc: eve@evil.example' }],
  ['References', { references: ['<a@b>\u0000'] }],
] as const)(
  'a control character in the %s is refused before anything is stored (MSG-13)',
  async (_, more) => {
    const { a, post } = await twoClinics()
    await expect(a.send(draft(more))).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
    expect(post.handed).toEqual([])
    expect(await a.status()).toEqual([])
  },
)

test.each([
  'dr.kim@clinic-a.example\r\nX: y',
  'dr.kim@clinic-a.example\u0000',
  'Kim <dr.kim@clinic-a.example>',
])('a sender that is no plain address is refused (MSG-13): %j', async (from) => {
  const { a, post } = await twoClinics()
  await expect(a.send(draft({ from }))).rejects.toMatchObject({ code: 'ADDRESS_INVALID' })
  expect(post.handed).toEqual([])
})

test.each([B1, 'nobody'])(
  'a recipient with a line break is a result, also when it is the only one: %s',
  async (address) => {
    const { a, post } = await twoClinics()
    const bad = `${address}\r\nRCPT TO:<eve@evil.example>`
    for (const act of ['plan', 'send'] as const) {
      const sent = await a[act](draft({ to: [bad] }))
      expect(sent.recipients).toMatchObject([
        { address: bad, route: 'insecure', result: 'refused', why: [{ code: 'ADDRESS_INVALID' }] },
      ])
    }
    expect(post.handed).toEqual([])
  },
)

test('a message for nobody is a mistake of the caller', async () => {
  const { a } = await twoClinics()
  await expect(a.send(draft({ to: [] }))).rejects.toMatchObject({ code: 'USAGE' })
})

test('who is named twice is written to once', async () => {
  const { a, post } = await twoClinics()
  const sent = await a.send(draft({ to: [B1, 'Dr.Lee@Clinic-B.example'], cc: [B1], bcc: [B1] }))
  expect(results(sent)).toEqual([[B1, 'direct', 'accepted']])
  expect(post.handed.map(({ to }) => to)).toEqual([[B1]])
})

test('plan answers as send does, and stores and sends nothing', async () => {
  const { a, post, dirA } = await twoClinics({ zone: ZONE })
  const message = draft({ to: [B1, NONE, UNKNOWN], bcc: [C] })
  const planned = await a.plan(message)
  expect(planned.planned).toBe(true)
  expect(planned.warnings).toHaveLength(1)
  expect(results(planned)).toEqual([
    [B1, 'direct', 'queued'],
    [NONE, 'insecure', 'refused'],
    [UNKNOWN, 'undetermined', 'undetermined'],
    [C, 'direct', 'queued'],
  ])
  expect(post.handed).toEqual([])
  expect(existsSync(join(dirA, 'direct.db'))).toBe(false)
  const sent = await a.send(message)
  expect(sent.recipients.map(({ address, route }) => [address, route])).toEqual(
    planned.recipients.map(({ address, route }) => [address, route]),
  )
  expect(sent.warnings).toEqual(planned.warnings)
})

test('Direct mail without an SMTP server is a configuration error that leaves nothing behind', async () => {
  const { a, post } = await twoClinics({ zone: ZONE, a: { smtp: undefined } })
  const options: SendOptions = { idempotencyKey: 'k' }
  await expect(a.send(draft({ to: [B1, UNKNOWN] }), options)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  })
  expect(post.handed).toEqual([])
  expect(await all(a.audit())).toEqual([])
})

const FILE = [
  `From: Kim CANARY <${FROM}>`,
  `To: ${B1}`,
  `Cc: ${C}, ${NONE}`,
  `Bcc: hidden@clinic-b.example`,
  'Subject: SUBJECT-CANARY',
  'Message-ID: <given@clinic-a.example>',
  'Date: Sat, 21 Nov 2026 12:00:00 +0000',
  '',
  'TEXT-CANARY',
  '',
].join('\r\n')

async function messageFile(text = FILE): Promise<{ readonly path: string }> {
  const path = join(await temporaryFolder(), 'message.eml')
  await writeFile(path, text)
  return { path }
}

test('seal writes the copies of To and Cc first, then each Bcc alone, and says who got none', async () => {
  const { a, b, post } = await twoClinics({ zone: ZONE })
  const out = join(await temporaryFolder(), 'sealed.eml')
  const sealed = await a.seal({ from: FROM, to: [B1, C, NONE], bcc: [B2], message: await messageFile(), out })
  expect(sealed.messageId).toBe('<given@clinic-a.example>')
  expect(sealed.copies.map(({ file, recipients }) => [file, recipients])).toEqual([
    [out, [B1]],
    [`${out}.2`, [C]],
    [`${out}.3`, [B2]],
  ])
  expect(sealed.refused).toMatchObject([
    { address: NONE, route: 'insecure', why: [{ code: 'NO_CERTIFICATE' }] },
  ])
  expect(post.handed).toEqual([])
  const opened = await b.open({ path: `${out}.3`, to: [B2], mailFrom: FROM })
  expect(opened).toMatchObject({ verdict: 'accept', from: FROM, to: [B1, C, NONE] })
  const outer = await readFile(out, 'latin1')
  expect(outer).toContain(`To: ${B1}`)
  expect(outer).not.toMatch(/hidden|nurse|none\.example|CANARY/)
})

test('a recipient of seal that stands in neither To nor Cc of the file is a Bcc recipient', async () => {
  const { a } = await twoClinics({ zone: ZONE })
  const out = join(await temporaryFolder(), 'sealed.eml')
  const { copies } = await a.seal({ from: FROM, to: [B2, B1], message: await messageFile(), out })
  expect(copies.map(({ recipients }) => recipients)).toEqual([[B1], [B2]])
})

test('seal writes nothing when everyone is refused, and what stood there stays', async () => {
  const { a } = await twoClinics({ zone: ZONE })
  const dir = await temporaryFolder()
  const out = join(dir, 'sealed.eml')
  await writeFile(out, 'what stood there')
  const sealed = await a.seal({
    from: FROM,
    to: [NONE, UNKNOWN, 'no address'],
    message: await messageFile(),
    out,
  })
  expect(sealed.copies).toEqual([])
  expect(sealed.refused.map(({ address, route }) => [address, route])).toEqual([
    [NONE, 'insecure'],
    [UNKNOWN, 'undetermined'],
    ['no address', 'insecure'],
  ])
  expect(await readdir(dir)).toEqual(['sealed.eml'])
  expect(await readFile(out, 'latin1')).toBe('what stood there')
})

test('a given file keeps its Message-ID, and may be sent twice', async () => {
  const { a, post } = await twoClinics({ zone: ZONE })
  const message = { from: FROM, to: [B1], message: await messageFile() }
  for (const sent of [await a.send(message), await a.send(message)])
    expect(sent).toMatchObject({
      messageId: '<given@clinic-a.example>',
      recipients: [{ result: 'accepted' }],
    })
  expect(post.handed).toHaveLength(2)
})

test('a file that is from somebody else is not sent (MSG-12)', async () => {
  const { a, post } = await twoClinics()
  const message = await messageFile(FILE.replace(FROM, 'dr.other@clinic-a.example'))
  await expect(a.send({ from: FROM, to: [B1], message })).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
  expect(post.handed).toEqual([])
})

test('an attachment that is a folder stops the message before anything is stored', async () => {
  const { a, post } = await twoClinics()
  const message = draft({ attachments: [{ filename: 'x', content: { path: pki('') } }] })
  await expect(a.send(message)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
  expect(post.handed).toEqual([])
  expect(await a.status()).toEqual([])
})
