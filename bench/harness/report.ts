import type { Group } from './figures.ts'
import type { Machine } from './machine.ts'

/** A whole run, as `speed.json` has it. */
export interface Report {
  /** Of this format. */
  readonly version: 1
  /** When it began, RFC 3339. */
  readonly date: string
  readonly machine: Machine
  /** Load average over a minute, before and after. */
  readonly load: { readonly before: number; readonly after: number }
  readonly seconds: number
  /** Small sizes and few rounds: no figure means anything. */
  readonly quick: boolean
  readonly parts: readonly ReportedPart[]
}

export interface ReportedPart {
  readonly part: string
  readonly seconds: number
  readonly failed: boolean
  readonly groups: readonly Group[]
}
