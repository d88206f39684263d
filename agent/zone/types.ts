import type { ZoneCheck, ZoneRecordFacts } from '../../dns/zone/index.ts'

export type {
  CheckedRecord,
  CheckedServer,
  RecordStatus,
  ZoneCheck,
  ZoneRecordFacts,
} from '../../dns/zone/index.ts'

/** Publishing our certificates (H1 to H4): what belongs into DNS or a directory, and whether strangers see it. */
export interface ZoneAdministration {
  /**
   * The records of every certificate that others may encrypt to now, and SRV of `publish.directories`.
   * Throws DirectError IDENTITY_MISSING where there is nothing to publish, CONFIG_INVALID for what DNS cannot carry and
   * for a whole zone without name servers, USAGE for a domain that is not ours, FILE_UNWRITABLE.
   */
  generate(options?: ZoneOptions): Promise<GeneratedZone>
  /**
   * Asks the domain's name servers, each resolver of the configuration and each of `publish.directories`; no answer is
   * kept from before. Throws as `generate`, and NETWORK_FORBIDDEN, ABORTED.
   */
  check(options?: { readonly domain?: string; readonly signal?: AbortSignal }): Promise<ZoneCheck>
}

export interface ZoneOptions {
  /** Only what belongs into this domain's zone. */
  readonly domain?: string
  /** Default `bind`. */
  readonly format?: ZoneFormat
  /** With SOA, NS, MX and addresses of hosts, so that it stands alone: of one domain. */
  readonly wholeZone?: boolean
  /** A file that the text is written to, as a whole or not at all: in place of a file or of a link that is there. */
  readonly out?: string
}

/**
 * `bind`: a master file's part (RFC 1035 5.1) with comments; `lines`: a record a line; `json`: an object a line; `ldif`:
 * what a directory needs (RFC 2849).
 */
export type ZoneFormat = 'bind' | 'lines' | 'json' | 'ldif'

export interface GeneratedZone {
  readonly records: readonly ZoneRecordFacts[]
  /** In the format that was asked for, with the end of its last line. */
  readonly text: string
  /** What was left out and why, and what else is to be done: a sentence each. */
  readonly notes: readonly string[]
}
