import { createHash } from 'node:crypto'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createAgent, type Delivery, DirectError } from '../../agent/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { all, BOTH_PUBLISHED, clinicConfig, polledOften, temporaryFolder, twoClinics } from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const CONTENT = Buffer.from(Array.from({ length: 3000 }, (_, n) => n % 256))

const referral = {
  from: KIM,
  to: [LEE],
  cc: ['nurse@clinic-b.example'],
  subject: 'Überweisung',
  text: 'Please see her.\n',
  attachments: [{ filename: 'scan.bin', content: CONTENT }],
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const list: Uint8Array[] = []
  for await (const chunk of chunks) list.push(chunk)
  return Buffer.concat(list)
}

test('a library consumer reads a trusted message, accepts it, and it does not come again', async () => {
  const { a, b, post } = await twoClinics()
  const sent = await a.send({ ...referral, cc: [] })
  const stop = new AbortController()
  for await (const { message, recipients, signer, warnings, accept } of b.receive({ signal: stop.signal })) {
    expect(message).toMatchObject({
      messageId: sent.messageId,
      from: KIM,
      to: [LEE],
      cc: [],
      subject: 'Überweisung',
    })
    expect(recipients).toEqual([LEE])
    expect(signer).toMatchObject({ boundTo: 'domain', domain: 'clinic-a.example' })
    expect(warnings).toEqual([])
    // What a consumer does with a chunk, or hands on with its memory, is nothing to the next reading.
    for await (const chunk of message.read()) chunk.fill(0)
    const inner = await bytesOf(message.read())
    expect(inner.length).toBe(message.bytes)
    expect(createHash('sha256').update(inner).digest('hex')).toBe(message.sha256)
    const parts = []
    for await (const part of message.parts()) parts.push([part.filename, await bytesOf(part.read())])
    expect(parts.at(-1)).toEqual(['scan.bin', CONTENT])
    await accept('chart 17')
    stop.abort()
  }
  expect(post.folders.get(INBOX)).toMatchObject([{ seen: true }])
  expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toEqual([])
  expect((await all(b.audit())).map(({ event }) => event)).toContain('delivered')
  await all(a.receiveOnce())
  expect(await a.status()).toMatchObject([{ recipients: [{ state: 'processed' }] }])
})

test('what was not accepted comes again, and is not flagged meanwhile', async () => {
  const { a, b, post } = await twoClinics()
  await a.send({ ...referral, cc: [] })
  for (let pass = 0; pass < 2; pass++) {
    for await (const { message } of b.receive({ signal: AbortSignal.timeout(60_000) })) {
      expect(message.subject).toBe('Überweisung')
      break
    }
    expect(post.folders.get(INBOX)).toMatchObject([{ seen: false }])
  }
})

test('a consumer that leaves the loop after accept has accepted', async () => {
  const { a, b, post } = await twoClinics()
  await a.send({ ...referral, cc: [] })
  for await (const delivery of b.receive()) {
    await delivery.accept()
    break
  }
  expect(post.folders.get(INBOX)).toMatchObject([{ seen: true }])
  expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toEqual([])
})

test('a consumer that throws has not accepted, and the message comes again', async () => {
  const { a, b } = await twoClinics()
  await a.send({ ...referral, cc: [] })
  const file = async () => {
    for await (const delivery of b.receive()) throw new Error(`the EHR is away for ${delivery.recipients}`)
  }
  await expect(file()).rejects.toThrow('the EHR is away')
  expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
    { verdict: 'accept' },
  ])
})

test('what the EHR rejects does not come again, and the audit says so', async () => {
  const { a, b } = await twoClinics()
  await a.send({ ...referral, cc: [] })
  for await (const delivery of b.receive()) {
    await delivery.reject('no such patient')
    break
  }
  expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toEqual([])
  // Its reason is none of a place (delivered_to), and goes no further than here (N-4).
  expect(await all(b.audit())).toContainEqual(
    expect.objectContaining({
      event: 'rejected',
      address: LEE,
      why: [{ code: 'EHR_REJECTED', text: 'no such patient' }],
    }),
  )
})

test('a mailbox that is away for a while does not end the loop; a wrong password does', async () => {
  const { a, b, post } = await twoClinics({ b: { mailboxes: [polledOften('b')] } })
  await a.send({ ...referral, cc: [] })
  const { open } = post.imap
  let fail: DirectError | null = new DirectError('IMAP_UNREACHABLE', 'away', { temporary: true })
  const imap = {
    open: async (...args: Parameters<typeof open>) => {
      const failure = fail
      fail = null
      if (failure) throw failure
      return open(...args)
    },
  }
  Object.assign(post.imap, imap)
  for await (const delivery of b.receive()) {
    await delivery.accept()
    break
  }
  fail = new DirectError('IMAP_LOGIN', 'wrong password')
  await expect(all(b.receive())).rejects.toMatchObject({ code: 'IMAP_LOGIN' })
})

