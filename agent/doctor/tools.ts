import type { HostLookup } from '../../dns/index.ts'
import type { ImapClient, MailServer, SmtpProbe, TlsProof } from '../../mailbox/index.ts'
import type { OlderStore, Store } from '../../store/index.ts'
import type { Webhook } from '../deliver/webhook.ts'
import type { IdentityTools } from '../identities/tools.ts'
import type { ServerSettings, Settings } from '../settings.ts'
import type { TrustNotice } from '../trust/notices.ts'
import type { ZoneCheck } from '../zone/types.ts'
import type { Said } from './finding.ts'

/** What the checks ask of their neighbours. Everything may throw DirectError, which becomes a finding. */
export interface DoctorTools {
  readonly settings: Settings
  readonly deliverTo: string | undefined
  readonly offline: boolean
  /** To be looked at. Null: there is none, or one that has to be brought up to date first. */
  readonly existingStore: () => Promise<Store | null>
  readonly olderStore: () => Promise<OlderStore | null>
  readonly identityTools: () => Promise<IdentityTools>
  readonly trustNotices: () => Promise<readonly TrustNotice[]>
  /** For mail in, and for mail out: whether anybody at all is believed. */
  readonly believes: () => Promise<{ readonly incoming: boolean; readonly outgoing: boolean }>
  readonly checkZone: (signal: AbortSignal) => Promise<ZoneCheck>
  readonly mailServer: (settings: ServerSettings) => Promise<MailServer>
  readonly probeSmtp: (server: MailServer, signal: AbortSignal) => Promise<SmtpProbe>
  readonly proveTls: (server: MailServer, signal: AbortSignal) => Promise<TlsProof>
  readonly imap: () => Promise<ImapClient>
  /** The EHR's, with its secret read; null: none is configured. */
  readonly webhook: () => Promise<Webhook | null>
  readonly lookup: () => Promise<HostLookup>
  readonly disk: (path: string) => Promise<DiskSpace>
  readonly now: () => Date
  readonly at: () => Date
}

/** Bytes and files that can still be written; null: the file system does not count them. */
export interface DiskSpace {
  readonly bytes: number | null
  readonly files: number | null
}

/** Looks at one area. */
export type Check = (tools: DoctorTools, signal: AbortSignal) => AsyncIterable<Said>
