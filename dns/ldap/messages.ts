import { EqualityFilter, ExtendedRequest, type Filter, PresenceFilter, SearchRequest } from 'ldapts'
import { type Element, readElements } from './ber.ts'

/** RFC 4511 4.14. */
export const START_TLS = '1.3.6.1.4.1.1466.20037'

/** One search, as it is put and as evidence tells of it. */
export interface Search {
  readonly base: string
  readonly scope: 'base' | 'sub'
  readonly filter: Filter
  readonly attributes: readonly string[]
}

/** Entries that are asked for, and taken, of one search. */
export const MAX_ENTRIES = 50

export const ROOT_DSE: Search = {
  base: '',
  scope: 'base',
  filter: new PresenceFilter({ attribute: 'objectClass' }),
  attributes: ['namingContexts', 'supportedExtension'],
}

/** The three attributes of DISC-8: which of them a server knows with the option `binary` depends on its schema. */
const CERTIFICATES = ['userCertificate;binary', 'userCertificate', 'userSMIMECertificate']

/** Everything with this `mail`, below a base. The value is never part of a text that is parsed (RFC 4515). */
export function searchFor(mail: string, base: string): Search {
  const filter = new EqualityFilter({ attribute: 'mail', value: mail })
  return { base, scope: 'sub', filter, attributes: CERTIFICATES }
}

/** The values of `entry` that may be certificates, of all three attributes. */
export function certificatesOf(entry: Entry): readonly Buffer[] {
  const names = new Set(CERTIFICATES.map(bareName))
  return [...names].flatMap((name) => entry.get(name) ?? [])
}

export function encodeSearch(messageId: number, { base, scope, filter, attributes }: Search): Buffer {
  const what = { baseDN: base, scope, filter, attributes: [...attributes] }
  return new SearchRequest({ messageId, ...what, sizeLimit: MAX_ENTRIES, timeLimit: 0 }).write()
}

export function encodeStartTls(messageId: number): Buffer {
  return new ExtendedRequest({ messageId, oid: START_TLS }).write()
}

/** Values of an entry's attributes, by name: lower case, without the option `binary`. */
export type Entry = ReadonlyMap<string, readonly Buffer[]>

/** What a server sent for the request `id`. 0: for none (RFC 4511 4.4). */
export type Reply =
  | { readonly kind: 'entry'; readonly id: number; readonly entry: Entry }
  /** The last one for a request. `text` is the server's own: not for people as it is. */
  | { readonly kind: 'result'; readonly id: number; readonly code: number; readonly text: string }
  /** A reference to another server, which is not followed (DISC-8), or an intermediate response. */
  | { readonly kind: 'other'; readonly id: number; readonly reference: boolean }

const TAG = {
  integer: 0x02,
  octets: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
  controls: 0xa0,
} as const
const OPERATION = { entry: 0x64, done: 0x65, reference: 0x73, extended: 0x78, intermediate: 0x79 } as const

/** Reads one whole message; null for what RFC 4511 does not know as an answer to a search or to StartTLS. */
export function readReply(message: Buffer): Reply | null {
  const [envelope] = readElements(message) ?? []
  const [idElement, operation, controls, ...more] = (envelope && readElements(envelope.content)) ?? []
  const id = readNumber(idElement, TAG.integer)
  if (id === null || operation === undefined || more.length > 0) return null
  if (controls !== undefined && controls.tag !== TAG.controls) return null
  switch (operation.tag) {
    case OPERATION.entry: {
      const entry = readEntry(operation.content)
      return entry && { kind: 'entry', id, entry }
    }
    case OPERATION.done:
    case OPERATION.extended: {
      const [code, matched, text] = readElements(operation.content) ?? []
      const number = readNumber(code, TAG.enumerated)
      if (number === null || matched?.tag !== TAG.octets || text?.tag !== TAG.octets) return null
      return { kind: 'result', id, code: number, text: text.content.subarray(0, 1000).toString('utf8') }
    }
    case OPERATION.reference:
    case OPERATION.intermediate:
      return { kind: 'other', id, reference: operation.tag === OPERATION.reference }
    default:
      return null
  }
}

/** Values of one entry, whatever the attributes: no honest entry has as many of those that we ask for. */
const MAX_VALUES = 512

/** Null for what is no entry, and for one of more values than any honest one has. */
function readEntry(content: Buffer): Entry | null {
  const [name, list, ...more] = readElements(content) ?? []
  if (name?.tag !== TAG.octets || list?.tag !== TAG.sequence || more.length > 0) return null
  const attributes = readElements(list.content)
  if (attributes === null) return null
  const entry = new Map<string, Buffer[]>()
  let count = 0
  for (const { tag, content: attribute } of attributes) {
    const [type, set, ...rest] = (tag === TAG.sequence && readElements(attribute)) || []
    if (type?.tag !== TAG.octets || set?.tag !== TAG.set || rest.length > 0) return null
    const values = readElements(set.content)
    if (values === null || values.some((value) => value.tag !== TAG.octets)) return null
    count += values.length
    if (count > MAX_VALUES) return null
    const key = bareName(type.content.toString('latin1'))
    entry.set(key, [...(entry.get(key) ?? []), ...values.map((value) => value.content)])
  }
  return entry
}

function bareName(type: string): string {
  return type.toLowerCase().replace(/;binary$/, '')
}

/** A number of at most four bytes, never negative. */
function readNumber(element: Element | undefined, tag: number): number | null {
  if (element?.tag !== tag) return null
  const { content } = element
  if (content.length === 0 || content.length > 4 || (content[0] as number) > 0x7f) return null
  return content.readUIntBE(0, content.length)
}
