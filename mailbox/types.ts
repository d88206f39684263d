import type { DirectErrorCode } from '../agent/errors.ts'
import type { AccessToken } from './token.ts'

/** A server to talk to, and how. Names are resolved by `lookup`, so that one resolver serves everything. */
export interface MailServer {
  readonly host: string
  readonly port: number
  /**
   * TLS from the start. Otherwise STARTTLS is insisted on, except where the dialled address is loopback and no `ca` is
   * given: there, STARTTLS is used if it is offered, without asking who answers.
   */
  readonly secure: boolean
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** SMTP: how many connections there may be at once. Default 4. */
  readonly connections?: number | undefined
  /** In the place of a password: the login is XOAUTH2, and a token that is refused is renewed once. */
  readonly token?: AccessToken | undefined
  /** PEM of the CAs to believe instead of those that Node brings along. Where it is given, TLS is insisted on. */
  readonly ca?: string | undefined
}

/** Host name to IP addresses. Throws DirectError `DNS_UNREACHABLE` (temporary or not). IP literals come back as they are. */
export type Lookup = (host: string, signal?: AbortSignal) => Promise<readonly string[]>

/** What one recipient of one SMTP transaction came to. */
export interface RecipientOutcome {
  readonly address: string
  /**
   * `temporary`: 4xx, or the connection was lost before the message ended; `final`: 5xx; `unknown`: it was lost after
   * that, before the final reply, and the server may have the message or not (RFC 5321 4.2.5, RFC 1047).
   */
  readonly outcome: 'accepted' | 'temporary' | 'final' | 'unknown'
  /** The server's reply or the socket's error: one line, printable ASCII, at most 500 characters. */
  readonly reply: string
  /** Of the DirectError that says why no session came about, where that is why. */
  readonly code?: DirectErrorCode
}

/** One message for one server. */
export interface Submission {
  readonly from: string
  readonly to: readonly string[]
  /** Length in bytes of `content`, for SIZE. */
  readonly bytes: number
  /**
   * The complete message, CRLF line ends, 7-bit unless the tls route carries it. Called once for each transaction: once
   * more for each recipient that the server wants to have alone (452).
   */
  readonly content: () => AsyncIterable<Uint8Array>
  /**
   * Done in each transaction when all of `content` was handed over, before its last word, the dot, follows: from then on the
   * server may have the message for these of `to`, those that it has not refused. What it throws keeps the dot back.
   */
  readonly onAllSent?: (to: readonly string[]) => Promise<void>
  /** `required`: TLS with a valid certificate even on loopback (the `tls` route). */
  readonly tls: 'as-configured' | 'required'
}

/** SMTP: hands messages to a server. Expected outcomes are values. */
export interface SmtpClient {
  /**
   * One outcome per recipient, in the order of `to`. A server that cannot be reached, has no TLS where it is insisted on,
   * or loses the connection: `temporary`, or `unknown`. When `signal` aborts, what the server has whole may have 5 s
   * more for its answer; everything else ends at once.
   * Throws DirectError `SMTP_LOGIN` (the server refuses user and password, nothing was sent), `ADDRESS_INVALID` (the
   * sender), and what `content` or `lookup` throw.
   */
  submit(
    server: MailServer,
    submission: Submission,
    signal?: AbortSignal,
  ): Promise<readonly RecipientOutcome[]>
  /** Connects, says EHLO, proves TLS with a valid certificate for the server's name, and leaves. */
  proveTls(server: MailServer, signal?: AbortSignal): Promise<TlsProof>
}

export type TlsProof =
  | { readonly proved: true; readonly protocol: string; readonly subject: string; readonly validTo: Date }
  /** `temporary`: the server could not be reached or was busy; otherwise TLS is not offered or its certificate is wrong. */
  | { readonly proved: false; readonly temporary: boolean; readonly text: string }

/** Messages from a UID on, and others before it. */
export interface SomeUids {
  readonly from: number
  readonly among: readonly number[]
}

/**
 * IMAP: one folder, opened. Every call throws DirectError `IMAP_UNREACHABLE` (temporary) when the connection is lost,
 * `IMAP_REFUSED` when the server will not, `ABORTED` when the signal of `open` fires. Calls at the same time take turns.
 */
export interface ImapFolder extends AsyncDisposable {
  /** With the UID it names a message for good, until the server says otherwise (RFC 3501 2.3.1.1). */
  readonly uidValidity: string
  /** UIDs now in the folder, ascending: all, or those of `some`. */
  uids(some?: SomeUids): Promise<readonly number[]>
  /**
   * The message as it came, in chunks; none when it is gone. Does not set \Seen. A server that does not hand over all of it:
   * `IMAP_REFUSED`, temporary.
   */
  fetch(uid: number): AsyncIterable<Uint8Array>
  /** Says which messages will be fetched next, in this order, so that short ones may come several at a time. */
  willFetch?(uids: readonly number[]): void
  /** Bytes of the message, null when it is gone. */
  size(uid: number): Promise<number | null>
  /** Marks messages as handled: \Seen, and the keyword `$DirectSettled` where the folder keeps keywords. */
  flagSeen(uids: number | readonly number[]): Promise<void>
  /** The keyword alone; nothing where the folder keeps none. */
  flagSettled(uids: readonly number[]): Promise<void>
  /** Who has the keyword, of all or of `some`; null where the folder keeps none. */
  settledUids(some?: SomeUids): Promise<ReadonlySet<number> | null>
  /** Moves a message into `folder`, in any case, `/` between levels; it is made if it is missing. A message that is gone is no error. */
  moveTo(uid: number, folder: string): Promise<void>
  /**
   * Waits for mail, at most `ms`. `news`: there is some that `uids` has not told of. By IDLE where the server knows it;
   * a connection that died without a word is found within 6 minutes, or else by whatever is asked next.
   */
  wait(ms: number): Promise<'news' | 'quiet'>
  /** The folder as it is now, on the same connection, perhaps with another UIDVALIDITY. The one of before is not to be used any more. */
  again(): Promise<ImapFolder>
}

export interface ImapClient {
  /**
   * Logs in and selects `folder`, in any case. Throws DirectError `IMAP_UNREACHABLE` (temporary), `TLS_FAILED`, `IMAP_LOGIN`
   * (the password is in none of them), `IMAP_REFUSED` (there is no such folder), `ABORTED`, or what `lookup` throws.
   * `signal` also closes the open folder's connection.
   */
  open(server: MailServer, folder: string, signal?: AbortSignal): Promise<ImapFolder>
}
