import { DirectError } from '../errors.ts'
import { type OwnCertificate, readOwnCertificates, type Unreadable } from './certificates.ts'
import type { OwnFile } from './files.ts'
import { loadIdentity } from './load.ts'

/** A certificate of ours that is not to be published. */
export interface Withheld extends Unreadable {
  /** Its key is lost, and with it all mail to it; else it may be half of a renewal. */
  readonly isLost: boolean
}

/**
 * Certificates of ours as strangers are to find them, where somebody can open mail to them (ALG-5): not one beside
 * another's key, and not one whose key belongs beside it in dataDir and cannot be had there. A key that the configuration
 * names may lie on another machine, where mail is read.
 */
export async function readForPublishing(
  files: readonly OwnFile[],
): Promise<readonly (OwnCertificate | Withheld)[]> {
  const read = await readOwnCertificates(files.map(({ settings }) => settings))
  return Promise.all(
    read.map(async (one, i) =>
      'certificate' in one ? ((await withheld(one, files[i])) ?? one) : { ...one, isLost: false },
    ),
  )
}

async function withheld({ name, file }: OwnCertificate, own: OwnFile | undefined): Promise<Withheld | null> {
  if (own === undefined) return null
  try {
    await loadIdentity(own.settings)
    return null
  } catch (error) {
    if (!(error instanceof DirectError)) throw error
    const { code, message: text, hint } = error
    const isLost = code === 'KEY_UNREADABLE' && own.keepsKey
    return isLost || code === 'KEY_MISMATCH' ? { name, file, text, hint, isLost } : null
  }
}
