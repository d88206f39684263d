import { bindingOf, type Certificate } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import { readCertificateFile } from '../credential-files.ts'
import { DirectError } from '../errors.ts'
import { someoneAt } from '../given-address.ts'
import type { IdentitySettings, Settings } from '../settings.ts'
import { namesOf, ownFiles } from './files.ts'

/** One of our own certificates, as its file has it: without its key. */
export interface OwnCertificate {
  readonly name: string
  readonly file: string
  readonly certificate: Certificate
  /** CA certificates in the same file. */
  readonly intermediates: readonly Certificate[]
}

/** Why a file of ours holds no certificate. */
export interface Unreadable {
  readonly name: string
  readonly file: string
  readonly text: string
  readonly hint: string | undefined
}

/** No key is read. */
export function readOwnCertificates(
  settings: readonly IdentitySettings[],
): Promise<readonly (OwnCertificate | Unreadable)[]> {
  return Promise.all(settings.map(readOne))
}

async function readOne({
  for: name,
  certificate: file,
}: IdentitySettings): Promise<OwnCertificate | Unreadable> {
  try {
    const [certificate, ...intermediates] = await readCertificateFile(file)
    if (certificate !== undefined) return { name, file, certificate, intermediates }
    return { name, file, text: `${file} holds no certificate`, hint: undefined }
  } catch (error) {
    if (!(error instanceof DirectError)) throw error
    return { name, file, text: error.message, hint: error.hint }
  }
}

/** Whether a certificate is bound to a name: of a domain, to it, or to one of its addresses. */
export function isBoundWithin(name: string, certificate: Certificate): boolean {
  if (!name.includes('@')) return subjectsOf(name, certificate).length > 0
  const address = someoneAt(name)
  return address === null || bindingOf(certificate, address, { subjectEmail: false }) !== null
}

/** The addresses of a domain that a certificate is bound to; an address has none below it. */
function addressesOf(domain: string, { names: { rfc822 } }: Certificate): readonly string[] {
  return domain.includes('@') ? [] : rfc822.filter((one) => one.toLowerCase().endsWith(`@${domain}`))
}

/** Who uses a certificate. `address`: of a domain, somebody's. */
export interface Subject {
  readonly name: string
  readonly address: Address
}

/** Of a name of ours: the address, the domain, or each of its addresses that the certificate is bound to. */
export function subjectsOf(name: string, certificate: Certificate): readonly Subject[] {
  const isOfDomain = certificate.names.dns.some((one) => one.toLowerCase() === name)
  const own = name.includes('@') || isOfDomain ? [name] : []
  return [...own, ...addressesOf(name, certificate)].flatMap((one) => {
    const address = someoneAt(one)
    return address === null ? [] : [{ name: one.toLowerCase(), address }]
  })
}

/** Who we are, for whoever needs no key of ours. */
export interface Ours {
  /** A domain or an address each. */
  readonly names: readonly string[]
  /**
   * CA certificates in our own files: they may complete a partner's path. A file that is not there yet, as before a CA
   * has answered, stops nobody from asking how others can be reached.
   */
  readonly intermediates: readonly Certificate[]
}

/** As of each question: read again where files have changed. */
export function createOurs(settings: Pick<Settings, 'identities' | 'dataDir'>): () => Promise<Ours> {
  let known: { readonly seen: string; readonly ours: Ours } | null = null
  return async () => {
    const { files } = await ownFiles(settings)
    const seen = files.map(({ settings: { certificate }, stamp }) => `${certificate} ${stamp}`).join('\n')
    if (known?.seen === seen) return known.ours
    const read = await readOwnCertificates(files.map((file) => file.settings))
    const intermediates = read.flatMap((one) => ('certificate' in one ? one.intermediates : []))
    known = { seen, ours: { names: namesOf({ files }), intermediates } }
    return known.ours
  }
}
