import type { Failure } from '../failures.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { ExpectedName } from './types.ts'

/** RFC 1034 3.5 with RFC 1123 2.1: what is no host name is nobody's, whatever a certificate says. */
const HOST_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i

/** `CERT_NOT_BOUND` unless the subjectAltName has this very name (RFC 5280 4.2.1.6). The subject counts for nothing. */
export function nameFailure(certificate: Certificate, name: ExpectedName | null): Failure | null {
  if (name === null || hasName(certificate, name)) return null
  return {
    code: 'CERT_NOT_BOUND',
    text: `the subjectAltName does not have the ${name.kind} name ${name.value}`,
  }
}

function hasName({ altNames, names }: Certificate, { kind, value }: ExpectedName): boolean {
  const wanted = value.toLowerCase()
  switch (kind) {
    case 'RFC822':
      return names.rfc822.some((one) => one.toLowerCase() === wanted)
    case 'DNS':
      return HOST_NAME.test(value) && names.dns.some((one) => one.toLowerCase() === wanted)
    case 'IP': {
      const octets = ipOctets(value)
      return altNames.some((one) => one.kind === 'iPAddress' && octets?.equals(one.value))
    }
  }
}

/** The octets of an address in text; null: it is none. */
function ipOctets(text: string): Buffer | null {
  return text.includes(':') ? ipv6Octets(text) : ipv4Octets(text)
}

function ipv4Octets(text: string): Buffer | null {
  const parts = text.split('.')
  const isAddress = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)
  return isAddress ? Buffer.from(parts.map(Number)) : null
}

/** RFC 4291 2.2, all three forms. */
function ipv6Octets(text: string): Buffer | null {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const tail = ipv4Octets(dotted?.[2] ?? '0.0.0.0')
  if (tail === null) return null
  const hex =
    dotted === null
      ? text
      : `${dotted[1]}${tail.readUInt16BE(0).toString(16)}:${tail.readUInt16BE(2).toString(16)}`
  const halves = hex.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const [before = [], after] = halves
  const missing = 8 - before.length - (after?.length ?? 0)
  if (halves.length > 2 || (after === undefined ? missing !== 0 : missing < 1)) return null
  const groups = [
    ...before,
    ...Array.from({ length: after === undefined ? 0 : missing }, () => '0'),
    ...(after ?? []),
  ]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
