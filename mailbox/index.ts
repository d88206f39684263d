/** Mail in, mail out: bytes and envelopes, no cryptography. */
export type {
  ImapClient,
  ImapFolder,
  Lookup,
  MailServer,
  RecipientOutcome,
  SmtpClient,
  Submission,
  TlsProof,
} from './types.ts'
