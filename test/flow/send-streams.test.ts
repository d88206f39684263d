import { createReadStream, type ReadStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Agent, Attachment, Draft } from '../../agent/index.ts'
import { canaryDraft, temporaryFolder, twoClinics } from './clinics.ts'

const draftWith = (content: Attachment['content'], more: Partial<Attachment> = {}): Draft =>
  canaryDraft({ attachments: [{ filename: 'scan.bin', content, ...more }] })

/** What the one attachment of the message that comes next holds. */
async function arrived(agent: Agent): Promise<string> {
  for await (const { message, accept } of agent.receive()) {
    let last = ''
    for await (const part of message.parts())
      last = Buffer.concat(await Array.fromAsync(part.read())).toString()
    await accept()
    return last
  }
  throw new Error('nothing came')
}

async function* chunks(...given: readonly string[]) {
  for (const text of given) yield Buffer.from(text)
}

async function fileOf(text: string): Promise<string> {
  const file = join(await temporaryFolder(), 'scan.bin')
  await writeFile(file, text)
  return file
}

test('a stream that reads a part of a file sends that part, and no byte of the rest', async () => {
  const { a, b } = await twoClinics()
  await a.send(draftWith(createReadStream(await fileOf('another patient | this one'), { start: 18 })))
  expect(await arrived(b)).toBe('this one')
})

test('a stream that has no path is sent, of whatever kind it is', async () => {
  const { a, b } = await twoClinics()
  const file = await fileOf('from a handle')
  const kinds = [
    () => open(file).then((handle) => handle.createReadStream()),
    () => Readable.from(['from a', ' handle']),
    () => new Blob(['from a handle']).stream(),
    () => chunks('from a', ' handle'),
  ]
  for (const kind of kinds) {
    await a.send(draftWith(await kind()))
    expect(await arrived(b)).toBe('from a handle')
  }
})

test('a stream that fails before it is read fails the message, and does not end the process', async () => {
  const { a, post } = await twoClinics()
  const away = new Error('the archive is away')
  const stream = new Readable({ read() {} })
  const sending = a.send(draftWith(stream))
  stream.destroy(away)
  await expect(sending).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
    message: 'the stream of attachment 1 failed',
    hint: expect.stringContaining('Nothing was sent'),
    cause: away,
  })
  expect(post.handed).toEqual([])
  expect(await a.status()).toEqual([])
})

test('so does one that fails while it is read, or holds what is neither bytes nor text', async () => {
  const { a, post } = await twoClinics()
  const failing = async function* () {
    yield Buffer.from('the first half')
    throw new TypeError('of the EHR')
  }
  await expect(a.send(draftWith(failing()))).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
    cause: { message: 'of the EHR' },
  })
  await expect(a.send(draftWith(Readable.from([{ not: 'bytes' }])))).rejects.toMatchObject({
    code: 'MESSAGE_INVALID',
    message: 'the stream of attachment 1 holds what is neither bytes nor text',
  })
  expect(post.handed).toEqual([])
})

test('a plan reads no stream, and what is sent afterwards is whole', async () => {
  const { a, b } = await twoClinics()
  for (const stream of [createReadStream(await fileOf('all of it')), chunks('all of', ' it')]) {
    const draft = draftWith(stream)
    expect(await a.plan(draft)).toMatchObject({ planned: true, recipients: [{ result: 'queued' }] })
    await a.send(draft)
    expect(await arrived(b)).toBe('all of it')
  }
  const message = draftWith(chunks('Subject: x\r\n\r\nx\r\n'), { contentType: 'message/rfc822' })
  expect(await a.plan(message)).toMatchObject({ planned: true })
})

test('a stream that was read before is not sent again as nothing; its idempotency key tells what became of it', async () => {
  const { a, b, post } = await twoClinics()
  const drafts = [draftWith(createReadStream(await fileOf('once'))), draftWith(chunks('once'))]
  for (const [index, draft] of drafts.entries()) {
    const options = { idempotencyKey: `visit-${index}` }
    const first = await a.send(draft, options)
    expect(await arrived(b)).toBe('once')
    expect(await a.send(draft, options)).toMatchObject({ messageId: first.messageId, planned: true })
    await expect(a.send(draft)).rejects.toMatchObject({
      code: 'USAGE',
      message: 'the stream of attachment 1 was read before',
      hint: expect.stringContaining('make a new one'),
    })
  }
  const read = createReadStream(await fileOf('by the EHR'))
  await Array.fromAsync(read)
  await expect(a.send(draftWith(read))).rejects.toMatchObject({ code: 'USAGE' })
  const [twice] = draftWith(chunks('once')).attachments ?? []
  const both = canaryDraft({ attachments: twice ? [twice, twice] : [] })
  await expect(a.send(both)).rejects.toMatchObject({ message: 'the stream of attachment 2 was read before' })
  expect(post.handed.filter(({ from }) => from === 'dr.kim@clinic-a.example')).toHaveLength(2)
})

test('what begins anew each time that it is read may be sent again', async () => {
  const { a, b } = await twoClinics()
  const draft = draftWith({ [Symbol.asyncIterator]: () => chunks('each', ' time') })
  for (let times = 0; times < 2; times++) {
    await a.send(draft)
    expect(await arrived(b)).toBe('each time')
  }
})

test('a stream that nobody came to read is destroyed, and its file closed', async () => {
  const { a } = await twoClinics()
  const file = await fileOf('unread')
  await a.send(draftWith('first'), { idempotencyKey: 'visit-1' })
  const streams: ReadStream[] = []
  const unread = () => {
    const stream = createReadStream(file)
    streams.push(stream)
    return draftWith(stream)
  }
  await a.send(unread(), { idempotencyKey: 'visit-1' })
  await expect(a.send({ ...unread(), from: 'who@else.example' })).rejects.toMatchObject({
    code: 'IDENTITY_MISSING',
  })
  expect(streams.map(({ destroyed }) => destroyed)).toEqual([true, true])
  let cancelled = 0
  const web = new ReadableStream<Uint8Array>({ cancel: () => void cancelled++ }, { highWaterMark: 0 })
  await a.send(draftWith(web), { idempotencyKey: 'visit-1' })
  expect(cancelled).toBe(1)
})

test('whoever stops waiting for a stream that hangs is free, and nothing is sent', async () => {
  const { a, post } = await twoClinics()
  for (const isRead of [true, false]) {
    const stop = new AbortController()
    const stream = new Readable({
      read() {
        if (isRead) stop.abort()
      },
    })
    if (!isRead) stop.abort()
    await expect(a.send(draftWith(stream), { signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED',
      temporary: true,
    })
    expect(stream.destroyed).toBe(true)
  }
  expect(post.handed).toEqual([])
  expect(await a.status()).toEqual([])
})

test('what was received can be sent on as it is read', async () => {
  const { a, b } = await twoClinics()
  await a.send(draftWith('to be sent on'))
  for await (const { message, accept } of b.receive()) {
    const back = { from: 'dr.lee@clinic-b.example', to: ['dr.kim@clinic-a.example'], subject: 'back' }
    await b.send({ ...back, attachments: [{ filename: 'it.eml', content: message.read() }] })
    await accept()
    break
  }
  expect(await arrived(a)).toContain('filename="scan.bin"')
})
