import type { AddedBundle, BundleId, RemovedAnchor, TrustSnapshot } from '../../store/index.ts'
import { type AnchorSet, AnchorSets, Certificate, parseCertificate } from '../../trust-anchors/index.ts'
import { shownWithoutQuery } from '../fetch/shown.ts'
import { type BundleSource, isSameBundle } from './bundle-source.ts'
import type { ConfiguredTrust } from './configured.ts'
import { anchorKey, byAnchor } from './same-anchor.ts'
import type { TrustedAnchor, TrustScope } from './types.ts'

/** One anchor of one origin, and who took it out, if somebody did. */
export interface AnchorEntry extends TrustScope {
  readonly certificate: Certificate
  readonly origin: TrustedAnchor['origin']
  readonly from: string
  readonly removal: RemovedAnchor | null
}

/** A bundle for one name. */
export interface BundleEntry extends TrustScope {
  readonly source: BundleSource
  readonly origin: 'configuration' | 'added'
}

/** Everything that decides about trust, put together. */
export interface TrustState {
  readonly entries: readonly AnchorEntry[]
  readonly bundles: readonly BundleEntry[]
  /** Each once, whoever asks for it. */
  readonly sources: readonly BundleSource[]
  /** Those whose content was never had. */
  readonly missing: readonly BundleSource[]
  readonly anchors: AnchorSets
  /** Whoever has entries of their own, also where these hold no anchor any more. */
  readonly scopes: readonly TrustScope[]
  readonly removed: TrustSnapshot['removed']
  /** The same, by `anchorKey`. */
  readonly removals: ReturnType<typeof byAnchor>
  readonly pins: TrustSnapshot['pins']
}

/**
 * Files of the configuration, bundles and what was added by hand, less what was removed by hand. An anchor added by hand
 * is in force although files and bundles may not have it: the store forgets it when it is removed.
 */
export function putTogether(configured: ConfiguredTrust, stored: TrustSnapshot | null): TrustState {
  const removed = stored?.removed ?? []
  const removals = byAnchor(removed)
  const removalOf = (certificate: Certificate, name: string) =>
    removals.get(anchorKey(certificate))?.find((one) => one.for === null || one.for === name) ?? null
  const bundles = bundleEntries(configured, stored?.addedBundles ?? [])
  const contentOf = (bundle: BundleId) =>
    stored?.contents.find((one) => isSameBundle(one, bundle))?.certificates ?? null
  const parsed = new Map<BundleSource, readonly Certificate[] | null>()
  for (const { source } of bundles) if (!parsed.has(source)) parsed.set(source, readable(contentOf(source)))

  const fromFiles = configured.sets.flatMap(({ anchors, ...set }) =>
    anchors.map(
      ({ file, certificate }): AnchorEntry => ({
        ...scopeOf(set),
        certificate,
        origin: 'file',
        from: file,
        removal: removalOf(certificate, set.for),
      }),
    ),
  )
  const fromBundles = bundles.flatMap((bundle) =>
    (parsed.get(bundle.source) ?? []).map(
      (certificate): AnchorEntry => ({
        ...scopeOf(bundle),
        certificate,
        origin: 'bundle',
        from: bundle.source.url,
        removal: removalOf(certificate, bundle.for),
      }),
    ),
  )
  const byHand = (stored?.added ?? []).flatMap((added) =>
    (readable([added.der]) ?? []).map(
      (certificate): AnchorEntry => ({
        ...scopeOf(added),
        certificate,
        origin: 'added',
        from: added.actor,
        removal: laterRemoval(removalOf(certificate, added.for), added.at),
      }),
    ),
  )
  const entries = [...fromFiles, ...fromBundles, ...byHand]
  const missing = [...parsed].filter(([, content]) => content === null).map(([source]) => source)
  const sets = [
    ...emptySets(configured),
    ...awaited(bundles, missing, stored?.failing ?? []),
    ...inForce(entries),
  ]
  return {
    entries,
    bundles,
    sources: [...parsed.keys()],
    missing,
    anchors: new AnchorSets(
      sets,
      entries.flatMap(({ certificate }) => outFor(certificate, removals, stored?.added ?? [])),
    ),
    scopes: sets.map(scopeOf),
    removed,
    removals,
    pins: stored?.pins ?? [],
  }
}

