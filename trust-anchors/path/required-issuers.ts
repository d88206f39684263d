import type { Failure } from '../failures.ts'
import type { Certificate } from '../x509/certificate.ts'
import { isSameCa } from './issuers.ts'

/** `POLICY` where issuers are asked for and none of them is in the path above the leaf. Null: nothing is asked. */
export function issuersFailure(
  [, ...above]: readonly Certificate[],
  issuers: readonly Certificate[] | null,
): Failure | null {
  if (issuers === null) return null
  if (above.some((one) => issuers.some((issuer) => isSameCa(one, issuer)))) return null
  const has = above.map(({ subjectText }) => subjectText).join('; ') || 'nobody'
  const asked = issuers.map(({ subjectText }) => subjectText).join('; ')
  return {
    code: 'POLICY',
    text: `the path leads over ${has}; the certificate policy of the configuration asks for one of: ${asked}`,
  }
}
