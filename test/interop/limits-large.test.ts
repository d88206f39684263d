import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type CliClinic,
  type CliClinics,
  filesBelow,
  type Json,
  jsonLines,
  KIM,
  LEE,
  startClinics,
  states,
  until,
} from './cli-clinic.ts'

const BYTES = 25 * 1024 * 1024
const LIMIT_MB = 250

let clinics: CliClinics
beforeAll(async () => {
  clinics = await startClinics()
})
afterAll(() => clinics?.[Symbol.asyncDispose]())

/** Makes a command write the most memory that it ever held, in KB, into the file PEAK when it ends. */
const PRELOAD = `data:text/javascript,${encodeURIComponent(
  "import { writeFileSync } from 'node:fs'; process.on('exit', () => writeFileSync(process.env.PEAK, String(process.resourceUsage().maxRSS)))",
)}`

async function measured(
  clinic: CliClinic,
  args: readonly string[],
): Promise<{ answers: Json[]; peakMb: number }> {
  const peak = join(clinic.dir, 'peak')
  const said = await clinic.run([...args, '--json'], {
    NODE_OPTIONS: `--import=${PRELOAD}`,
    PEAK: peak,
    // As on the first run, when everything is compiled anew.
    NODE_DISABLE_COMPILE_CACHE: '1',
  })
  expect(said.code, said.stderr).toBe(0)
  return { answers: jsonLines(said.stdout), peakMb: Number(await readFile(peak, 'utf8')) / 1024 }
}

/** A document of the size of a scan: lines of text that no two of are alike. Returns its digest. */
async function writeDocument(path: string): Promise<string> {
  await using file = await open(path, 'w')
  const hash = createHash('sha256')
  for (let written = 0, line = 0; written < BYTES; ) {
    const lines: string[] = []
    for (let i = 0; i < 10_000; i++, line++)
      lines.push(`<entry id="${line}">${createHash('md5').update(String(line)).digest('hex')}</entry>\n`)
    const chunk = Buffer.from(lines.join('')).subarray(0, BYTES - written)
    await file.writeFile(chunk)
    hash.update(chunk)
    written += chunk.length
  }
  return hash.digest('hex')
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

test('25 MB arrive byte for byte, and neither side holds more than 250 MB (MSG-14)', async () => {
  const { a, b } = clinics
  const digest = await writeDocument(join(a.dir, 'scan.xml'))
  const sent = await measured(a, [
    'send',
    '--from',
    KIM,
    '--to',
    LEE,
    '--attach',
    'scan.xml',
    '--text',
    'Large.',
  ])
  expect(sent.answers[0]).toMatchObject({ recipients: [{ result: 'accepted' }] })
  expect(sent.peakMb).toBeLessThan(LIMIT_MB)

  const received = await until(async () => {
    const pass = await measured(b, ['receive', '--once', '--out', 'ehr'])
    return pass.answers.length > 0 && pass
  })
  expect(received.answers).toMatchObject([{ verdict: 'accept', messageId: sent.answers[0]?.messageId }])
  expect(received.peakMb).toBeLessThan(LIMIT_MB)
  const attachments = await filesBelow(join(String(received.answers[0]?.deliveredTo), 'attachments'))
  expect(await Promise.all(attachments.map(digestOf))).toEqual([digest])

  await until(async () => (await a.json(['receive', '--once', '--out', 'ehr'])).length > 0)
  expect(await states(a, String(sent.answers[0]?.messageId))).toEqual({ [LEE]: 'processed' })
  console.info(
    `peak memory for 25 MB: send ${sent.peakMb.toFixed(0)} MB, receive ${received.peakMb.toFixed(0)} MB`,
  )
})