test('refused mail is no delivery', async () => {
  const { b, post } = await twoClinics({ b: { mailboxes: [polledOften('b')] } })
  post.drop(LEE, KIM, Buffer.from('Subject: hello\r\n\r\nplain\r\n'))
  const stop = new AbortController()
  const seen = all(b.receive({ signal: stop.signal }))
  await expect.poll(() => post.folders.get('clinic-b.example/Direct-Refused')?.length).toBe(1)
  stop.abort()
  expect(await seen).toEqual([])
})

test('a message has the same key each time that it comes, and another message has another (IN-10)', async () => {
  const { a, b } = await twoClinics()
  await a.send({ ...referral, cc: [] })
  await a.send({ ...referral, cc: [], text: 'Please see him.\n' })
  const keys: string[][] = []
  for (let time = 0; time < 2; time++) {
    const seen: string[] = []
    for await (const { key } of b.receive()) {
      seen.push(key)
      if (seen.length === 2) break
    }
    keys.push(seen.toSorted())
  }
  expect(keys[0]).toEqual(keys[1])
  expect(new Set(keys[0]).size).toBe(2)
  expect(keys[0]?.[0]).toMatch(/^[0-9a-f]{64}$/)
})

test('a mailbox that hangs holds up no other', async () => {
  const two = (user: string) => ({
    imap: `imap://${user}@127.0.0.1:10143/INBOX`,
    addresses: ['clinic-b.example'],
  })
  const { a, b, post } = await twoClinics({ b: { mailboxes: [two('hangs'), two('clinic-b.example')] } })
  const { open } = post.imap
  const imap = {
    open: (...args: Parameters<typeof open>) => {
      const [server, , signal] = args
      if (server.user !== 'hangs') return open(...args)
      const aborted = new DirectError('ABORTED', 'stopped', { temporary: true })
      return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(aborted)))
    },
  }
  Object.assign(post.imap, imap)
  await a.send({ ...referral, cc: [] })
  for await (const delivery of b.receive()) {
    await delivery.accept()
    break
  }
  expect(post.folders.get(INBOX)).toMatchObject([{ seen: true }])
})

test('a consumer that rests in the loop holds no mailbox: more is answered meanwhile, and another process may receive', async () => {
  const { a, b, post, dirB } = await twoClinics({ b: { mailboxes: [polledOften('b')] } })
  const parts = { resolver: literalZone(BOTH_PUBLISHED), smtp: post.smtp, imap: post.imap }
  await using other = await createAgent(clinicConfig('b', dirB), parts)
  await a.send({ ...referral, cc: [] })
  for await (const delivery of b.receive()) {
    await a.send({ ...referral, cc: [], text: 'Another one.\n' })
    await expect
      .poll(
        async () => {
          await all(a.receiveOnce())
          return (await a.status()).map(({ recipients }) => recipients[0]?.state)
        },
        { timeout: 40_000 },
      )
      .toEqual(['processed', 'processed'])
    const ehr = await temporaryFolder()
    await all(other.receiveOnce({ deliverTo: ehr }))
    expect((await readdir(ehr)).length).toBeGreaterThan(0)
    // The first answer stands.
    await delivery.reject('too late')
    break
  }
  expect((await all(b.audit())).filter(({ event }) => event === 'rejected')).toEqual([])
})

test('of what was passed by, accepting is durable later too', async () => {
  const { a, b } = await twoClinics()
  await a.send({ ...referral, cc: [] })
  await a.send({ ...referral, cc: [], text: 'Another one.\n' })
  const passed: Delivery[] = []
  for await (const delivery of b.receive()) {
    passed.push(delivery)
    if (passed.length < 2) continue
    for (const { accept } of passed) await accept()
    break
  }
  expect((await all(b.audit())).filter(({ event }) => event === 'delivered')).toHaveLength(2)
  expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toEqual([])
})

