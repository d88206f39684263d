import { DirectError } from '../errors.ts'
import { bundleUrlOf, hoursOf, nameOf, requireActor, urlOf } from './arguments.ts'
import { isSameBundle } from './bundle-source.ts'
import { diffBundles, fetchFirst, refreshBundles } from './bundles.ts'
import { narrowing, unreached, widening } from './changes.ts'
import { readSigner } from './configured.ts'
import { requireOurs } from './ours.ts'
import type { AdministrationTools } from './tools.ts'
import type { TrustAdministration, TrustBundle } from './types.ts'

/** Trust bundles, listed, asked for and fetched by hand (TR-4). */
export function bundlesByHand({
  settings,
  trust,
  store,
  now,
  ourNames,
}: AdministrationTools): TrustAdministration['bundles'] {
  return {
    async list() {
      const { bundles } = await trust.state()
      const known = await (await store()).trust.bundles()
      return bundles.map(({ source, origin, for: name, direction }): TrustBundle => {
        const record = known.find((one) => isSameBundle(one, source))
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

    async add(given, { for: name, direction, actor, narrow, signedBy, refreshHours, signal }) {
      const { allowPrivate } = settings.network
      const url = bundleUrlOf(given, { isSigned: signedBy !== undefined, allowPrivate })
      const scope = { for: nameOf(name), direction }
      requireActor(actor)
      requireOurs(scope.for, settings, await ourNames())
      const hours = hoursOf(refreshHours)
      const narrowed = narrowing({ ...scope, actor, narrow }, await trust.state())
      const signer = signedBy === undefined ? null : await readSigner(signedBy)
      const records = (await store()).trust
      const tools = await trust.bundleTools(records)
      const id = { url, signer: signer?.sha256 ?? null }
      const known = tools.sources.find((one) => isSameBundle(one, id))
      const scopes = [...(known?.scopes ?? []), scope]
      const source = { ...id, signedBy: signer, refreshHours: hours, scopes }
      const register = () =>
        records.addBundle({
          ...scope,
          url,
          signedBy: signer?.der ?? null,
          refreshHours: hours,
          actor,
          at: now(),
        })
      const report = await fetchFirst(source, tools, { actor, register }, signal)
      if (report.why !== null) return report
      const notes = [...report.notes, ...narrowed, ...unreached(scope, await trust.state())]
      return { ...report, notes }
    },

    async remove(given, { for: name, actor }) {
      requireActor(actor)
      const url = urlOf(given)
      const before = await trust.state()
      const isConfigured = before.bundles.some(
        ({ source, origin }) => source.url === url && origin === 'configuration',
      )
      const by = { actor, at: now(), forget: !isConfigured }
      const one = name === undefined ? null : nameOf(name)
      const removed = await (await store()).trust.removeBundle(url, one, by)
      if (removed === 0 && isConfigured)
        throw new DirectError('USAGE', `the bundle ${url} is in the configuration`, {
          hint: 'Take it out of trust there; "direct trust remove" ends single anchors of it.',
        })
      const ended = before.bundles.filter(
        (bundle) => bundle.source.url === url && (one === null || bundle.for === one),
      )
      return { removed, notes: widening(ended, before, await trust.state()) }
    },

    async refresh({ url, due = false, actor, signal } = {}) {
      const bundles = await trust.bundleTools((await store()).trust)
      return await refreshBundles(bundles, { ...known(url, bundles), due, actor: actor ?? null }, signal)
    },

    async diff({ url, signal } = {}) {
      const bundles = await trust.bundleTools((await store()).trust)
      return await diffBundles(bundles, known(url, bundles).url, signal)
    },
  }
}

/** The URL as it is asked for, if there is one. */
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
