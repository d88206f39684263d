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
  'pkits::4.1.4::Section1ValidDSASignaturesTest4': {
    they: 'accept',
    we: 'reject',
    code: 'NOT_SUPPORTED',
    because:
      'RFC 5280 1: no particular algorithm has to be supported. DSA is not in protocol.md ALG, and FIPS 186-5 has withdrawn it',
  },
  'pkits::4.1.5::Section1ValidDSAParameterInheritanceTest5': {
    they: 'accept',
    we: 'reject',
    code: 'NOT_SUPPORTED',
    because:
      'as 4.1.4: DSA is not supported, and so neither are parameters that an issuer lends (RFC 3279 2.3.2)',
  },
}

/**
 * Rows that ask issuers to be tidy: RFC 5280 says how certificates and CRLs are to be made, and 6.1 and 6.3, which
 * say what a path is to be checked for, ask for none of it. We accept all of these, as whoever refuses them refuses
 * real partners (the root of ONC's own discovery tool has a non-critical basicConstraints) and wards off nothing.
 */
export const TIDINESS: Readonly<Record<string, string>> = {
  'limbo::crl::crlnumber-missing':
    'RFC 5280 5.2.3: issuers include a cRLNumber; 6.3.3 reads none of a full CRL',
  'limbo::crl::crlnumber-critical':
    'RFC 5280 5.2.3: it is to be non-critical; we know the extension, critical or not',
  'limbo::rfc5280::aki::critical-aki': 'RFC 5280 4.2.1.1: to be non-critical; 6.1 does not read it',
  'limbo::rfc5280::aki::leaf-missing-aki': 'RFC 5280 4.2.1.1: helps to find issuers; the signature decides',
  'limbo::rfc5280::aki::intermediate-missing-aki':
    'RFC 5280 4.2.1.1: helps to find issuers; the signature decides',
  'limbo::rfc5280::aki::cross-signed-root-missing-aki':
    'RFC 5280 4.2.1.1, of an anchor, which 6.1.1 d takes as given',
  'limbo::rfc5280::nc::permitted-dns-match-noncritical':
    'RFC 5280 4.2.1.10: to be critical; 6.1.4 g applies it either way, and so do we',
  'limbo::rfc5280::nc::not-allowed-in-ee-noncritical':
    'RFC 5280 4.2.1.10: for CAs; of a leaf, which issues nothing, 6.1.5 asks nothing',
  'limbo::rfc5280::nc::not-allowed-in-ee-critical':
    'RFC 5280 4.2.1.10: for CAs; 6.1.5 f asks only that it is an extension that we process',
  'limbo::rfc5280::pc::ica-noncritical-pc':
    'RFC 5280 4.2.1.11: to be critical; 6.1.4 i applies it either way, and so do we',
  'limbo::rfc5280::san::noncritical-with-empty-subject':
    'RFC 5280 4.2.1.6: to be critical then; names are matched either way',
  'limbo::rfc5280::san::underscore-dns':
    'RFC 5280 4.2.1.6: preferred name syntax; the name is matched letter by letter',
  'limbo::rfc5280::serial::too-long':
    'RFC 5280 4.1.2.2: users MUST be able to handle 20 octets; longer ones are compared as bytes',
  'limbo::rfc5280::serial::zero': 'RFC 5280 4.1.2.2: users SHOULD be prepared to handle zero gracefully',
  'limbo::rfc5280::serial::negative':
    'RFC 5280 4.1.2.2: users SHOULD be prepared to handle negative ones gracefully',
  'limbo::rfc5280::ski::critical-ski': 'RFC 5280 4.2.1.2: to be non-critical; 6.1 does not read it',
  'limbo::rfc5280::ski::root-missing-ski': 'RFC 5280 4.2.1.2, of an anchor, which 6.1.1 d takes as given',
  'limbo::rfc5280::ski::intermediate-missing-ski':
    'RFC 5280 4.2.1.2: helps to find issuers; the signature decides',
  'limbo::rfc5280::ca-empty-subject':
    'RFC 5280 4.1.2.6, of an anchor; the names chain (6.1.3 a 4), and the signature decides',
  'limbo::rfc5280::root-non-critical-basic-constraints':
    'RFC 5280 4.2.1.9: to be critical; 6.1.4 k reads it either way',
  'limbo::rfc5280::leaf-ku-keycertsign':
    'RFC 5280 4.2.1.9: contradicts itself, but as a leaf it issues nothing',
  'limbo::rfc5280::ee-critical-aia-invalid':
    'RFC 5280 4.2.2.1: to be non-critical; we know the extension, critical or not',
}
