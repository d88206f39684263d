import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toPem } from '../../trust-anchors/index.ts'
import { alice, bob, intermediate, root } from '../agent/smime/parties.ts'
import { pki, temporaryFolder } from './clinics.ts'

/** Configuration of clinic B under the root of the hostile messages; it could answer clinic A, who seems to write them. */
export async function clinicB(): Promise<Record<string, unknown>> {
  const dir = await temporaryFolder()
  const file = async (name: string, ...certificates: readonly { readonly der: Uint8Array }[]) => {
    await writeFile(join(dir, name), certificates.map(({ der }) => toPem(der)).join(''))
    return join(dir, name)
  }
  return {
    identities: [
      {
        for: 'clinic-b.example',
        certificate: await file('b.pem', bob.certificate),
        privateKey: pki('clinic-b.key'),
      },
    ],
    trust: [{ for: '*', direction: 'both', anchors: [await file('root.pem', root.certificate)] }],
    certificates: [await file('a.pem', alice.certificate, intermediate.certificate)],
    revocation: 'off',
  }
}
