import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fields } from '../../cli/batch.ts'
import { rowOf } from '../../cli/chain/row.ts'
import { type ChainVerdict, verdictOf } from '../../cli/chain/verdict.ts'
import { corpora } from '../corpora.ts'

/** A chain of an outside suite in the shape of `chain verify`, with what the suite expects. */
export interface Row extends Fields {
  readonly id: string
  readonly expect: 'accept' | 'reject'
  readonly description: string
  /** PEM. */
  readonly leaf: string
  readonly untrusted: readonly string[]
  readonly crls: readonly string[]
  /** PKITS: the signed mail of the same case, relative to the corpora. */
  readonly smime_file?: string
}

export interface Outcome {
  readonly row: Row
  readonly verdict: ChainVerdict
}

/** NIST PKITS 1.0.1: every row counts. */
export const PKITS_ROWS = 247
/** x509-limbo: the ids that are about paths and mail, not about the web's own rules. */
export const LIMBO_ROWS = 137
const LIMBO = /^limbo::(rfc5280|pathlen|crl|cve|pathological)::/

export const pkits = (): readonly Row[] => rows('pkits.jsonl')
export const limbo = (): readonly Row[] => rows('limbo.jsonl').filter(({ id }) => LIMBO.test(id))
/** Rules of browsers (`webpki::`) and of sites as they were once (`online::`): reported, not judged. */
export const web = (): readonly Row[] => rows('limbo.jsonl').filter(({ id }) => !LIMBO.test(id))

/** Every time of these rows is written in them. */
export function judge(row: Row): Outcome {
  return { row, verdict: verdictOf(rowOf(row, new Date(0))) }
}

export const isFalseAccept = ({ row, verdict }: Outcome): boolean =>
  row.expect === 'reject' && verdict.verdict === 'accept'
export const isFalseReject = ({ row, verdict }: Outcome): boolean =>
  row.expect === 'accept' && verdict.verdict === 'reject'
export const diverges = (outcome: Outcome): boolean => isFalseAccept(outcome) || isFalseReject(outcome)

/** Empty without the outside test data. */
function rows(file: string): readonly Row[] {
  const folder = corpora('pathval')
  if (folder === null) return []
  return readFileSync(join(folder, file), 'utf8')
    .trim()
    .split('\n')
    .map((line): Row => JSON.parse(line))
}
