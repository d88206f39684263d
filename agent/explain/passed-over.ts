import {
  Certificate,
  namesFor,
  parseCertificate,
  validatePath,
  verifyCertificate,
} from '../../trust-anchors/index.ts'
import type { TrustState } from '../trust/entries.ts'
import { directionsOf } from '../trust/in-force.ts'
import type { Applicable } from './question.ts'
import { directionOf, type Recorded } from './record.ts'

/** Anchors that do not count for a name of ours, and why each of them does not. */
interface PassedOver {
  readonly anchors: readonly Certificate[]
  readonly because: (anchor: Certificate) => string
}

/**
 * Whoever is believed by nobody may be so only because an anchor that fits counts for others, or was removed by hand:
 * one sentence for each such anchor.
 */
export function passedOverFor(
  recorded: Recorded,
  applicable: readonly Applicable[],
  state: TrustState,
): readonly string[] {
  const { purpose, address, leaf, context, attempts, verification } = recorded
  if (verification.ok || !verification.failures.some(({ code }) => WANTING_ANCHOR.has(code))) return []
  const direction = directionOf(recorded)
  const met = attempts.flatMap(({ path, issuer }) => (issuer === null ? path : [...path, issuer]))
  const candidates = [...context.candidates, ...met]
  const { at, sha1, subjectEmail, policies } = context
  return sentences(
    applicable.filter((one) => one.direction === direction),
    state,
    (anchors) => {
      const asked = { candidates, anchors, at, sha1, subjectEmail, ...(policies && { policies }) }
      const verdict = verifyCertificate(purpose, address, leaf, asked)
      return verdict.ok ? verdict.path.anchor : null
    },
  )
}

/** The same for a CA that leads to no anchor. */
export function passedOverForCa(
  {
    ca,
    candidates,
    at,
  }: { readonly ca: Certificate; readonly candidates: readonly Certificate[]; readonly at: Date },
  applicable: Applicable,
  state: TrustState,
): readonly string[] {
  return sentences([applicable], state, (anchors) => {
    const result = validatePath({ leaf: ca, candidates, anchors, at })
    return result.ok ? (result.certificates.at(-1) ?? null) : null
  })
}

const WANTING_ANCHOR: ReadonlySet<string> = new Set(['UNKNOWN_ISSUER', 'NO_ANCHORS'])

function sentences(
  applicable: readonly Applicable[],
  state: TrustState,
  fitting: (anchors: readonly Certificate[]) => Certificate | null,
): readonly string[] {
  const said = applicable
    .flatMap((one) => passedOver(one, state))
    .flatMap(({ anchors, because }) => {
      const anchor = anchors.length === 0 ? null : fitting(anchors)
      return anchor === null ? [] : [because(anchor)]
    })
  return [...new Set(said)]
}

function passedOver({ direction, for: name }: Applicable, state: TrustState): readonly PassedOver[] {
  const names = namesFor(name)
  const own = state.anchors.deciding(direction, name)?.for
  const wider = own === undefined ? [] : names.slice(names.indexOf(own) + 1)
  const removed = state.removed.filter((one) => one.for === null || names.includes(one.for))
  return [
    ...removed.map(({ der, actor, at }) => ({
      anchors: [parseCertificate(der)].filter((one) => one instanceof Certificate),
      because: (anchor: Certificate) =>
        `${anchorText(anchor)} fits, and was removed by ${actor} on ${at.toISOString().slice(0, 10)}`,
    })),
    ...wider.map((one) => ({
      anchors: state.entries
        .filter(
          (entry) => entry.for === one && directionsOf(entry).includes(direction) && entry.removal === null,
        )
        .map(({ certificate }) => certificate),
      because: (anchor: Certificate) =>
        `${one} has ${anchorText(anchor)}, which fits, but ${own} has anchors of its own for ${direction} mail`,
    })),
  ]
}

function anchorText({ subjectText, sha256 }: Certificate): string {
  return `${subjectText} (${sha256.slice(0, 16)}…)`
}
