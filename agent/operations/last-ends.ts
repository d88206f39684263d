import { readOwnCertificates } from '../identities/certificates.ts'
import { counts, ownFiles } from '../identities/files.ts'
import type { IdentityTools } from '../identities/tools.ts'

/** When the last certificate of each of our names ends, whatever else is wrong with it. */
export async function lastEnds({
  settings,
}: Pick<IdentityTools, 'settings'>): Promise<ReadonlyMap<string, Date>> {
  const { files } = await ownFiles(settings)
  const read = await readOwnCertificates(files.filter(counts).map((file) => file.settings))
  const ends = new Map<string, Date>()
  for (const one of read) {
    if (!('certificate' in one)) continue
    const { notAfter } = one.certificate
    if (notAfter > (ends.get(one.name) ?? new Date(0))) ends.set(one.name, notAfter)
  }
  return ends
}
