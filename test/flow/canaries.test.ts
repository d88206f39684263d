import { createPrivateKey } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Log } from '../../agent/index.ts'
import { mint } from '../../fixtures/pki.ts'
import { all, BOTH_PUBLISHED, bytesUnder, issuer, pki, temporaryFolder, twoClinics } from './clinics.ts'
import { CLINIC_B, foreignMail } from './foreign-mail.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

/** None of these may be found anywhere but in the EHR's folder. */
const CANARIES = [
  'CanarySubject',
  'CanaryName',
  'CanaryText',
  'CanaryHtml',
  'CanaryFile',
  'CanaryContent',
  'CanaryCell',
]

const draft = {
  from: KIM,
  subject: 'CanarySubject',
  text: 'CanaryText',
  html: '<p>CanaryHtml</p>',
  attachments: [
    { filename: 'CanaryFile.txt', content: 'CanaryContent' },
    // Too large for memory: it goes through the spool's place.
    { filename: 'CanaryFile.bin', content: Buffer.alloc(3 << 20, 'CanaryContent') },
  ],
}

/** As they stand in files: plain, and in each of the three phases of base64; names in any case. */
function forms(canary: string): readonly RegExp[] {
  const phases = [0, 1, 2].map((skipped) =>
    Buffer.concat([Buffer.alloc(skipped), Buffer.from(canary)])
      .toString('base64')
      .slice(skipped === 0 ? 0 : skipped + 1, -4),
  )
  return [new RegExp(canary, 'i'), ...phases.map((phase) => new RegExp(phase.replace(/[+/]/g, '\\$&')))]
}

/** The numbers that make a private key private, as bytes; and its PEM marker. */
async function secretsOf(name: string): Promise<readonly Buffer[]> {
  const key = createPrivateKey(await readFile(pki(name)))
  const { d, p, q } = key.export({ format: 'jwk' })
  return [d, p, q].map((number) => Buffer.from(number as string, 'base64url'))
}

function recordingLog(): { readonly log: Log; readonly lines: () => string } {
  const lines: string[] = []
  const level = (name: string) => (facts: object, text: string) =>
    void lines.push(`${name} ${JSON.stringify(facts)} ${text}`)
  return {
    log: { info: level('info'), warn: level('warn'), error: level('error') },
    lines: () => lines.join('\n'),
  }
}

