import type { CertificateCode } from '../trust-anchors/index.ts'
import type { ExpiryCode } from './errors.ts'

/** What whoever runs this may do about a code; codes that only the certificate's owner can mend say so. */
const ADVICE: Readonly<Record<string, string>> = {
  CERT_MALFORMED: 'Ask the partner to publish a certificate that is X.509 in DER.',
  CERT_NOT_YET_VALID:
    'Check the clock of this machine; else wait, or ask the partner for a certificate of now.',
  CERT_EXPIRED:
    'Ask the partner to renew and publish it; if it is an anchor of ours that has ended, replace it.',
  CERT_REVOKED: 'Do not use it. Ask the partner, by another way, for the new one.',
  REVOCATION_UNKNOWN:
    'See whether the host that is named answers from here, then ask again; mail that waits for it is looked at again by "direct run", or by the next "direct receive".',
  CERT_NOT_BOUND: 'Ask the partner for a certificate whose subjectAltName holds the address or its domain.',
  CERT_IS_CA: "Ask the partner to publish the address's or domain's own certificate instead of its CA's.",
  KEY_USAGE: 'Ask the partner for a certificate whose key usage allows this.',
  EXT_KEY_USAGE: 'Ask the partner for a certificate for e-mail protection.',
  KEY_WEAK: 'Ask the partner for a certificate with a longer key.',
  SIGNATURE_WEAK: 'Ask the partner for a newer certificate; legacy.sha1From lets SHA-1 pass for one domain.',
  BAD_SIGNATURE:
    'The certificate, or the one above it, is not what its issuer signed: ask the partner to publish it anew.',
  UNKNOWN_ISSUER:
    'If you mean to trust its CA, add that CA (direct trust add) or the bundle it belongs to; if a CA in between is missing, ask the partner to publish it, or name it in certificates.',
  PASSED_OVER:
    'An anchor that fits is known and does not count here; if it is meant to, add it for whoever of yours is to believe (direct trust add FILE --for NAME).',
  SELF_SIGNED:
    'It is self-signed, so that no CA vouches for it. If you know by another way that it is theirs, pin it to its address: direct cert pin FILE --address ADDRESS.',
  ISSUER_NOT_CA: "The partner's CA has issued what it may not; nothing here can mend that.",
  PATH_LENGTH: "A CA above has forbidden so many CAs below it; only the partner's CA can mend that.",
  NAME_CONSTRAINT:
    'A CA above is limited to other names; ask the partner to get a certificate from one that may issue it.',
  POLICY:
    'See certificatePolicy in the configuration; else the CA asks for policies that this path does not have.',
  UNKNOWN_CRITICAL_EXTENSION:
    "The certificate demands something that is not known here; ask the partner's CA what it is.",
  WORK_LIMIT:
    'The certificates lead in circles, or there are too many of one name: ask the partner to publish fewer.',
  NO_ANCHORS:
    'Add anchors (direct trust add, or trust in the configuration): without any, nobody is trusted.',
  URL_REFUSED:
    'The sentence says why the URL or the host is not contacted: its owner has to name another. A private address alone may be meant; network.allowPrivate lets those.',
  NOT_SUPPORTED:
    'This version cannot use such a certificate; ask the partner for another, with an RSA key for example.',
  SMTP_REFUSED:
    'The mail server says why: ask the recipient for the right address, or whoever runs the server; nothing is sent again.',
  SMTP_GIVEN_UP:
    'Reach the recipient by another way; see why the mail server cannot be reached, and send it again.',
  STORE_DAMAGED:
    'Send the message again. See what else is damaged (direct store check), and look after the disk.',
  SMTP_IN_DOUBT:
    'It may have arrived: ask the recipient, by another way, before you send it again; that would be a second message.',
  NOTIFIED_FAILED: "The recipient's system has refused it: reach the recipient by another way.",
  NOT_HANDED_OVER_IN_TIME:
    'Reach the recipient by another way now; see what the mail server says, and send it again once that is mended.',
  NO_PROCESSED_IN_TIME:
    'Reach the recipient by another way now, and ask whether it arrived: it may have, without a word of it reaching us.',
  NO_DISPATCHED_IN_TIME:
    "It arrived at the recipient's system; ask the recipient, by another way, whether it is at hand there.",
  EHR_UNREACHABLE:
    'See whether the EHR runs and can be reached from here, and deliver.webhook in the configuration. "direct run" posts it again while it runs; no other command does.',
  EHR_DENIED:
    'The EHR answers, and does not believe who posts: see that it has the secret that deliver.webhook names, and that its clock is right. "direct run" posts it again while it runs; no other command does.',
  EHR_UNEXPECTED:
    'The EHR answers, and has not taken it: its own log should say why; see deliver.webhook.url. "direct run" posts it again while it runs; no other command does.',
  FILE_UNWRITABLE:
    'Let the user of the daemon write to the folder that it delivers into, and see that its disk has room. "direct run" tries it again while it runs, else the next "direct receive --once --out" does.',
  NO_CERTIFICATE: 'Ask the partner whether the address is right, and where its certificate is published.',
  LOOKUP_FAILED:
    'See whether the server that is named can be reached from here, and whether those in dns.servers answer for names that are not their own; then ask again.',
} satisfies Record<
  | CertificateCode
  | ExpiryCode
  | 'SMTP_REFUSED'
  | 'SMTP_GIVEN_UP'
  | 'SMTP_IN_DOUBT'
  | 'STORE_DAMAGED'
  | 'NOTIFIED_FAILED'
  | 'PASSED_OVER'
  | 'SELF_SIGNED'
  | 'EHR_UNREACHABLE'
  | 'EHR_DENIED'
  | 'EHR_UNEXPECTED'
  | 'FILE_UNWRITABLE'
  | 'NO_CERTIFICATE'
  | 'LOOKUP_FAILED',
  string
>

/** Whose advice is to send it again, which holds only where it cannot have arrived. */
const SEND_AGAIN: ReadonlySet<string> = new Set(['NOT_HANDED_OVER_IN_TIME', 'SMTP_GIVEN_UP'])

/** One sentence for each code about which anything can be done. */
export function adviceOn(codes: Iterable<string>): readonly string[] {
  const all = new Set(codes)
  return [...all].flatMap((code) =>
    all.has('SMTP_IN_DOUBT') && SEND_AGAIN.has(code) ? [] : (ADVICE[code] ?? []),
  )
}
