/** The two things that every byte of a message meets: base64 in lines of 76, and the canonical form (MSG-1). */
import { randomBytes } from 'node:crypto'
import { canonicalise } from '../agent/compose/canonical.ts'
import { decodeBase64, encodeBase64Lines } from '../agent/mime/base64.ts'
import { createSpool } from '../agent/spool.ts'
import { contest, print, ratios } from './contest.ts'

const BYTES = 10_000_000
const CHUNK = 65_536
const ROUNDS = 11

const binary = randomBytes(BYTES)
const encoded = Buffer.from(binary.toString('base64').replace(/.{76}/g, '$&\r\n'), 'latin1')
const line = 'Patient seen today; no fever, no cough, and the wound is healing well.\n'
const body = line.repeat(BYTES / line.length)
const unix = Buffer.from(`Content-Type: text/plain\n\n${body}`)
const canonical = Buffer.from(unix.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
const spool = createSpool(null)

const encode = [
  { name: 'floor', run: () => drain(native(binary, (chunk) => Buffer.from(chunk.toString('base64')))) },
  { name: 'ours', run: () => drain(encodeBase64Lines(chunks(binary))) },
]
const decode = [
  {
    name: 'floor',
    run: () => drain(native(encoded, (chunk) => Buffer.from(chunk.toString('latin1'), 'base64'))),
  },
  { name: 'ours', run: () => drain(decodeBase64(chunks(encoded))) },
]
const survey = [
  { name: 'floor', run: () => spooled(canonical) },
  { name: 'ours', run: () => canonicalised(canonical) },
]
const rewrite = [
  { name: 'floor', run: () => Buffer.from(unix.toString('latin1').replaceAll('\n', '\r\n'), 'latin1') },
  { name: 'ours', run: () => canonicalised(unix) },
]
print('10 MB through base64 and the canonical form: time, as a multiple of the floor', [
  ['', 'floor', 'direct-agent', 'the floor is'],
  ['encode base64', ...ratios(await contest(encode, ROUNDS)), "Node's own, without lines"],
  ['decode base64', ...ratios(await contest(decode, ROUNDS)), "Node's own"],
  ['already canonical', ...ratios(await contest(survey, ROUNDS)), 'spooling it'],
  ['LF to CRLF', ...ratios(await contest(rewrite, ROUNDS)), 'one replace in memory'],
])

async function* chunks(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK)
}

async function* native(bytes: Buffer, work: (chunk: Buffer) => Buffer): AsyncGenerator<Buffer> {
  for await (const chunk of chunks(bytes)) yield work(chunk)
}

async function drain(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of source);
}

async function spooled(bytes: Buffer): Promise<void> {
  await using made = await spool(chunks(bytes))
  await drain(made.read())
}

async function canonicalised(bytes: Buffer): Promise<void> {
  await using made = await canonicalise(await spool(chunks(bytes)), { drop: [], add: [] }, spool)
  await drain(made.read())
}
