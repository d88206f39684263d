import { type Certificate, namesFor } from '../../trust-anchors/index.ts'
import { fingerprintOf, nameOf, oneOf, requireActor } from './arguments.ts'
import { forsaken, narrowing, notAsked, unreached, widening } from './changes.ts'
import { readAnchorFile } from './configured.ts'
import type { AnchorEntry, TrustState } from './entries.ts'
import { directionsOf, entriesFor, exceptions } from './in-force.ts'
import { requireOurs } from './ours.ts'
import { anchorKey } from './same-anchor.ts'
import type { AdministrationTools } from './tools.ts'
import type { TrustAdministration, TrustChange, TrustedAnchor } from './types.ts'

/** Anchors, listed and changed by hand (TR-1). */
export function anchorsByHand(tools: AdministrationTools): Omit<TrustAdministration, 'bundles'> {
  const { settings, trust, store, now, at, ourNames } = tools
  /** What is there for a name can always be seen and ended, though the configuration knows it no more. */
  const requireKnown = async (name: string, { scopes }: TrustState) => {
    if (!scopes.some((scope) => scope.for === name)) requireOurs(name, settings, await ourNames())
  }
  return {
    async list(options = {}) {
      const name = options.for === undefined ? null : nameOf(options.for)
      const state = await trust.state()
      if (name !== null) await requireKnown(name, state)
      const entries = name === null ? state.entries : entriesFor(name, state)
      return entries.map((entry) => describedFor(name, entry, describeAnchor(entry, state, at()), state))
    },

    async add(path, { for: given, direction, actor, narrow }) {
      const scope = { for: nameOf(given), direction }
      requireActor(actor)
      requireOurs(scope.for, settings, await ourNames())
      const { certificates, notes } = await readAnchorFile(path)
      const narrowed = narrowing({ ...scope, actor, narrow }, await trust.state())
      const records = (await store()).trust
      const changed = new Set<string>()
      for (const { der, sha256 } of certificates)
        if (await records.addAnchor({ ...scope, der, sha256, actor, at: now() })) changed.add(sha256)
      const state = await trust.state()
      const anchors = certificates.map((certificate): TrustChange['anchors'][number] => {
        const entry: AnchorEntry = { ...scope, certificate, origin: 'added', from: actor, removal: null }
        const change = changed.has(certificate.sha256) ? 'added' : 'none'
        return { ...describeAnchor(entry, state, at()), change }
      })
      const ofLeaves = certificates
        .filter(({ isCa }) => !isCa)
        .map(
          (one) =>
            `${notAsked(one)}; "direct cert pin" would also say for which partner, why, and until when`,
        )
      return {
        anchors,
        notes: [
          ...notes,
          ...oddities(certificates, at()),
          ...ofLeaves,
          ...narrowed,
          ...unreached(scope, state),
        ],
      }
    },

    async remove(anchor, { for: given, actor }) {
      const name = given === undefined ? null : nameOf(given)
      requireActor(actor)
      const before = await trust.state()
      if (name !== null) await requireKnown(name, before)
      const wanted = new Set(await fingerprintsOf(anchor, before))
      const everywhere = before.entries.filter(({ certificate }) => wanted.has(certificate.sha256))
      const covers = (entry: AnchorEntry) => name === null || namesFor(name).includes(entry.for)
      const found = everywhere.filter(covers)
      const stillInForce = everywhere.filter((entry) => !covers(entry) && entry.removal === null)
      const records = (await store()).trust
      for (const { der, sha256 } of new Set(found.map(({ certificate }) => certificate)))
        await records.removeAnchor({ sha256, der, for: name, actor, at: now() })
      const isMeant = (entry: AnchorEntry) => name === null || entry.for === name
      const removed = { actor, at: now() }
      const anchors = found.map((entry): TrustChange['anchors'][number] => {
        const described = describeAnchor(entry, before, at())
        return isMeant(entry) && entry.removal === null
          ? { ...described, state: 'removed', removed, change: 'removed' }
          : { ...described, change: 'none' }
      })
      const elsewhere = found.some(isMeant) ? [] : found
      const notes = [
        ...elsewhere.map(
          (one) => `${one.certificate.sha256}, an anchor for ${one.for}, does not count for ${name} now`,
        ),
        ...stillInForce.map(
          (one) =>
            `${one.certificate.sha256} is an anchor for ${one.for} and still counts there; without --for it is removed everywhere`,
        ),
      ]
      const after = await trust.state()
      const told = [
        ...widening(found.filter(isMeant), before, after),
        ...forsaken(
          found.map(({ for: scope, direction }) => ({ for: name ?? scope, direction })),
          before,
          after,
        ),
      ]
      return { anchors, notes: [...new Set([...notes, ...told])] }
    },
  }
}

/** What was removed for this name, or for the domain that it is of, does not count for it, whatever entry it is of. */
function describedFor(
  name: string | null,
  entry: AnchorEntry,
  described: TrustedAnchor,
  { anchors, removals }: TrustState,
): TrustedAnchor {
  const { certificate, removal } = entry
  if (name === null || removal !== null) return described
  const counts = directionsOf(entry).some((direction) => {
    const deciding = anchors.deciding(direction, name)
    return (
      deciding?.for === entry.for && deciding.certificates.some(({ sha256 }) => sha256 === certificate.sha256)
    )
  })
  const names = namesFor(name)
  const narrower = names.slice(0, names.indexOf(entry.for))
  const by = removals
    .get(anchorKey(certificate))
    ?.find((one) => one.for !== null && narrower.includes(one.for))
  return counts || by === undefined
    ? described
    : { ...described, state: 'removed', removed: { actor: by.actor, at: by.at }, exceptFor: [] }
}

function describeAnchor(entry: AnchorEntry, state: TrustState, at: Date): TrustedAnchor {
  const { certificate, removal, origin, from, for: name, direction } = entry
  const { sha256, subjectText, notAfter } = certificate
  return {
    for: name,
    direction,
    sha256,
    subject: subjectText,
    notAfter,
    origin,
    from,
    state: stateOf(entry, at),
    removed: removal && { actor: removal.actor, at: removal.at },
    exceptFor: exceptions({ for: name, direction, certificate }, state),
  }
}

function stateOf({ certificate, removal }: AnchorEntry, at: Date): TrustedAnchor['state'] {
  if (removal !== null) return 'removed'
  if (certificate.isWithinValidity(at)) return 'in-force'
  return at < certificate.notBefore ? 'not-yet-valid' : 'expired'
}

function oddities(certificates: readonly Certificate[], at: Date): readonly string[] {
  return certificates
    .filter((certificate) => !certificate.isWithinValidity(at))
    .map(
      ({ sha256, notBefore, notAfter }) =>
        `${sha256} is valid from ${notBefore.toISOString()} to ${notAfter.toISOString()} and does not count now`,
    )
}

async function fingerprintsOf(anchor: string, { entries }: TrustState): Promise<readonly string[]> {
  const fingerprint = fingerprintOf(anchor)
  if (fingerprint !== null) {
    const known = oneOf(
      entries.map(({ certificate }) => certificate.sha256),
      fingerprint,
    )
    return known === null ? [] : [known]
  }
  return (await readAnchorFile(anchor)).certificates.map(({ sha256 }) => sha256)
}
