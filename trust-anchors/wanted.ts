import type { Certificate } from './x509/certificate.ts'

/** Something at a URL that the certificates name and that is not at hand: fetch it, hand it in, ask again. */
export type Wanted =
  | {
      readonly kind: 'issuer'
      readonly url: string
      /** Whose caIssuers it is (RFC 5280 4.2.2.1). */
      readonly certificate: Certificate
    }
  | { readonly kind: 'crl'; readonly url: string; readonly certificate: Certificate }
  | {
      readonly kind: 'ocsp'
      readonly url: string
      readonly certificate: Certificate
      readonly issuer: Certificate
    }

/** What was asked of whom: a URL may give a CRL, and no issuer. */
export const wantedKey = ({ kind, url }: Pick<Wanted, 'kind' | 'url'>): string => `${kind} ${url}`
