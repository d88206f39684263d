import { fingerprintOf, nameOf, requireActor } from './arguments.ts'
import { readAnchorFile } from './configured.ts'
import type { AnchorEntry } from './entries.ts'
import type { AdministrationTools } from './tools.ts'
import type { TrustAdministration, TrustChange, TrustedAnchor, TrustScope } from './types.ts'

/** Anchors, listed and changed by hand (TR-1). */
export function anchorsByHand(tools: AdministrationTools): Omit<TrustAdministration, 'bundles'> {
  const { trust, store, now, at } = tools
  const list = async (name?: string): Promise<readonly TrustedAnchor[]> => {
    const { entries } = await trust.state()
    return entries
      .filter((entry) => name === undefined || entry.for === name)
      .map((entry) => describeAnchor(entry, at()))
  }
  return {
    list: async (options = {}) => await list(options.for === undefined ? undefined : nameOf(options.for)),

    async add(path, { for: given, direction, actor }) {
      const scope = { for: nameOf(given), direction }
      requireActor(actor)
      const { certificates, notes } = await readAnchorFile(path)
      const records = (await store()).trust
      const before = await trust.state()
      const anchors: TrustChange['anchors'][number][] = []
      for (const certificate of certificates) {
        const { der, sha256 } = certificate
        const added = await records.addAnchor({ ...scope, der, sha256, actor, at: now() })
        const entry: AnchorEntry = { ...scope, certificate, origin: 'added', from: actor, isRemoved: false }
        anchors.push({ ...describeAnchor(entry, at()), change: added ? 'added' : 'none' })
      }
      return { anchors, notes: [...notes, ...oddities(anchors), ...narrowing(scope, before.entries)] }
    },

    async remove(anchor, { for: given, actor }) {
      const name = given === undefined ? null : nameOf(given)
      requireActor(actor)
      const wanted = new Set(await fingerprintsOf(anchor))
      const found = (await list()).filter(({ sha256 }) => wanted.has(sha256))
      const records = (await store()).trust
      for (const sha256 of new Set(found.map((one) => one.sha256)))
        await records.removeAnchor({ sha256, for: name, actor, at: now() })
      const anchors = found.map((one): TrustChange['anchors'][number] => ({
        ...one,
        ...((name === null || one.for === name) && one.state !== 'removed'
          ? { state: 'removed', change: 'removed' }
          : { change: 'none' }),
      }))
      const elsewhere = name !== null && found.every((one) => one.for !== name) ? found : []
      const notes = elsewhere.map(
        (one) => `${one.sha256}, an anchor for ${one.for}, does not count for ${name} now`,
      )
      return { anchors, notes: [...new Set(notes)] }
    },
  }
}

function describeAnchor(entry: AnchorEntry, at: Date): TrustedAnchor {
  const { certificate, isRemoved, origin, from, for: name, direction } = entry
  const { sha256, subjectText, notBefore, notAfter } = certificate
  const state = isRemoved
    ? 'removed'
    : certificate.isWithinValidity(at)
      ? 'in-force'
      : at < notBefore
        ? 'not-yet-valid'
        : 'expired'
  return { for: name, direction, sha256, subject: subjectText, notAfter, origin, from, state }
}

function oddities(anchors: readonly TrustedAnchor[]): readonly string[] {
  return anchors
    .filter(({ state }) => state !== 'in-force')
    .map(
      ({ sha256, state, notAfter }) =>
        `${sha256} is ${state} (it ends at ${notAfter.toISOString()}) and does not count`,
    )
}

/** The most specific entry decides alone: a first anchor for one name ends what it had by a wider one. */
function narrowing({ for: name }: TrustScope, before: readonly AnchorEntry[]): readonly string[] {
  if (name === '*' || before.some((entry) => entry.for === name)) return []
  return [`${name} now has anchors of its own: those of wider entries (its domain, *) no longer count for it`]
}

async function fingerprintsOf(anchor: string): Promise<readonly string[]> {
  const fingerprint = fingerprintOf(anchor)
  if (fingerprint !== null) return [fingerprint]
  return (await readAnchorFile(anchor)).certificates.map(({ sha256 }) => sha256)
}
