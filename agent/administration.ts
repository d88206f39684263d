import type { Store } from '../store/index.ts'
import { diffBundles, refreshBundles } from './bundles.ts'
import { domainOrAddressOf, Wrong, webUrlOf } from './config/values.ts'
import { DirectError } from './errors.ts'
import { ownAddress } from './identities.ts'
import { readAnchorFile, readSigner } from './trust/configured.ts'
import type { CurrentTrust } from './trust/current.ts'
import type { AnchorEntry } from './trust/entries.ts'
import { checkPin, type PinTools } from './trust/pin-request.ts'
import type {
  BundleReport,
  Pin,
  PinAdministration,
  TrustAdministration,
  TrustBundle,
  TrustChange,
  TrustedAnchor,
  TrustScope,
} from './trust/types.ts'

/** What changing trust by hand asks of its neighbours. */
export interface AdministrationTools extends PinTools {
  readonly trust: CurrentTrust
  /** Made where there is none: what is decided has to last. */
  readonly store: () => Promise<Store>
  readonly now: () => Date
}

const DEFAULT_REFRESH_HOURS = 24

/** Anchors and bundles by hand (TR-1, TR-4). */
export function trustAdministration(tools: AdministrationTools): TrustAdministration {
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
      return { anchors, notes: [] }
    },

    bundles: {
      async list() {
        const { bundles } = await trust.state()
        const known = await (await store()).trust.bundles()
        return bundles.map(({ source, origin, for: name, direction }): TrustBundle => {
          const record = known.find((one) => one.url === source.url && one.signer === source.signer)
          return {
            url: source.url,
            for: name,
            direction,
            origin,
            signedBy: source.signer,
            refreshHours: source.refreshHours,
            anchors: record?.certificates ?? 0,
            fetchedAt: record?.fetchedAt ?? null,
            checkedAt: record?.checkedAt ?? null,
            failure: record?.failure ?? null,
          }
        })
      },

      async add(given, { for: name, direction, actor, signedBy, refreshHours, signal }) {
        const url = urlOf(given)
        const scope = { for: nameOf(name), direction }
        requireActor(actor)
        const signer = signedBy === undefined ? null : await readSigner(signedBy)
        const records = (await store()).trust
        await records.addBundle({
          ...scope,
          url,
          signedBy: signer?.der ?? null,
          refreshHours: hoursOf(refreshHours),
          actor,
          at: now(),
        })
        const bundles = await trust.bundleTools(records)
        const sources = bundles.sources.filter(
          (one) => one.url === url && one.signer === (signer?.sha256 ?? null),
        )
        const [report] = await refreshBundles({ ...bundles, sources }, { actor }, signal)
        return report as BundleReport
      },

      async remove(given, { for: name, actor }) {
        requireActor(actor)
        const url = urlOf(given)
        const { bundles } = await trust.state()
        const isConfigured = bundles.some(
          ({ source, origin }) => source.url === url && origin === 'configuration',
        )
        const by = { actor, at: now(), forget: !isConfigured }
        const removed = await (await store()).trust.removeBundle(
          url,
          name === undefined ? null : nameOf(name),
          by,
        )
        if (removed === 0 && isConfigured)
          throw new DirectError('USAGE', `the bundle ${url} is in the configuration`, {
            hint: 'Take it out of trust there; "direct trust remove" ends single anchors of it.',
          })
        return removed
      },

      async refresh({ url, actor, signal } = {}) {
        const bundles = await trust.bundleTools((await store()).trust)
        return await refreshBundles(bundles, { ...known(url, bundles), actor: actor ?? null }, signal)
      },

      async diff({ url, signal } = {}) {
        const bundles = await trust.bundleTools((await store()).trust)
        return await diffBundles(bundles, known(url, bundles).url, signal)
      },
    },
  }
}

/** Certificates pinned to partners (TR-5). */
export function pinAdministration(tools: AdministrationTools): PinAdministration {
  const { trust, store, now, at } = tools
  return {
    async list() {
      const { pins } = await trust.state()
      return pins.map(
        ({ address, sha256, actor, why, until, at: madeAt }): Pin => ({
          address,
          sha256,
          actor,
          why,
          until,
          at: madeAt,
          state: at() < until ? 'in-force' : 'ended',
        }),
      )
    },

    async add(request) {
      const { address, certificate, until } = await checkPin(request, tools)
      const { der, sha256 } = certificate
      const pin = { address: address.key, sha256, actor: request.actor, why: request.why, until, at: now() }
      await (await store()).trust.pin({ ...pin, der })
      return { ...pin, state: 'in-force' }
    },

    async remove(given, { sha256, actor }) {
      requireActor(actor)
      const one = sha256 === undefined ? null : requireFingerprint(sha256)
      return await (await store()).trust.unpin(ownAddress(given).key, one, { actor, at: now() })
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
  const plain = anchor.replaceAll(':', '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(plain)) return [plain]
  return (await readAnchorFile(anchor)).certificates.map(({ sha256 }) => sha256)
}

function requireFingerprint(text: string): string {
  const plain = text.replaceAll(':', '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(plain)) return plain
  throw new DirectError('USAGE', `${JSON.stringify(text.slice(0, 80))} is not a SHA-256`, {
    hint: 'Give 64 hex digits, as the lists show them.',
  })
}

function requireActor(actor: string): void {
  if (actor.trim() !== '' && actor.length <= 200 && !/\p{Cc}/u.test(actor)) return
  throw new DirectError('USAGE', 'a change of trust must say who makes it', {
    hint: 'Give an id of yours as actor: it goes into the audit.',
  })
}

/** `*`, a domain in A-labels, or an address. */
function nameOf(text: string): string {
  const name = text === '*' ? text : domainOrAddressOf(text)
  if (!(name instanceof Wrong)) return name
  throw new DirectError('USAGE', `${JSON.stringify(text.slice(0, 100))} has no trust of its own`, {
    hint: `Trust is for *, or for one name; it ${name.expected}.`,
  })
}

function urlOf(text: string): string {
  const url = webUrlOf(text)
  if (!(url instanceof Wrong)) return url
  throw new DirectError('USAGE', 'that is no URL of a trust bundle', { hint: `It ${url.expected}.` })
}

function hoursOf(hours = DEFAULT_REFRESH_HOURS): number {
  if (hours >= 0.1 && hours <= 744) return hours
  throw new DirectError('USAGE', `${hours} hours is no interval to refresh a bundle by`, {
    hint: 'Give 0.1 to 744 hours.',
  })
}

function known(
  given: string | undefined,
  { sources }: { readonly sources: readonly { readonly url: string }[] },
): { readonly url?: string } {
  if (given === undefined) return {}
  const url = urlOf(given)
  if (sources.some((source) => source.url === url)) return { url }
  throw new DirectError('USAGE', `no bundle ${url} is asked for`, {
    hint: '"direct trust bundle list" shows those that are.',
  })
}
