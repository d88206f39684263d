import { DirectError } from '../errors.ts'
import { lazily } from '../neighbours/lazily.ts'
import type { Neighbours } from '../neighbours.ts'
import type { OnLostReceipt } from '../notify.ts'
import type { Health } from '../operations/types.ts'
import type { Unending } from '../outbox.ts'
import type { ServingCertificates } from '../publish.ts'
import type { Wired } from '../wiring.ts'

/** For all that one pass asks again about those who wait; the next pass goes on. */
const SEEKING_MS = 30_000

/**
 * What has to be done whether or not anybody asks for it: the daemon drives each step by itself, and whoever receives
 * without a daemon takes some of them beside. What a step needs is loaded when it is taken.
 */
export function stepsOf(neighbours: Neighbours, wired: Wired) {
  const { settings, now, at, log } = neighbours
  const { identities, ourNames, identityTools, notifyTools, outboxTools, seekTools, deadlineTools } = wired

  /** What the daemon does for an EHR that is told by HTTP. Null: none is configured. */
  const ehr = async () => {
    const webhook = await wired.webhook()
    if (webhook === null) return null
    const { giveUpMs, events } = webhook
    const { deliverWaiting } = await import('../deliver.ts')
    const tools = await wired.deliverTools(webhook, giveUpMs)
    const { EventTeller } = await import('../deliver/events.ts')
    const teller = events ? new EventTeller(await wired.eventTools(webhook, giveUpMs)) : null
    return {
      deliver: (signal: AbortSignal) => deliverWaiting(tools, signal),
      tellEvents: teller && ((signal: AbortSignal) => teller.look(signal)),
    }
  }

  /** Seals the MDNs that are owed. */
  const seal = async (signal?: AbortSignal, onLost?: OnLostReceipt): Promise<void> => {
    // Sealing them twice would lose nothing but time.
    if (!(await neighbours.stored.isOurs('receipts'))) return
    const { sealNotices } = await import('../notify.ts')
    await sealNotices(await notifyTools(), { signal, onLost })
  }
  const handOver = async (signal?: AbortSignal, unending?: Unending): Promise<void> => {
    const { deliverCopies } = await import('../outbox.ts')
    await deliverCopies(await outboxTools(), { signal, unending })
  }
  /** Asks again how those can be reached who wait; how many have a copy in the outbox now. */
  const seek = async (signal?: AbortSignal, patienceMs?: number): Promise<number> => {
    const { seekRoutes } = await import('../seek.ts')
    return seekRoutes(await seekTools(), { signal, patienceMs })
  }
  /** Whose system has not answered in time is `expired` (N-7), and failure notices are owed (N-8); how many, all told. */
  const expire = async (signal?: AbortSignal): Promise<number> => {
    const tools = await deadlineTools()
    if (settings.store !== undefined)
      await tools.passes.share(
        settings.mailboxes.map(({ name }) => name),
        tools.store.passes,
      )
    if (!(await neighbours.stored.isOurs('deadlines'))) return 0
    const { expireLate } = await import('./deadlines.ts')
    const expired = await expireLate(tools, signal)
    const { oweFailures } = await import('../notify.ts')
    return expired + (await oweFailures({ store: await neighbours.store(), settings, now }))
  }
  const refusedReceipts = async () => {
    const { watchReceipts } = await import('../notices/refused-receipts.ts')
    return watchReceipts(await neighbours.store())
  }
  /** MDNs that are owed are sealed, what is due goes to SMTP, and who waits is asked about again. */
  const flush = async (signal?: AbortSignal, onLost?: OnLostReceipt): Promise<void> => {
    await expire(signal)
    // An MDN that cannot be sealed keeps no mail from leaving.
    const [sealed] = await Promise.allSettled([seal(signal, onLost)])
    const refused = onLost && (await refusedReceipts())
    try {
      await handOver(signal)
      if ((await seek(signal, SEEKING_MS)) > 0) await handOver(signal)
    } finally {
      if (refused) for await (const receipt of refused()) onLost?.(receipt)
    }
    if (sealed.status === 'rejected') throw sealed.reason
  }

  /** CRLs, OCSP responses and issuers in use, ahead of need (CERT-7). */
  const refreshFetched = async (signal?: AbortSignal): Promise<void> => {
    const fetch = await neighbours.discovery.fetch()
    if (fetch === null || !(await neighbours.stored.isOurs('refreshes'))) return
    const { refreshFetched } = await import('../fetch/refresh.ts')
    const { fetches } = await neighbours.store()
    await refreshFetched({ fetches, fetch, now, log }, signal)
  }
  /** Bundles whose interval has passed (TR-4). */
  const refreshBundles = async (signal?: AbortSignal): Promise<void> => {
    if (neighbours.offline || !(await neighbours.stored.isOurs('refreshes'))) return
    const { refreshBundles } = await import('../trust/bundles.ts')
    const [current, store] = [await neighbours.trust(), await neighbours.store()]
    await refreshBundles(await current.bundleTools(store.trust), { due: true }, signal)
  }
  const endWatch = lazily(async () => new (await import('../identities/end-watch.ts')).EndWatch(log))
  /** Renewals are taken up without mail that asks for them, and what comes to an end is told (CERT-2). */
  const watchOwn = async (): Promise<void> => {
    const { endsNow } = await import('../own-notices.ts')
    const { ends, requested } = await endsNow(await identityTools())
    await identities()
    ;(await endWatch()).look(ends, requested, at())
  }
  const daily = lazily(async () => {
    const { Daily } = await import('../upkeep/daily.ts')
    return new Daily({ store: () => neighbours.store(), settings, now, log })
  })
  const careForStore = async (signal?: AbortSignal): Promise<void> => {
    if (await neighbours.stored.isOurs('retention')) await (await daily()).look(signal)
  }
  /** What is done ahead of need, by the names that the log calls them. */
  const refreshes = {
    CRLs: refreshFetched,
    bundles: refreshBundles,
    certificates: watchOwn,
    store: careForStore,
  }

  const requireNetwork = (key: string): void => {
    if (!neighbours.offline) return
    throw new DirectError('NETWORK_FORBIDDEN', `${key} opens a socket, and the network is forbidden`, {
      hint: `Leave --no-network out, or ${key}.`,
    })
  }

  /** `publish.listen`: the daemon answers DNS for our names, with what it can read the mail to. Null: not asked for. */
  const servePublished = async (signal: AbortSignal): Promise<ServingCertificates | null> => {
    const { listen } = settings.publish
    if (listen === undefined) return null
    requireNetwork('publish.listen')
    const { servePublished } = await import('../publish.ts')
    const source = async (at: Date) => ({
      names: await ourNames(),
      certificates: (await identities()).published(at),
      notes: [],
    })
    return servePublished({ source, publish: settings.publish, listen, at, now, log }, signal)
  }

  const healthTools = { store: () => neighbours.store(), watch: neighbours.watch, now }
  const health = async (): Promise<Health> => (await import('../operations/health.ts')).health(healthTools)

  /** `operations.listen`: the daemon tells by HTTP how it does. Null: not asked for. */
  const serveOperations = async (): Promise<AsyncDisposable | null> => {
    const { listen } = settings.operations
    if (listen === undefined) return null
    requireNetwork('operations.listen')
    const { serveOperations } = await import('../operations/serve.ts')
    const { metrics } = await import('../operations/metrics.ts')
    const { lastEnds } = await import('../operations/last-ends.ts')
    const ends = async () => lastEnds(await identityTools())
    return serveOperations({ listen, health, metrics: () => metrics({ ...healthTools, ends }), log })
  }

  return {
    ehr,
    health,
    serveOperations,
    seal,
    handOver,
    seek,
    expire,
    flush,
    refreshFetched,
    refreshBundles,
    refreshes,
    servePublished,
  }
}
