/**
 * direct-agent's public API. `createAgent` is the door: it classifies addresses, sends, receives, tells what became
 * of a message. Everything else here is what its arguments and results are made of.
 */
import { resolve } from 'node:path'
import { assemble } from './agent.ts'
import type { Configuration } from './configuration-types.ts'
import type { AgentOptions } from './options.ts'
import type { PublishOptions, ServingCertificates } from './publish.ts'
import type { Settings } from './settings.ts'
import type { Agent } from './types.ts'

export type {
  Answer,
  AnswerRecord,
  FailedTry,
  HostPort,
  LdapAnswer,
  LdapClient,
  LdapQuestion,
  LdapSearchOptions,
  LdapServer,
  Place,
  Question,
  RecordType,
  Resolver,
} from '../dns/index.ts'
export type {
  AccessToken,
  ImapClient,
  ImapFolder,
  MailServer,
  RecipientOutcome,
  SmtpClient,
  SomeUids,
  Submission,
  TlsProof,
} from '../mailbox/index.ts'
export type {
  AuditRow,
  DeliveryState,
  DeliveryStatus,
  KnownCertificate,
  MessageAlgorithms,
  StoredMessage,
  TrackingEvent,
  TrackingEventType,
  UntakenMessage,
} from '../store/index.ts'
export type { CertificateCode } from '../trust-anchors/index.ts'
export { Address, type NotAnAddress, parseAddress, parseDomain } from './address.ts'
export { adviceOn } from './advice.ts'
export type { Change, ChangesOptions, PreviousState } from './book/types.ts'
export type {
  AlgorithmConfiguration,
  Configuration,
  IdentityConfiguration,
  MailboxConfiguration,
  PolicyConfiguration,
  StoreConfiguration,
  TrustConfiguration,
  WebhookConfiguration,
} from './configuration-types.ts'
export type { Area, DoctorOptions, Finding } from './doctor/types.ts'
export {
  type AddressCode,
  DirectError,
  type DirectErrorCode,
  type DirectErrorOptions,
  type MessageCode,
  type Reason,
} from './errors.ts'
export type { CertificateReason, Evidence, JudgedCertificate, RevocationFacts } from './evidence.ts'
export type {
  ApplicableAnchors,
  ExplainedCertificate,
  ExplainOptions,
  ExplainTarget,
  Explanation,
  FetchedUrl,
  NamedCertificate,
  PathStep,
} from './explain/types.ts'
export type { Fetched, FetchRequest, GuardedFetch, NotFetched } from './fetch/types.ts'
export type {
  CertificateRequest,
  IdentityAdministration,
  ImportCode,
  ImportedCertificate,
  ListedCertificate,
  NewRequest,
  Use,
} from './identities/types.ts'
export type { Log } from './log.ts'
export type { Health } from './operations/types.ts'
export type { AgentOptions, Parts } from './options.ts'
export type { PublishOptions, ServingCertificates } from './publish.ts'
export type {
  DeliveredMessage,
  DeliveredPart,
  Delivery,
  LostReceipt,
  Opened,
  OpenedPart,
  OpenRequest,
  ReceiveReport,
  VerdictCode,
} from './receiving-types.ts'
export type { ChosenCertificate, Discovery, Recipient, Route, RouteReason } from './recipient-types.ts'
export type { Configured } from './run/duties.ts'
export type {
  Attachment,
  Draft,
  MessageFile,
  SealedCopy,
  SealResult,
  SendOptions,
  SendResult,
  Sent,
  SentRecipient,
} from './sending-types.ts'
export type { ContentCipher, Digest, KeyTransport, SignatureScheme } from './smime/algorithms.ts'
export type { PrivateKey } from './smime/private-key.ts'
export type { Replay, ReplayOptions } from './trace/replay.ts'
export { createRecording, type Recording, readTrace, replay, writeTrace } from './trace/trace.ts'
export type { Decided, Exchange, Seams, Trace, TraceQuestion } from './trace/types.ts'
export type {
  AnchorFacts,
  BundleCode,
  BundleReport,
  NewTrust,
  Pin,
  PinAdministration,
  PinRequest,
  RemovedBy,
  SignedMail,
  TrustAdministration,
  TrustBundle,
  TrustChange,
  TrustException,
  TrustedAnchor,
  TrustScope,
} from './trust/types.ts'
export type { Agent } from './types.ts'
export type {
  AuditProof,
  RestoredStore,
  RestoreOptions,
  StoreAdministration,
  StoreArea,
  StoreBackup,
  StoreFinding,
  StoreProgress,
} from './upkeep/types.ts'
export type {
  CheckedRecord,
  CheckedServer,
  GeneratedZone,
  RecordStatus,
  ZoneAdministration,
  ZoneCheck,
  ZoneFormat,
  ZoneOptions,
  ZoneRecordFacts,
} from './zone/types.ts'

/**
 * An agent over a configuration: the path of a file (`direct.yaml` when undefined), or an object of the same shape,
 * whose paths start from the working folder. Nothing is opened or read before it is needed.
 * Throws DirectError CONFIG_INVALID, naming the key.
 */
export async function createAgent(
  config?: string | Configuration,
  options: AgentOptions = {},
): Promise<Agent> {
  return assemble(await settingsFrom(config, options), options)
}

/**
 * Publishes the certificates of the configuration's identities, managed ones too, by DNS, authoritatively, over UDP and
 * TCP, until `signal` aborts. It follows their files and the clock, so that a renewal needs no restart; `log` hears of
 * it. No private key is read. Port 0 takes a free one; the address in use is returned, with the domains answered for and
 * the serial at the start. Throws DirectError LISTEN_FAILED, IDENTITY_MISSING when there is nothing to publish, and
 * CONFIG_INVALID for a name that DNS cannot carry.
 */
export async function serveCertificates(
  config: string | Configuration | undefined,
  options: AgentOptions & PublishOptions,
): Promise<ServingCertificates> {
  const { publish } = await import('./publish.ts')
  return publish(await settingsFrom(config, options), options)
}

async function settingsFrom(
  config: string | Configuration | undefined,
  { env = process.env }: AgentOptions,
): Promise<Settings> {
  const { loadSettings, settingsOf } = await import('./config/load.ts')
  if (typeof config !== 'object') return loadSettings(config, env)
  return settingsOf(config, { origin: 'the options object', dir: resolve('.'), env })
}
