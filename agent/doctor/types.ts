/** What is looked at, in the order in which it is told. */
export type Area =
  | 'configuration'
  | 'keys'
  | 'permissions'
  | 'store'
  | 'ends'
  | 'anchors'
  | 'disk'
  | 'clock'
  | 'dns'
  | 'smtp'
  | 'imap'
  | 'ehr'

/**
 * One thing that was looked at. `ok`: it is as it should be; `note`: worth knowing; `warning`: it will hurt; `error`: it
 * hurts; `unreachable`: whoever would have to tell does not answer.
 */
export interface Finding {
  readonly area: Area
  readonly level: 'ok' | 'note' | 'warning' | 'error' | 'unreachable'
  readonly code: string
  /** A file, a server, an address or a domain of ours; null: this installation. */
  readonly about: string | null
  /** One sentence for a person. */
  readonly text: string
  /** What to do; null where there is nothing to do. */
  readonly do: string | null
}

export interface DoctorOptions {
  /** The folder that `run` delivers into. */
  readonly deliverTo?: string
  readonly signal?: AbortSignal
}
