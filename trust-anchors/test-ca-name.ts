import type { Certificate } from './x509/certificate.ts'

export const TEST_CA_NAME = 'direct-agent TEST CA, vouches for nobody'

/** Whether an anchor is a test CA, so that every command that relies on it can say so. */
export function isTestCa(certificate: Certificate): boolean {
  return certificate.commonNames.includes(TEST_CA_NAME)
}
