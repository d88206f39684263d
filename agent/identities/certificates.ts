import type { Certificate } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import type { IdentitySettings, Settings } from '../settings.ts'
import { namesOf, ownFiles } from './files.ts'
import { certificatesOf } from './load.ts'

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

/** No key is read, but where it lies in the same file. */
export function readOwnCertificates(
  settings: readonly IdentitySettings[],
): Promise<readonly (OwnCertificate | Unreadable)[]> {
  return Promise.all(settings.map(readOne))
}

async function readOne(settings: IdentitySettings): Promise<OwnCertificate | Unreadable> {
  const { for: name, certificate: file } = settings
  try {
    return { name, file, ...(await certificatesOf(settings)) }
  } catch (error) {
    if (!(error instanceof DirectError)) throw error
    return { name, file, text: error.message, hint: error.hint }
  }
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
