import type { Reason } from '../errors.ts'

/** Why a recipient waits: what is not known, and when it is asked again. */
export function waitingFor(
  why: readonly Reason[],
  { nextAt, until }: { readonly nextAt: Date; readonly until: Date },
): readonly Reason[] {
  const again = `asked again at ${time(nextAt)}, until ${time(until)}`
  return [...why, { code: 'ASKED_AGAIN', text: again }]
}

/** Why nobody waits any longer: what was asked, how often, since when, and what failed last. */
export function gaveUp(
  address: string,
  why: readonly Reason[],
  { since, asked }: { readonly since: Date; readonly asked: number },
): readonly Reason[] {
  const last = why.map(({ text }) => text).join('; ')
  const text = `nothing was sent to ${address}: how it can be reached was asked ${asked} times since ${time(since)}, at last: ${last}`
  return [{ code: 'LOOKUP_FAILED', text }]
}

function time(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}
