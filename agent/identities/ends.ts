import { bindingOf, type CertificatePolicy } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { OwnCertificate } from './certificates.ts'
import { subjectsOf } from './subjects.ts'
import type { Use } from './types.ts'
import { useFailure } from './usable.ts'

/** Days before an end at which it is told; the daemon tells each once. */
const STAGES = [60, 30, 14, 7, 1] as const

const DAY_MS = 86_400_000

/** Something of ours ends within 60 days, and nothing is there to take its place. */
export interface End {
  readonly kind: 'own' | 'pinned'
  /** Whose: a domain or an address of ours; a partner's address. */
  readonly name: string
  readonly sha256: string
  readonly use: readonly Use[]
  readonly at: Date
  readonly daysLeft: number
  /** The smallest of `STAGES` that it has come to. */
  readonly stage: number
}

/** Whole days from `now` to an end; below 0: since then. */
export function daysUntil(end: Date, now: Date): number {
  return Math.floor((end.getTime() - now.getTime()) / DAY_MS)
}

/** When the last of each name's certificates ends, that begin before the one before them ends. */
export function ownEnds(
  all: readonly OwnCertificate[],
  policy: CertificatePolicy,
  now: Date,
): readonly End[] {
  const subjects = all.flatMap(({ name, certificate }) => subjectsOf(name, certificate))
  const names = new Map(subjects.map(({ name, address }) => [name, address]))
  const ends = [...names].flatMap(([name, subject]) =>
    (['sign', 'encrypt'] as const).flatMap((use) => {
      const last = lastFor(use, subject, all, policy, now)
      return last === null ? [] : endOf('own', name, last.certificate, use, last.certificate.notAfter, now)
    }),
  )
  // One end is told once: of the domain rather than of its addresses, and with both uses.
  const each = Map.groupBy(ends, ({ sha256 }) => sha256)
  return [...each.values()].map((same) => {
    const first = same.find(({ name }) => !name.includes('@')) ?? (same[0] as End)
    return { ...first, use: [...new Set(same.flatMap(({ use }) => use))] }
  })
}

/** Pins that are in force and end. */
export function pinEnds(
  pins: readonly { readonly address: string; readonly sha256: string; readonly until: Date }[],
  now: Date,
): readonly End[] {
  return pins
    .filter(({ until }) => now < until)
    .flatMap(({ address, sha256, until }) => endOf('pinned', address, { sha256 }, null, until, now))
}

/** Null: none can be used now, which is told otherwise. */
function lastFor(
  use: Use,
  subject: Address,
  all: readonly OwnCertificate[],
  policy: CertificatePolicy,
  now: Date,
): OwnCertificate | null {
  const usable = all
    .filter(
      ({ name, certificate }) =>
        [subject.key, subject.domain].includes(name) &&
        bindingOf(certificate, subject, { subjectEmail: false }) !== null,
    )
    .filter((own) => useFailure(use, own, policy, later(own.certificate.notBefore, now)) === null)
    .toSorted((a, b) => a.certificate.notBefore.getTime() - b.certificate.notBefore.getTime())
  let last: OwnCertificate | null = null
  for (const own of usable) {
    const { notBefore, notAfter } = own.certificate
    if (notBefore > (last?.certificate.notAfter ?? now)) break
    if (last === null || notAfter > last.certificate.notAfter) last = own
  }
  return last
}

function endOf(
  kind: End['kind'],
  name: string,
  { sha256 }: { readonly sha256: string },
  use: Use | null,
  at: Date,
  now: Date,
): readonly End[] {
  const left = (at.getTime() - now.getTime()) / DAY_MS
  const stage = STAGES.findLast((days) => left <= days)
  if (stage === undefined) return []
  return [{ kind, name, sha256, use: use === null ? [] : [use], at, daysLeft: daysUntil(at, now), stage }]
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b
}
