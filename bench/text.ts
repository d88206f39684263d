/** The two things that every byte of a message meets: base64 in lines of 76, and the canonical form (MSG-1). */
import { randomBytes } from 'node:crypto'
import { canonicalise } from '../agent/compose/canonical.ts'
import { createSpool } from '../agent/files/spool.ts'
import { decodeBase64, encodeBase64Lines } from '../agent/mime/base64.ts'
import { contest } from './harness/contest.ts'
import { compare } from './harness/figures.ts'
import type { Part } from './harness/part.ts'

const BYTES = 10_000_000
const CHUNK = 65_536
const ROUNDS = 11
const FLOOR = 'floor'
const OURS = 'direct-agent'

const binary = randomBytes(BYTES)
const encoded = Buffer.from(binary.toString('base64').replace(/.{76}/g, '$&\r\n'), 'latin1')
const line = 'Patient seen today; no fever, no cough, and the wound is healing well.\n'
const body = line.repeat(BYTES / line.length)
const unix = Buffer.from(`Content-Type: text/plain\n\n${body}`)
const canonical = Buffer.from(unix.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
const spool = createSpool(null)

const encode = [
  { name: FLOOR, run: () => drain(native(binary, (chunk) => Buffer.from(chunk.toString('base64')))) },
  { name: OURS, run: () => drain(encodeBase64Lines(chunks(binary))) },
]
const decode = [
  {
    name: FLOOR,
    run: () => drain(native(encoded, (chunk) => Buffer.from(chunk.toString('latin1'), 'base64'))),
  },
  { name: OURS, run: () => drain(decodeBase64(chunks(encoded))) },
]
const survey = [
  { name: FLOOR, run: () => spooled(canonical) },
  { name: OURS, run: () => canonicalised(canonical) },
]
const rewrite = [
  { name: FLOOR, run: () => Buffer.from(unix.toString('latin1').replaceAll('\n', '\r\n'), 'latin1') },
  { name: OURS, run: () => canonicalised(unix) },
]
const measure: Part = async ({ quick, tell }) => {
  const turns = { rounds: quick ? 1 : ROUNDS }
  const figures = []
  for (const [name, contenders] of Object.entries({
    'encode base64': encode,
    'decode base64': decode,
    'already canonical': survey,
    'LF to CRLF': rewrite,
  })) {
    tell(name)
    figures.push(compare(name, await contest(contenders, turns)))
  }
  return [
    {
      title: '10 MB through base64 and the canonical form',
      unit: 'ms',
      figures,
      note: "The floor: Node's own base64, without lines; spooling what is canonical; one replace in memory.",
    },
  ]
}
export default measure

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
