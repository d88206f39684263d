import { Malformed } from '../x509/der.ts'
import type { GeneralName, GeneralNameKind } from '../x509/general-name.ts'

/** A name of a certificate in the form that subtrees are compared with. */
export interface SubjectName {
  readonly kind: GeneralNameKind
  /** How a failure may speak of it: domains and addresses of hosts, but no mailbox and no subject. */
  readonly shown: string
  /** Null: the value is none of its kind, or of a kind that nothing here compares. */
  readonly value: Value | null
}

/** One base of a GeneralSubtree (RFC 5280 4.2.1.10). */
export interface Subtree {
  readonly kind: GeneralNameKind
  /** False: RFC 5280 knows no rule for this kind, or it is not read here. */
  readonly supported: boolean
  /** Whether the name is surely within. */
  permits(name: Value): boolean
  /** Whether the name is within, or stands for a name that is. */
  excludes(name: Value): boolean
}

interface Value {
  /** Lower case, with a dot before each label: `.hisp.example`. Of a wildcard what follows the asterisk. */
  readonly host: string
  readonly wildcard: boolean
  readonly local: string
  readonly octets: Uint8Array
  /** A Name as `readName` makes it comparable, closed by a comma unless it is empty. */
  readonly directory: string
}

const NOTHING: Value = { host: '', wildcard: false, local: '', octets: new Uint8Array(), directory: '' }

export function mailboxName(text: string): SubjectName {
  const value = mailbox(text)
  const shown = value === null ? 'a malformed address' : `an address at ${value.host.slice(1)}`
  return { kind: 'rfc822Name', shown, value }
}

export function domainName(text: string): SubjectName {
  const wildcard = text.startsWith('*.')
  const host = hostOf(wildcard ? text.slice(2) : text)
  const value = host === null ? null : { ...NOTHING, host, wildcard }
  return { kind: 'dNSName', shown: `the domain ${short(text)}`, value }
}

export function subjectName(canonical: string, shown: string): SubjectName {
  return { kind: 'directoryName', shown, value: { ...NOTHING, directory: closed(canonical) } }
}

/** One entry of a subjectAltName. */
export function altName(name: GeneralName): SubjectName {
  const { kind } = name
  switch (kind) {
    case 'rfc822Name':
      return mailboxName(name.value)
    case 'dNSName':
      return domainName(name.value)
    case 'directoryName':
      return subjectName(name.value.canonical, 'a directoryName')
    case 'uniformResourceIdentifier': {
      const host = uriHost(name.value)
      const shown = host === null ? 'a URI without a host name' : `a URI at ${host.slice(1)}`
      return { kind, shown, value: host === null ? null : { ...NOTHING, host } }
    }
    case 'iPAddress': {
      const octets = name.value
      const isAddress = octets.length === 4 || octets.length === 16
      return isAddress
        ? { kind, shown: `the IP address ${ipText(octets)}`, value: { ...NOTHING, octets } }
        : { kind, shown: 'a malformed IP address', value: null }
    }
    case 'otherName':
    case 'registeredID':
      return { kind, shown: `a name of the kind ${kind} (${name.oid})`, value: null }
    default:
      return { kind, shown: `a name of the kind ${kind}`, value: null }
  }
}

/** Throws `Malformed` on a base that RFC 5280 4.2.1.10 has no meaning for. */
export function readSubtree(base: GeneralName): Subtree {
  switch (base.kind) {
    case 'rfc822Name':
      return base.value.includes('@') ? mailboxSubtree(base.value) : hostSubtree(base.kind, base.value)
    case 'uniformResourceIdentifier':
      return hostSubtree(base.kind, base.value)
    case 'dNSName':
      return domainSubtree(base.value)
    case 'iPAddress':
      return networkSubtree(base.value)
    case 'directoryName': {
      const prefix = closed(base.value.canonical)
      return subtree(base.kind, (name) => name.directory.startsWith(prefix))
    }
    default:
      return { ...subtree(base.kind, () => false), supported: false }
  }
}

