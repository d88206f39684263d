import type { CertificatePolicies, CertificatePolicy } from '../trust-anchors/index.ts'
import { readCertificateFile } from './credential-files.ts'
import type { CertificatePolicySettings, PolicySettings } from './settings.ts'

/** The certificate policies of the configuration, their files read. Throws CERT_UNREADABLE. */
export async function loadPolicies({
  encrypt,
  verify,
  own,
}: CertificatePolicySettings): Promise<CertificatePolicies> {
  return {
    ...(encrypt && { encrypt: await load(encrypt) }),
    ...(verify && { verify: await load(verify) }),
    ...(own && { own: await load(own) }),
  }
}

async function load({ issuers, ...rest }: PolicySettings): Promise<CertificatePolicy> {
  if (issuers === undefined) return rest
  return { ...rest, issuers: (await Promise.all(issuers.map(readCertificateFile))).flat() }
}