/** For which names an anchor is out, unless it was added for that very name since. */
function outFor(
  certificate: Certificate,
  removals: ReturnType<typeof byAnchor>,
  added: TrustSnapshot['added'],
): readonly { readonly for: string; readonly sha256: string }[] {
  const { sha256 } = certificate
  return (removals.get(anchorKey(certificate)) ?? []).flatMap(({ for: name }) =>
    name === null || added.some((one) => one.sha256 === sha256 && one.for === name)
      ? []
      : [{ for: name, sha256 }],
  )
}

/** Of the same anchor under another certificate: what was added since was meant to be there all the same. */
function laterRemoval(removal: RemovedAnchor | null, addedAt: Date): RemovedAnchor | null {
  return removal !== null && removal.at > addedAt ? removal : null
}

/** An entry of the configuration speaks for its name even when it has no anchor left: it narrows (AnchorSets). */
function emptySets({ sets }: ConfiguredTrust): readonly AnchorSet[] {
  return sets.map((set) => ({ ...scopeOf(set), certificates: [] }))
}

function awaited(
  bundles: readonly BundleEntry[],
  missing: readonly BundleSource[],
  failing: TrustSnapshot['failing'],
): readonly AnchorSet[] {
  return bundles.map((bundle) => ({
    ...scopeOf(bundle),
    certificates: [],
    ...(missing.includes(bundle.source) && {
      missing: neverHadText(
        bundle.source,
        failing.find((one) => isSameBundle(one, bundle.source)),
      ),
    }),
  }))
}

/** One sentence; without a failure nobody has tried yet. */
export function neverHadText(
  { url }: BundleId,
  failure?: { readonly since: Date; readonly text: string },
): string {
  const bundle = `the trust bundle ${shownWithoutQuery(url)}`
  if (failure === undefined) return `${bundle} was never fetched`
  return `${bundle} was never had, tried since ${failure.since.toISOString()}: ${failure.text}`
}

function inForce(entries: readonly AnchorEntry[]): readonly AnchorSet[] {
  const groups = Map.groupBy(entries, ({ for: name, direction }) => `${direction} ${name}`)
  return [...groups.values()].map((group) => ({
    ...scopeOf(group[0] as AnchorEntry),
    certificates: group.filter((entry) => entry.removal === null).map(({ certificate }) => certificate),
  }))
}

function bundleEntries({ sets }: ConfiguredTrust, added: readonly AddedBundle[]): readonly BundleEntry[] {
  const asked = [
    ...sets.flatMap((set) =>
      set.bundles.map((bundle) => ({ ...bundle, ...scopeOf(set), origin: 'configuration' as const })),
    ),
    ...added.flatMap((bundle) => {
      const signedBy = bundle.signedBy === null ? null : parseCertificate(bundle.signedBy)
      // Without its signer it would be a bundle that anyone may write.
      if (signedBy !== null && !(signedBy instanceof Certificate)) return []
      return [{ ...bundle, signedBy, origin: 'added' as const }]
    }),
  ]
  const key = ({ url, signedBy }: (typeof asked)[number]) => `${signedBy?.sha256 ?? ''} ${url}`
  const sources = new Map<string, BundleSource>()
  for (const one of asked) {
    const known = sources.get(key(one))
    sources.set(key(one), {
      url: one.url,
      signer: one.signedBy?.sha256 ?? null,
      signedBy: one.signedBy,
      refreshHours: Math.min(one.refreshHours, known?.refreshHours ?? one.refreshHours),
      scopes: [...(known?.scopes ?? []), scopeOf(one)],
    })
  }
  return asked.map((one) => ({
    ...scopeOf(one),
    source: sources.get(key(one)) as BundleSource,
    origin: one.origin,
  }))
}

function scopeOf({ for: name, direction }: TrustScope): TrustScope {
  return { for: name, direction }
}

function readable(ders: readonly Uint8Array[] | null): readonly Certificate[] | null {
  return ders?.map(parseCertificate).filter((one) => one instanceof Certificate) ?? null
}