test('no subject, name, content or key stands in a data directory, a log or a spool (MSG-15)', async () => {
  const spoolPlace = await temporaryFolder()
  const before = process.env.TMPDIR
  process.env.TMPDIR = spoolPlace
  onTestFinished(() => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  })
  const { log, lines } = recordingLog()
  const zone = {
    ...BOTH_PUBLISHED,
    'clinic-c.example': [
      Buffer.from(
        mint({ issuer: issuer('root-a'), san: ['clinic-c.example'], key: 'dr-lee' }).certificate.der,
      ),
    ],
    'broken.example': 'SERVFAIL' as const,
  }
  const tls = { tlsDomains: [{ domain: 'partner.example', server: 'smtp://mx.partner.example:25' }] }
  const polled = (letter: 'a' | 'b') => ({
    mailboxes: [
      {
        imap: `imap://clinic-${letter}.example@127.0.0.1:10143/INBOX`,
        addresses: [`clinic-${letter}.example`],
        pollSeconds: 1,
      },
    ],
  })
  const { a, b, post, dirA, dirB } = await twoClinics({
    zone,
    a: { ...tls, ...polled('a') },
    b: polled('b'),
    parts: { log },
  })

  // Out: every route, refused by us and by SMTP, and left in the outbox.
  post.refuse = (to) =>
    to === 'busy@clinic-c.example'
      ? { outcome: 'temporary', reply: '451 try later' }
      : to === 'gone@clinic-c.example'
        ? { outcome: 'final', reply: '550 no such user' }
        : null
  const to = [LEE, 'mom@partner.example', 'busy@clinic-c.example', 'gone@clinic-c.example']
  const cc = ['nobody@none.example', 'who@broken.example', 'CanaryName <pat@clinic-b.example>', 'CanaryName']
  await a.send({ ...draft, to, cc, bcc: ['nurse@clinic-b.example'] }, { actor: 'dr.kim' })
  await a.send({ ...draft, to: ['CanaryName <pat@clinic-b.example>'] })
  const named = [
    `From: CanaryName <${KIM}>`,
    `To: "CanaryName" <${LEE}>`,
    'Subject: CanarySubject',
    'Message-ID: <given@clinic-a.example>',
    '',
    'CanaryText',
    '',
  ]
  const message = { path: join(await temporaryFolder(), 'message.eml') }
  await writeFile(message.path, named.join('\r\n'))
  await a.send({ from: KIM, to: [LEE], message })

  // In: trusted, refused of several kinds, and nonsense that names people where addresses belong.
  const body = 'Content-Type: text/plain; name="CanaryFile"\r\n\r\nCanaryText\r\n'
  const inner = { Subject: 'CanarySubject', To: `CanaryName <${LEE}>` }
  for (const mail of [
    { inner, body },
    { inner: { ...inner, From: 'CanaryName' }, body },
    { inner: { ...inner, From: `CanaryName <${KIM}> CanaryCell` }, body },
    { inner: { ...inner, From: `CanaryName: ${KIM};` }, body },
    { inner: { ...inner, From: '"CanaryName"@clinic-a.example' }, body },
    { inner: { ...inner, From: [KIM, 'CanaryName <x@clinic-a.example>'] }, body },
    { inner: { ...inner, 'Message-ID': null, From: `CanaryName <${KIM}>` }, body, digest: 'md5' as const },
    { inner, body, signers: [CLINIC_B] },
    { inner, body: 'Content-Type: multipart/mixed; CanaryName\r\n\r\nCanaryText' },
    { inner, body: 'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nCanaryName' },
    {
      inner,
      body: 'Content-Type: text/plain\r\nCanaryName CanaryCell\r\nContent-Transfer-Encoding: CanaryCell\r\n\r\nx',
    },
    { inner: { ...inner, Date: 'CanaryCell' }, body, signers: [] },
  ])
    post.drop(LEE, KIM, await foreignMail(mail))

  // What comes in the clear lies in its mailbox, and nowhere else.
  for (const mail of [
    { inner, outer: { Subject: 'CanarySubject' }, body, signers: [], encryptTo: null },
    { inner, outer: { From: 'CanaryName' }, body, encryptTo: null },
  ])
    post.drop(LEE, KIM, await foreignMail(mail))
  post.drop(LEE, KIM, Buffer.from('CanaryText'))

  const ehr = await temporaryFolder()
  const stop = new AbortController()
  const running = [a.run({ signal: stop.signal }), b.run({ deliverTo: ehr, signal: stop.signal })]
  onTestFinished(() => stop.abort())
  const handled = () => post.folders.get('clinic-b.example/INBOX')?.every(({ seen }) => seen)
  await expect.poll(handled, { timeout: 40_000 }).toBe(true)
  await expect
    .poll(async () => (await a.status()).flatMap(({ recipients }) => recipients.map(({ state }) => state)), {
      timeout: 40_000,
    })
    .toContain('processed')
  stop.abort()
  await Promise.all(running)

  // What is searched is there: the EHR has the content, and the data directories hold the messages.
  const readable = (await bytesUnder(ehr)).map(({ content }) => content.toString('latin1')).join('')
  for (const canary of ['CanarySubject', 'CanaryText', 'CanaryContent']) expect(readable).toContain(canary)
  expect((await all(b.audit())).length).toBeGreaterThan(10)
  expect(lines()).toContain('delivered')

  const told = { doctor: await all(a.doctor()), health: [await a.health(), await b.health()] }
  expect(told.doctor.map(({ area }) => area)).toContain('store')
  const places = [
    { name: 'the log', content: Buffer.from(lines()) },
    { name: 'doctor and health', content: Buffer.from(JSON.stringify(told)) },
    ...(await bytesUnder(dirA)),
    ...(await bytesUnder(dirB)),
    ...(await bytesUnder(spoolPlace)).filter(({ name }) => name.endsWith('.spool')),
  ]
  const keys = ['clinic-a.key', 'clinic-b.key']
  const secrets = (await Promise.all(keys.map(secretsOf))).flat()
  const found: string[] = []
  for (const { name, content } of places) {
    const text = content.toString('latin1')
    for (const form of CANARIES.flatMap(forms)) {
      const at = text.search(form)
      if (at >= 0)
        found.push(
          `${form} in ${name}: ${text.slice(Math.max(0, at - 80), at + 80).replace(/[^ -~]+/g, '.')}`,
        )
    }
    if (text.includes('PRIVATE KEY')) found.push(`a PEM marker in ${name}`)
    if (secrets.some((secret) => content.includes(secret))) found.push(`a private key in ${name}`)
  }
  expect(found).toEqual([])
})