function subtree(
  kind: GeneralNameKind,
  permits: (name: Value) => boolean,
  excludes: (name: Value) => boolean = permits,
): Subtree {
  return { kind, supported: true, permits, excludes }
}

/**
 * One mailbox. RFC 5280 7.5 tells local parts apart by case; mail does not (MSG-13), so what is excluded is so
 * in any case.
 */
function mailboxSubtree(text: string): Subtree {
  const base = mailbox(text)
  if (base === null) throw new Malformed('an rfc822Name that is no mailbox')
  const lower = base.local.toLowerCase()
  return subtree(
    'rfc822Name',
    (name) => name.host === base.host && name.local === base.local,
    (name) => name.host === base.host && name.local.toLowerCase() === lower,
  )
}

/** `host.example` is that host alone; `.example` is every host below it (rfc822Name and URI). */
function hostSubtree(kind: 'rfc822Name' | 'uniformResourceIdentifier', text: string): Subtree {
  const below = text.startsWith('.')
  const base = hostOf(below ? text.slice(1) : text)
  if (base === null) throw new Malformed(`the ${kind} "${short(text)}", which is no host or domain`)
  return subtree(kind, ({ host }) => (below ? host !== base && host.endsWith(base) : host === base))
}

/** The domain and all below it; no leading dot, no wildcard. The empty name is above every domain. */
function domainSubtree(text: string): Subtree {
  const base = text === '' ? '' : hostOf(text)
  if (base === null) throw new Malformed(`the dNSName "${short(text)}", which is no domain name`)
  const parent = base.slice(base.indexOf('.', 1))
  const hasParent = base.indexOf('.', 1) > 0
  return subtree(
    'dNSName',
    ({ host }) => host.endsWith(base),
    // A wildcard stands for one label: *.example.com is bar.example.com as well.
    ({ host, wildcard }) => host.endsWith(base) || (wildcard && hasParent && host === parent),
  )
}

/** An address and its mask, as long as the address (RFC 4632 style: ones, then zeros). */
function networkSubtree(octets: Uint8Array): Subtree {
  if (octets.length !== 8 && octets.length !== 32) throw new Malformed('an iPAddress without a mask')
  const length = octets.length / 2
  const mask = octets.subarray(length)
  const bits = [...mask].map((octet) => octet.toString(2).padStart(8, '0')).join('')
  if (bits.includes('01')) throw new Malformed('an iPAddress whose mask has gaps')
  const at = (address: Uint8Array, i: number) => (address[i] as number) & (mask[i] as number)
  return subtree(
    'iPAddress',
    (name) =>
      name.octets.length === length && name.octets.every((_, i) => at(name.octets, i) === at(octets, i)),
  )
}

/** RDNs end with commas, so that a prefix of the text is a prefix of the RDNs; values are quoted in it. */
function closed(canonical: string): string {
  return canonical === '' ? '' : `${canonical},`
}

function mailbox(text: string): Value | null {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  const host = hostOf(text.slice(at + 1))
  if (at < 1 || host === null || (local.includes('@') && !/^".*"$/.test(local))) return null
  return { ...NOTHING, local, host }
}

/** With a dot before each label; null where it is no host name. */
function hostOf(text: string): string | null {
  const labels = text.length > 253 ? [] : text.toLowerCase().split('.')
  return labels.length > 0 && labels.every((label) => /^[a-z0-9_-]{1,63}$/.test(label))
    ? `.${labels.join('.')}`
    : null
}

/** RFC 5280 4.2.1.10: a URI without a host that is a fully qualified name cannot be within anything. */
function uriHost(uri: string): string | null {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#\\]*)/i.exec(uri)?.[1]
  const host = /^(?:[^@]*@)?([^@:]+)(?::\d*)?$/.exec(authority ?? '')?.[1]
  return host?.includes('.') && !/\.\d+$/.test(host) ? hostOf(host) : null
}

function ipText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  return (
    Buffer.from(octets)
      .toString('hex')
      .match(/.{1,4}/g)
      ?.join(':') ?? ''
  )
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
