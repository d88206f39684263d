import {
  bindingOf,
  type Certificate,
  type CertificatePolicy,
  type Failure,
  leafFailures,
  ownPolicyFailures,
  type Purpose,
} from '../trust-anchors/index.ts'
import { parseAddress } from './address.ts'
import { readCertificateFile } from './credential-files.ts'
import { DirectError } from './errors.ts'
import type { IdentitySettings } from './settings.ts'

/** One of our own certificates, as its file has it: without its key. */
interface Own {
  readonly name: string
  readonly file: string
  readonly certificate: Certificate
  readonly intermediates: readonly Certificate[]
}

const CANNOT: Readonly<Record<Purpose, string>> = {
  sign: 'can sign what is sent in its name',
  encrypt: 'can be encrypted to',
}

/**
 * What is wrong with our own certificates, before a partner is told: for whom none can be used, and which break the
 * certificate policy. Old ones that stay for reading are nothing to tell. No key is read for it.
 */
export async function ownNotices(
  settings: readonly IdentitySettings[],
  policy: CertificatePolicy,
  at: Date,
): Promise<readonly string[]> {
  const read = await Promise.all(settings.map(ownOf))
  const unreadable = read.filter((one) => typeof one === 'string')
  const names = Map.groupBy(
    read.filter((one) => typeof one !== 'string'),
    ({ name }) => name,
  )
  const others = [...names].flatMap(([name, all]) => {
    const unusable = uselessness(name, all, policy, at)
    return unusable.length > 0 ? unusable : all.flatMap((own) => breach(own, policy, at))
  })
  return [...unreadable, ...others]
}

/** For which uses none of a name's certificates will do, and why; the same reasons are told once. */
function uselessness(
  name: string,
  all: readonly Own[],
  policy: CertificatePolicy,
  at: Date,
): readonly string[] {
  const uses = (['sign', 'encrypt'] as const).flatMap((purpose) => {
    const problems = all.map((own) => problemOf(purpose, own, policy, at))
    return problems.includes(null) ? [] : [{ cannot: CANNOT[purpose], why: problems.join('; ') }]
  })
  return [...Map.groupBy(uses, ({ why }) => why)].map(
    ([why, same]) => `no certificate of ${name} ${same.map(({ cannot }) => cannot).join(', or ')}: ${why}`,
  )
}

/** One that would be used but for the policy, beside another that is. */
function breach(
  { file, certificate, intermediates }: Own,
  policy: CertificatePolicy,
  at: Date,
): readonly string[] {
  if (!certificate.isWithinValidity(at)) return []
  const [failure] = ownPolicyFailures(certificate, intermediates, policy, at)
  return failure === undefined
    ? []
    : [`${file} breaks certificatePolicy.own, and only reads: ${textOf(failure)}`]
}

async function ownOf({ for: name, certificate: file }: IdentitySettings): Promise<Own | string> {
  try {
    const [certificate, ...intermediates] = await readCertificateFile(file)
    return certificate === undefined
      ? `${file} holds no certificate`
      : { name, file, certificate, intermediates }
  } catch (error) {
    // Before a CA has answered there is none; whoever needs it is told so as an error.
    if (error instanceof DirectError) return `of our own: ${error.message}`
    throw error
  }
}

/** Null: it can be used. */
function problemOf(purpose: Purpose, own: Own, policy: CertificatePolicy, at: Date): string | null {
  const { name, file, certificate, intermediates } = own
  const [failure] = [
    ...leafFailures(purpose, certificate, at),
    ...(isBoundWithin(name, certificate) ? [] : [UNBOUND]),
    ...ownPolicyFailures(certificate, intermediates, policy, at),
  ]
  return failure === undefined ? null : `${file}: ${textOf(failure)}`
}

const UNBOUND: Failure = { code: 'CERT_NOT_BOUND', text: 'it is bound to nobody there' }
const textOf = ({ code, text }: Failure) => `${text} (${code})`

/** Of a domain: to it, or to one of its addresses. */
function isBoundWithin(name: string, certificate: Certificate): boolean {
  const address = parseAddress(name.includes('@') ? name : `postmaster@${name}`)
  if ('code' in address) return true
  if (bindingOf(certificate, address, { subjectEmail: false }) !== null) return true
  const isInDomain = (one: string) => one.toLowerCase().endsWith(`@${name.toLowerCase()}`)
  return !name.includes('@') && certificate.names.rfc822.some(isInDomain)
}
