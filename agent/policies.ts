import type { Certificate, CertificatePolicies, CertificatePolicy } from '../trust-anchors/index.ts'
import { DirectError } from './errors.ts'
import { readCertificateFile } from './files/credential-files.ts'
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
  return { ...rest, issuers: (await Promise.all(issuers.map(readIssuersFile))).flat() }
}

async function readIssuersFile(file: string): Promise<readonly Certificate[]> {
  const certificates = await readCertificateFile(file)
  const other = certificates.find(({ isCa }) => !isCa)
  if (other === undefined) return certificates
  throw new DirectError(
    'CONFIG_INVALID',
    `${file} holds a certificate that is no CA's, ${other.sha256.slice(0, 16)}…, and is named in certificatePolicy as an issuer`,
    { hint: 'Name the file of the CA certificate that must be in the path, and not that of a partner.' },
  )
}
