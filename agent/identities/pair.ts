import { DirectError } from '../errors.ts'
import { loadIdentity } from '../identities.ts'
import type { IdentitySettings } from '../settings.ts'
import { type OwnCertificate, readOwnCertificates, type Unreadable } from './certificates.ts'

/**
 * Certificates of ours as strangers are to find them. One that lies beside another's key counts as unreadable: as far as
 * is known here, nobody could open mail to it (ALG-5). A key that lies elsewhere, or cannot be read, is no reason.
 */
export async function readForPublishing(
  settings: readonly IdentitySettings[],
): Promise<readonly (OwnCertificate | Unreadable)[]> {
  const read = await readOwnCertificates(settings)
  return Promise.all(read.map(async (one, i) => (await mismatch(one, settings[i])) ?? one))
}

async function mismatch(
  read: OwnCertificate | Unreadable,
  settings: IdentitySettings | undefined,
): Promise<Unreadable | null> {
  if (settings === undefined || !('certificate' in read)) return null
  try {
    await loadIdentity(settings)
    return null
  } catch (error) {
    if (!(error instanceof DirectError)) throw error
    const { code, message: text, hint } = error
    return code === 'KEY_MISMATCH' ? { name: read.name, file: read.file, text, hint } : null
  }
}
