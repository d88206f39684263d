/** Mail in, mail out: bytes and envelopes, no cryptography. */
export { createImapClient, type ImapClientOptions } from './imap.ts'
export { probeSmtp, type SmtpProbe } from './probe.ts'
export { createSmtpClient, type SmtpClientOptions } from './smtp.ts'
export { type AccessToken, keptToken } from './token.ts'
export type {
  ImapClient,
  ImapFolder,
  Lookup,
  MailServer,
  RecipientOutcome,
  SmtpClient,
  SomeUids,
  Submission,
  TlsProof,
} from './types.ts'
