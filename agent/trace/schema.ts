import { z } from 'zod'
import { KEY_USAGES } from '../../trust-anchors/index.ts'
import type { Seam, Seams } from './types.ts'

const octets = z.custom<Uint8Array>((value) => value instanceof Uint8Array)

/** Base64 in a trace, bytes in the program. */
const bytes = z.codec(z.string(), octets, {
  decode: (text, context) => {
    const decoded = Buffer.from(text, 'base64')
    // Whoever decodes leniently reads another certificate than the one that is written there.
    if (decoded.toString('base64') === text) return decoded
    context.issues.push({ code: 'custom', input: text, message: 'it is not base64' })
    return z.NEVER
  },
  encode: ({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length).toString('base64'),
})

const date = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (moment) => moment.toISOString(),
})

const text = z.string()
const texts = z.array(text)
const count = z.int().nonnegative()
const port = z.int().min(0).max(65_535)

const seconds = z.number().nonnegative()

const recordType = z.enum(['CERT', 'A', 'AAAA', 'SRV', 'SOA', 'NS'])

const record = z.discriminatedUnion('type', [
  z.object({ name: text, ttl: seconds, type: z.literal('CERT'), data: bytes }),
  z.object({ name: text, ttl: seconds, type: z.enum(['A', 'AAAA']), data: text }),
  z.object({
    name: text,
    ttl: seconds,
    type: z.literal('SRV'),
    data: z.object({ priority: count, weight: count, port, target: text }),
  }),
  // Discovery asks for neither.
  z.object({ name: text, ttl: seconds, type: z.enum(['SOA', 'NS']), data: z.unknown() }),
])

const failedTry = z.object({
  server: text,
  code: z.enum([
    'TIMEOUT',
    'SERVFAIL',
    'REFUSED',
    'NOTIMP',
    'FORMERR',
    'MALFORMED',
    'UNREACHABLE',
    'CNAME_LOOP',
    'TRUNCATED',
    'LAME',
    'OTHER',
  ]),
  text,
})

const kept = z.literal(true).exactOptional()

const question = z.object({ name: text, type: z.union([recordType, z.enum(['LDAP', 'URL'])]), answer: text })

const directory = { host: text, port, secure: z.boolean() }

/** How the answers of each seam stand in a trace, and what they are in the program. */
const ANSWERS: { readonly [S in Seam]: z.ZodType<Seams[S]['answer']> } = {
  dns: z.discriminatedUnion('status', [
    z.object({
      status: z.literal('found'),
      records: z.array(record),
      ttl: seconds,
      server: text,
      kept,
    }),
    z.object({
      status: z.literal('absent'),
      kind: z.enum(['NXDOMAIN', 'NODATA']),
      ttl: seconds,
      soaTtl: seconds.exactOptional(),
      server: text,
      kept,
    }),
    z.object({ status: z.literal('failed'), tries: z.array(failedTry) }),
  ]),
  ldap: z.discriminatedUnion('status', [
    z.object({
      status: z.enum(['found', 'empty']),
      certificates: z.array(bytes),
      notes: texts,
      questions: z.array(question),
      kept: seconds.exactOptional(),
    }),
    z.object({ status: z.literal('failed'), text, questions: z.array(question) }),
  ]),
  reach: z.discriminatedUnion('status', [
    z.object({ status: z.literal('ok'), addresses: texts, questions: z.array(question).exactOptional() }),
    z.object({
      status: z.enum(['refused', 'absent', 'failed']),
      text,
      questions: z.array(question).exactOptional(),
    }),
  ]),
  ipkix: z.discriminatedUnion('status', [
    z.object({ status: z.literal('ok'), certificates: z.array(bytes) }),
    z.object({ status: z.enum(['failed', 'refused', 'garbled']), text }),
  ]),
  fetch: z.discriminatedUnion('status', [
    z.object({ status: z.literal('ok'), body: bytes }),
    z.object({ status: z.literal('refused'), why: text, text }),
    z.object({ status: z.literal('failed'), why: text, text }),
  ]),
  kept: z.nullable(
    z.object({
      key: text,
      url: text,
      kind: z.enum(['crl', 'ocsp', 'issuer']),
      request: bytes.nullable(),
      body: bytes,
      fetchedAt: date,
      refreshAt: date,
    }),
  ),
  keep: z.null(),
  tls: z.discriminatedUnion('proved', [
    z.object({ proved: z.literal(true), protocol: text, subject: text, validTo: date }),
    z.object({ proved: z.literal(false), temporary: z.boolean(), text }),
  ]),
  patience: z.null(),
}

const QUESTIONS: { readonly [S in Seam]: z.ZodType<Seams[S]['question']> } = {
  dns: z.object({ via: text, name: text, type: recordType }),
  ldap: z.object({ ...directory, addresses: texts, mail: text, domain: text }),
  reach: z.object({ via: text, host: text }),
  ipkix: z.object({ url: text }),
  fetch: z.object({ url: text, limit: count, post: text.nullable() }),
  kept: z.object({ key: text }),
  keep: z.object({ key: text }),
  tls: z.object({ host: text, port }),
  patience: z.object({ about: text }),
}

const exchange = <S extends Seam>(seam: S) =>
  z.object({
    seam: z.literal(seam),
    number: count,
    question: QUESTIONS[seam],
    time: date,
    answer: ANSWERS[seam].exactOptional(),
  })

const certServer = { domain: text, server: text }

/** Of one question: more than a command line holds. */
export const MOST_ADDRESSES = 100_000

/** A trace: as a file has it on the one side, with bytes and dates on the other. */
export const traceSchema = z.object({
  format: z.literal('direct-agent trace'),
  version: z.literal(1),
  agent: text,
  question: z.object({
    command: z.enum(['classify', 'discover']),
    addresses: texts.min(1).max(MOST_ADDRESSES),
    from: text.nullable(),
  }),
  clock: z.object({ started: date, at: date.nullable() }),
  random: z.object({ nonce: bytes, draw: z.number().min(0).lt(1) }),
  decided: z.object({
    network: z.boolean(),
    allowPrivate: z.boolean(),
    anchors: z.array(bytes),
    missing: texts,
    pins: z.array(z.object({ address: text, certificate: bytes, actor: text, until: date })),
    configured: z.array(z.object({ address: text, origin: text, certificate: bytes })),
    intermediates: z.array(bytes),
    onlyIdentity: text.nullable(),
    revocation: z.enum(['require', 'prefer', 'off']),
    policy: z
      .object({
        keyUsage: z.array(z.enum(KEY_USAGES)).exactOptional(),
        policies: texts.exactOptional(),
        minRsaBits: count.exactOptional(),
        issuers: z.array(bytes).exactOptional(),
      })
      .nullable(),
    legacy: z.object({ sha1From: texts, subjectEmail: z.boolean() }),
    followUrls: z.boolean(),
    certServers: z.array(
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('dns'), ...certServer }),
        z.object({ kind: z.literal('ldap'), ...certServer, ldap: z.object(directory) }),
      ]),
    ),
    tlsDomains: z.array(z.object({ domain: text, host: text, port })),
  }),
  exchanges: z.array(
    z.discriminatedUnion('seam', [
      exchange('dns'),
      exchange('ldap'),
      exchange('reach'),
      exchange('ipkix'),
      exchange('fetch'),
      exchange('kept'),
      exchange('keep'),
      exchange('tls'),
      exchange('patience'),
    ]),
  ),
})

/** A trace with bytes and dates: what replaying works with. */
export type OpenTrace = z.output<typeof traceSchema>
export type OpenDecided = OpenTrace['decided']
export type OpenExchange = OpenTrace['exchanges'][number]
