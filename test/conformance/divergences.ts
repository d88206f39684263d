import type { CertificateCode } from '../../trust-anchors/index.ts'

/** Where we answer otherwise than an outside suite, and the paragraph that allows it. */
export interface Divergence {
  readonly they: 'accept' | 'reject'
  readonly we: 'accept' | 'reject'
  /** Our reason, where we reject. */
  readonly code: CertificateCode | null
  readonly because: string
}

/** Ids are those of the suites. A row that is not here is answered as its suite expects. */
export const DIVERGENCES: Readonly<Record<string, Divergence>> = {
  'pkits::4.1.5::Section1ValidDSAParameterInheritanceTest5': {
    they: 'accept',
    we: 'reject',
    code: 'CERT_MALFORMED',
    because:
      'RFC 5280 1 requires no particular algorithm: a DSA key whose parameters are lent by its issuer (RFC 3279 2.3.2) is not read',
  },
}

/** What we say to a row that asks an issuer to be tidy, and the paragraph. */
export interface Tidiness {
  readonly we: 'accept' | 'reject'
  readonly because: string
}

/**
 * Rows that ask issuers to be tidy: RFC 5280 says how certificates and CRLs are to be made, and 6.1 and 6.3, which
 * say what a path is to be checked for, ask for none of it. All are expected to be rejected. We reject what no issuer
 * in use does; and we accept what some do, as whoever refuses that refuses real partners (the root of ONC's own
 * discovery tool has a non-critical basicConstraints) and wards off nothing.
 */
export const TIDINESS: Readonly<Record<string, Tidiness>> = {
  'limbo::crl::crlnumber-missing': {
    we: 'accept',
    because: 'RFC 5280 5.2.3: issuers include a cRLNumber; 6.3.3 reads none of a full CRL',
  },
  'limbo::crl::crlnumber-critical': {
    we: 'accept',
    because: 'RFC 5280 5.2.3: to be non-critical; it is processed, critical or not (5.2)',
  },
  'limbo::rfc5280::aki::critical-aki': { we: 'reject', because: 'RFC 5280 4.2.1.1: to be non-critical' },
  'limbo::rfc5280::aki::leaf-missing-aki': {
    we: 'accept',
    because: 'RFC 5280 4.2.1.1: helps to find issuers; the signature decides (6.1.3 a 1)',
  },
  'limbo::rfc5280::aki::intermediate-missing-aki': {
    we: 'accept',
    because: 'RFC 5280 4.2.1.1: helps to find issuers; the signature decides (6.1.3 a 1)',
  },
  'limbo::rfc5280::aki::cross-signed-root-missing-aki': {
    we: 'accept',
    because: 'RFC 5280 4.2.1.1, of an anchor, which 6.1.1 d takes as given',
  },
  'limbo::rfc5280::nc::permitted-dns-match-noncritical': {
    we: 'accept',
    because: 'RFC 5280 4.2.1.10: to be critical; 6.1.4 g applies it either way, and so do we',
  },
  'limbo::rfc5280::nc::not-allowed-in-ee-noncritical': {
    we: 'reject',
    because: 'RFC 5280 4.2.1.10: in CA certificates only',
  },
  'limbo::rfc5280::nc::not-allowed-in-ee-critical': {
    we: 'reject',
    because: 'RFC 5280 4.2.1.10: in CA certificates only',
  },
  'limbo::rfc5280::pc::ica-noncritical-pc': {
    we: 'accept',
    because: 'RFC 5280 4.2.1.11: to be critical; 6.1.4 i applies it either way, and so do we',
  },
  'limbo::rfc5280::san::noncritical-with-empty-subject': {
    we: 'accept',
    because: 'RFC 5280 4.2.1.6: to be critical then; names are matched either way',
  },
  'limbo::rfc5280::san::underscore-dns': {
    we: 'reject',
    because: 'RFC 5280 4.2.1.6: preferred name syntax, and what is no domain name binds none',
  },
  'limbo::rfc5280::serial::too-long': {
    we: 'accept',
    because: 'RFC 5280 4.1.2.2: at most 20 octets; a longer one is compared as bytes like any other',
  },
  'limbo::rfc5280::serial::zero': {
    we: 'accept',
    because: 'RFC 5280 4.1.2.2: users SHOULD be prepared to handle such numbers gracefully',
  },
  'limbo::rfc5280::serial::negative': {
    we: 'accept',
    because: 'RFC 5280 4.1.2.2: users SHOULD be prepared to handle such numbers gracefully',
  },
  'limbo::rfc5280::ski::critical-ski': { we: 'reject', because: 'RFC 5280 4.2.1.2: to be non-critical' },
  'limbo::rfc5280::ski::root-missing-ski': {
    we: 'accept',
    because: 'RFC 5280 4.2.1.2, of an anchor, which 6.1.1 d takes as given',
  },
  'limbo::rfc5280::ski::intermediate-missing-ski': {
    we: 'accept',
    because: 'RFC 5280 4.2.1.2: helps to find issuers; the signature decides (6.1.3 a 1)',
  },
  'limbo::rfc5280::ca-empty-subject': { we: 'reject', because: 'RFC 5280 4.1.2.6: a CA has a name' },
  'limbo::rfc5280::root-non-critical-basic-constraints': {
    we: 'accept',
    because: 'RFC 5280 4.2.1.9: to be critical; 6.1.4 k reads it either way',
  },
  'limbo::rfc5280::leaf-ku-keycertsign': {
    we: 'accept',
    because: 'RFC 5280 4.2.1.3: not without cA; but a leaf is not asked to issue (6.1.5)',
  },
  'limbo::rfc5280::ee-critical-aia-invalid': {
    we: 'reject',
    because: 'RFC 5280 4.2.2.1: to be non-critical',
  },
}
