import type { PublishedRecord } from '../published.ts'
import { recordLine } from './master.ts'

/** One record a line, for a provider's web form. */
export function linesText(records: readonly PublishedRecord[]): string {
  return records.map(({ record }) => `${recordLine(record)}\n`).join('')
}