test('a delivery is a folder named by the digest: message, attachments and what was found out (IN-8)', async () => {
  const { a, b } = await twoClinics()
  const sent = await a.send(referral)
  const ehr = await temporaryFolder()
  const [report] = await all(b.receiveOnce({ deliverTo: ehr }))
  const [name] = await readdir(ehr)
  const folder = join(ehr, name as string)
  expect((await readdir(folder)).sort()).toEqual(['attachments', 'delivery.json', 'message.eml'])
  const message = await readFile(join(folder, 'message.eml'))
  expect(createHash('sha256').update(message).digest('hex')).toBe(name)
  expect(report).toMatchObject({ innerSha256: name, deliveredTo: folder })
  const delivery = JSON.parse(await readFile(join(folder, 'delivery.json'), 'utf8'))
  expect(delivery).toMatchObject({
    messageId: sent.messageId,
    verdict: 'accept',
    code: null,
    from: KIM,
    subject: 'Überweisung',
    wrapped: true,
    innerSha256: name,
    deliveredTo: folder,
    unchecked: [],
    revocation: [{ status: 'not-revocable', by: null, stale: false }],
    algorithms: { digest: 'sha-256', content: 'aes-256-cbc', keyTransport: 'rsa-oaep-sha256' },
    signer: { boundTo: 'domain', domain: 'clinic-a.example' },
  })
  const filed = delivery.parts.filter(({ file }: { file: string | null }) => file !== null)
  expect(filed).toMatchObject([
    { filename: 'scan.bin', bytes: 3000, file: expect.stringMatching(/^attachments\/\d\d-scan\.bin$/) },
  ])
  expect(await readFile(join(folder, filed[0].file))).toEqual(CONTENT)
  const modes = await Promise.all(
    ['', 'attachments', 'delivery.json', 'message.eml', filed[0].file].map(async (path) => {
      const { mode } = await stat(join(folder, path))
      return (mode & 0o777).toString(8)
    }),
  )
  expect(modes).toEqual(['700', '700', '600', '600', '600'])
})

const NAMES = [
  '../../../../etc/passwd',
  '/etc/shadow',
  'C:\\Windows\\evil.exe',
  '..\\..\\up.txt',
  'invoice\u202Efdp.exe',
  '.bashrc',
  'CON',
  'same.txt',
  'same.txt',
  `${'long'.repeat(60)}.pdf`,
  '~',
  'a b\u00a0c.txt',
  '\u200e\u200f',
]

test('attachments are filed under safe names, whatever a stranger calls them', async () => {
  const { a, b } = await twoClinics()
  await a.send({
    ...referral,
    attachments: NAMES.map((filename, n) => ({ filename, content: `content ${n}` })),
  })
  const ehr = await temporaryFolder()
  await all(b.receiveOnce({ deliverTo: ehr }))
  expect(await readdir(ehr)).toHaveLength(1)
  const [folder] = await readdir(ehr)
  const files = (await readdir(join(ehr, folder as string, 'attachments'))).sort()
  expect(files).toHaveLength(NAMES.length)
  for (const [n, file] of files.entries()) {
    expect(file).toMatch(/^\d\d-[^\p{Cc}\p{Cf}/\\]+$/u)
    expect(Buffer.byteLength(file)).toBeLessThan(255)
    expect(await readFile(join(ehr, folder as string, 'attachments', file), 'utf8')).toBe(`content ${n}`)
  }
})

test('where nothing can be filed the message is kept, and comes with the next run', async () => {
  const { a, b, post } = await twoClinics()
  await a.send({ ...referral, cc: [] })
  const file = join(await temporaryFolder(), 'a file')
  await writeFile(file, '')
  await expect(all(b.receiveOnce({ deliverTo: file }))).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    temporary: true,
  })
  expect(post.folders.get(INBOX)).toMatchObject([{ seen: false }])
  const ehr = await temporaryFolder()
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
  expect(await readdir(ehr)).toHaveLength(1)
})

test('a message that is not in hand any more says so to whoever reads it, and can still be accepted', async () => {
  const { a, b } = await twoClinics()
  const long = {
    ...referral,
    cc: [],
    attachments: [{ filename: 'long.bin', content: Buffer.alloc(300_000) }],
  }
  for (const draft of [long, long]) await a.send(draft)
  const held: Delivery[] = []
  const begun: AsyncIterator<Uint8Array>[] = []
  for await (const delivery of b.receive()) {
    const reading = delivery.message.read()[Symbol.asyncIterator]()
    expect((await reading.next()).done).toBe(false)
    begun.push(reading)
    held.push(delivery)
    if (held.length === 2) break
  }
  const over = { name: 'DirectError', code: 'USAGE', hint: expect.stringContaining('comes again') }
  for (const [index, { message, accept }] of held.entries()) {
    await expect(bytesOf(message.read())).rejects.toMatchObject(over)
    await expect(Array.fromAsync(message.parts())).rejects.toMatchObject(over)
    await expect(begun[index]?.next()).rejects.toMatchObject(over)
    await accept(`late ${index}`)
  }
  expect(await b.untaken()).toEqual([])
})
