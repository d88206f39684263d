import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../services/process.ts'
import {
  type CliClinic,
  type CliClinics,
  filesBelow,
  KIM,
  LEE,
  messageIdsIn,
  messagesIn,
  reached,
  startClinics,
  states,
  until,
} from './cli-clinic.ts'

let clinics: CliClinics
beforeAll(async () => {
  clinics = await startClinics()
})
afterAll(() => clinics?.[Symbol.asyncDispose]())

const TEXT = ['--text', 'Please see attached.']
const relay = () => `smtp://127.0.0.1:${clinics.mail.smtp.port}`

/** A server that takes connections and says nothing. */
async function silentServer(): Promise<
  AsyncDisposable & { port: number; heard(count: number): Promise<void> }
> {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port,
    heard: (count) => until(async () => sockets.length >= count).then(() => undefined),
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The messages that the EHR has, by folder; unfinished ones are not there yet. */
async function delivered(clinic: CliClinic, ehr = 'ehr'): Promise<string[]> {
  await mkdir(join(clinic.dir, ehr), { recursive: true })
  return (await readdir(join(clinic.dir, ehr))).filter((name) => !name.startsWith('.'))
}

const CANARIES = ['Zebrafinch-Subject', 'Quagmire-Patientname', 'Xylophone-Filename', 'Whippoorwill-Body']
/** The word in base64, as it stands when the line it is in begins at any of the three places. */
const disguises = (word: string) =>
  [0, 1, 2].map((shift) =>
    Buffer.from('x'.repeat(shift) + word)
      .toString('base64')
      .slice(4, -4),
  )

test('daemons at both ends carry a message and its receipt; nothing of it is readable but for the EHR (MSG-15)', async () => {
  const { a, b } = clinics
  const temporary = join(clinics.dir, 'tmp')
  await mkdir(temporary)
  const name = `${CANARIES[2]}.xml`
  const document = `<patient>${CANARIES[1]}</patient>\n`.repeat(60_000)
  await writeFile(join(a.dir, name), document)
  await using atA = a.daemon('--deliver', 'ehr')
  await using atB = b.daemon('--deliver', 'ehr')
  const sent = await a.run(
    [
      ...['send', '--from', KIM, '--to', LEE, '--subject', CANARIES[0] as string, '--json'],
      ...['--text', CANARIES[3] as string, '--attach', name],
    ],
    { TMPDIR: temporary },
  )
  expect(sent.code, sent.stderr).toBe(0)
  await reached(a, JSON.parse(sent.stdout).messageId, 'processed')
  const [folder] = await delivered(b)
  const [filed] = await filesBelow(join(b.dir, 'ehr', String(folder), 'attachments'))
  expect(filed).toMatch(new RegExp(`01-${name}$|02-${name}$`))
  expect(await readFile(String(filed), 'utf8')).toBe(document)
  // Idle in a poll: SIGTERM ends them, as it should.
  expect(await Promise.all([atA.end('SIGTERM'), atB.end('SIGTERM')])).toEqual([0, 0])

  expect(await filesBelow(temporary)).toEqual([])
  const places = [join(a.dir, 'data'), join(b.dir, 'data')]
  const texts = [sent.stdout, sent.stderr, atA.log, atB.log]
  for (const file of (await Promise.all(places.map(filesBelow))).flat())
    texts.push(await readFile(file, 'latin1'))
  expect(texts.length).toBeGreaterThan(5)
  for (const word of CANARIES)
    for (const [index, text] of texts.entries())
      for (const form of [word, ...disguises(word)])
        expect(text.includes(form), `${word} in ${index}`).toBe(false)
})

test('SMTP is away: the message is kept, 75; it is back: the daemon delivers', async () => {
  const { a, b } = clinics
  const [away = 0] = await freePorts(1)
  const config = await a.variant('away-smtp.yaml', { [relay()]: `smtp://127.0.0.1:${away}` })
  const [sent] = await a.json(['send', '--config', config, '--from', KIM, '--to', LEE, ...TEXT], 75)
  expect(sent?.recipients).toMatchObject([{ result: 'queued', why: [{ code: 'SMTP_TEMPORARY' }] }])
  await using _atA = a.daemon('--deliver', 'ehr')
  await using _atB = b.daemon('--deliver', 'ehr')
  await reached(a, String(sent?.messageId), 'processed')
})

test('SMTP says nothing: Ctrl-C and SIGTERM end what waits for it, and the message goes out later', async () => {
  const { a, b } = clinics
  await using silent = await silentServer()
  const config = await a.variant('silent-smtp.yaml', { [relay()]: `smtp://127.0.0.1:${silent.port}` })
  const before = (await delivered(b)).length
  await using sending = a.start('send', '--config', config, '--from', KIM, '--to', LEE, ...TEXT)
  await silent.heard(1)
  expect(await sending.end('SIGINT')).toBe(130)
  const [newest] = await a.json(['status'])
  expect(newest?.recipients).toMatchObject([{ address: LEE, state: 'queued' }])

  await using daemon = a.daemon('--config', config, '--deliver', 'ehr')
  await silent.heard(2)
  const asked = performance.now()
  expect(await daemon.end('SIGTERM')).toBe(0)
  // No measure of speed: the contract is 15 s.
  expect(performance.now() - asked).toBeLessThan(15_000)
  expect(await states(a, String(newest?.messageId))).toEqual({ [LEE]: 'queued' })

  await using _atA = a.daemon('--deliver', 'ehr')
  await using _atB = b.daemon('--deliver', 'ehr')
  await reached(a, String(newest?.messageId), 'processed')
  expect(await delivered(b)).toHaveLength(before + 1)
})

test('an SMTP server that hangs keeps no mail from coming in', async () => {
  const { a, b } = clinics
  await using silent = await silentServer()
  const config = await b.variant('silent-smtp.yaml', { [relay()]: `smtp://127.0.0.1:${silent.port}` })
  const before = (await delivered(b)).length
  await using atB = b.daemon('--config', config, '--deliver', 'ehr')
  const send = () => a.json(['send', '--from', KIM, '--to', LEE, ...TEXT])
  const [first] = await send()
  // Its MDN hangs in the greeting now.
  await silent.heard(1)
  const [second] = await send()
  await until(async () => (await delivered(b)).length === before + 2)
  expect(await atB.end('SIGTERM')).toBe(0)
  await using _atA = a.daemon('--deliver', 'ehr')
  await using _atB = b.daemon('--deliver', 'ehr')
  for (const sent of [first, second]) await reached(a, String(sent?.messageId), 'processed')
  // A copy that was claimed and not begun when SIGTERM came waits until its hold of 30 s ends.
})

test('SIGKILL at any moment of receiving 5 MB: it starts again with no help; delivered once, one MDN (IN-10)', async () => {
  const { a, b } = clinics
  const before = (await delivered(b)).length
  const inboxOfA = await messageIdsIn(a, 'INBOX')
  await writeFile(join(a.dir, 'large.txt'), 'Lorem ipsum dolor sit amet.\n'.repeat(190_000))
  const [sent] = await a.json(['send', '--from', KIM, '--to', LEE, ...TEXT, '--attach', 'large.txt'])
  await until(async () => (await messagesIn(b, 'INBOX')) > 0)
  for (const afterMs of [350, 450, 550, 650]) {
    await using killed = b.daemon('--deliver', 'ehr')
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    expect(await killed.end('SIGKILL')).toBeNull()
  }
  await using _atB = b.daemon('--deliver', 'ehr')
  await using _atA = a.daemon('--deliver', 'ehr')
  await reached(a, String(sent?.messageId), 'processed')
  expect(await delivered(b)).toHaveLength(before + 1)
  const receipts = [...(await messageIdsIn(a, 'INBOX'))].filter((id) => !inboxOfA.has(id))
  expect(receipts).toHaveLength(1)
  const rows = await b.json(['audit', '--message', String(sent?.messageId)])
  expect(rows.filter(({ outcome }) => outcome === 'delivered')).toHaveLength(1)
  // A kill while the MDN is handed over leaves it held for 30 seconds.
}, 120_000)
