import { rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { DirectError } from './errors.ts'
import { identityAdministration } from './identities/administration.ts'
import type { Mailbox } from './inbox.ts'
import { lazily } from './neighbours/lazily.ts'
import { Neighbours } from './neighbours.ts'
import type { AgentOptions } from './options.ts'
import type { ServingCertificates } from './publish.ts'
import type { ReceiveReport } from './receiving-types.ts'
import type { SealedMessage } from './seal.ts'
import type { Settings } from './settings.ts'
import { pinAdministration, trustAdministration } from './trust/administration.ts'
import type { Agent } from './types.ts'
import { Undetermined } from './undetermined.ts'
import { wire } from './wiring.ts'
import { zoneAdministration } from './zone/administration.ts'

const EVENT_POLL_MS = 1000
/** An MDN that failed less often than this is tried by every `receiveOnce`, whatever its pause. */
const HASTENED_TRIES = 5
/** For all that one pass asks again about those who wait; the next pass goes on. */
const SEEKING_MS = 30_000
/** What concerns one message of a mailbox or one folder of the EHR: a pass tells of it once it has come to its end. */
const ONE_MESSAGE: ReadonlySet<string> = new Set(['IMAP_REFUSED', 'FILE_UNWRITABLE'])

/** The public calls, each by its flow, over one set of neighbours. */
export function assemble(settings: Settings, options: AgentOptions): Agent {
  const neighbours = new Neighbours(settings, options)
  const { now, at, log } = neighbours

  const {
    identities,
    ourNames,
    passingTrust,
    classifyTools,
    asked,
    sendTools,
    seekTools,
    outboxTools,
    openTools,
    inboxTools,
    notifyTools,
    identityTools,
    administrationTools,
    zoneTools,
  } = wire(neighbours)

  const seal = async (signal?: AbortSignal): Promise<void> => {
    const { sealNotices } = await import('./notify.ts')
    await sealNotices(await notifyTools(), signal)
  }
  const handOver = async (signal?: AbortSignal, route?: 'direct'): Promise<void> => {
    const { deliverCopies } = await import('./outbox.ts')
    await deliverCopies(await outboxTools(), { signal, route })
  }
  /** Asks again how those can be reached who wait; how many have a copy in the outbox now. */
  const seek = async (signal?: AbortSignal, patienceMs?: number): Promise<number> => {
    const { seekRoutes } = await import('./seek.ts')
    return seekRoutes(await seekTools(), { signal, patienceMs })
  }
  /** MDNs that are owed are sealed, what is due goes to SMTP, and who waits is asked about again. */
  const flush = async (signal?: AbortSignal): Promise<void> => {
    // An MDN that cannot be sealed keeps no mail from leaving.
    const [sealed] = await Promise.allSettled([seal(signal)])
    await handOver(signal)
    if ((await seek(signal, SEEKING_MS)) > 0) await handOver(signal)
    if (sealed.status === 'rejected') throw sealed.reason
  }

  /** CRLs, OCSP responses and issuers in use, ahead of need (CERT-7). */
  const refreshFetched = async (signal?: AbortSignal): Promise<void> => {
    const fetch = await neighbours.discovery.fetch()
    if (fetch === null) return
    const { refreshFetched } = await import('./fetch/refresh.ts')
    const { fetches } = await neighbours.store()
    await refreshFetched({ fetches, fetch, now, log }, signal)
  }
  /** Bundles whose interval has passed (TR-4). */
  const refreshBundles = async (signal?: AbortSignal): Promise<void> => {
    if (neighbours.offline) return
    const { refreshBundles } = await import('./trust/bundles.ts')
    const [current, store] = [await neighbours.trust(), await neighbours.store()]
    await refreshBundles(await current.bundleTools(store.trust), { due: true }, signal)
  }
  const endWatch = lazily(async () => new (await import('./identities/end-watch.ts')).EndWatch(log))
  /** Renewals are taken up without mail that asks for them, and what comes to an end is told (CERT-2). */
  const watchOwn = async (): Promise<void> => {
    const { endsNow } = await import('./own-notices.ts')
    const { ends, requested } = await endsNow(await identityTools())
    await identities()
    ;(await endWatch()).look(ends, requested, at())
  }
  const refreshes = { CRLs: refreshFetched, bundles: refreshBundles, certificates: watchOwn }

  /** `publish.listen`: the daemon answers DNS for our names, with what it can read the mail to. Null: not asked for. */
  const servePublished = async (signal: AbortSignal): Promise<ServingCertificates | null> => {
    const { listen } = settings.publish
    if (listen === undefined) return null
    if (neighbours.offline)
      throw new DirectError(
        'NETWORK_FORBIDDEN',
        'publish.listen opens sockets, and the network is forbidden',
        {
          hint: 'Leave --no-network out, or publish.listen.',
        },
      )
    const { servePublished } = await import('./publish.ts')
    const source = async (at: Date) => ({
      names: await ourNames(),
      certificates: (await identities()).published(at),
      notes: [],
    })
    return servePublished({ source, publish: settings.publish, listen, at, now, log }, signal)
  }

  async function* pass(
    mailboxes: readonly Mailbox[],
    deliverTo: string | undefined,
    known: { readonly listed: Set<string>; readonly undetermined: Undetermined },
    signal?: AbortSignal,
  ): AsyncGenerator<ReceiveReport> {
    const { receiveIntoFolder, listNew } = await import('./receive.ts')
    const tools = await inboxTools(known.undetermined, signal)
    if (deliverTo === undefined) yield* listNew(mailboxes, tools, known.listed, signal)
    else yield* receiveIntoFolder(mailboxes, deliverTo, tools, signal)
  }
  const senderOf = async (from: string | undefined) =>
    from === undefined ? null : (await import('./given-address.ts')).givenAddress(from)
  const bookTools = async () => {
    if (neighbours.record === undefined) return classifyTools()
    throw new DirectError('USAGE', 'an address book is not recorded: a trace holds one question', {
      hint: 'Record the addresses that support has to see: classify or discover.',
    })
  }
  const nothingKnown = () => ({ listed: new Set<string>(), undetermined: new Undetermined() })

  return {
    async notices({ own = true, ends = true } = {}) {
      const ofTrust = await (await neighbours.trust()).notices()
      if (!own) return ofTrust
      const { noticesOf } = await import('./own-notices.ts')
      return [...ofTrust, ...(await noticesOf(await identityTools(), { ends }))]
    },
    async classify(addresses, { from, signal } = {}) {
      const { classify } = await import('./classify.ts')
      const sender = await senderOf(from)
      const question = { command: 'classify', addresses, from: sender?.toString() ?? null } as const
      const answers = await asked(question, (tools) => classify(addresses, sender, tools, signal), signal)
      return answers.map(({ recipient }) => recipient)
    },
    async *classifyEach(addresses, { from, signal } = {}) {
      const { classifyEach } = await import('./book.ts')
      yield* classifyEach(addresses, await senderOf(from), await bookTools(), signal)
    },
    async *changes(addresses, { from, ...options } = {}) {
      const { changes } = await import('./book/changes.ts')
      const { book } = await neighbours.store()
      const tools = { ...(await bookTools()), book, wallClock: now }
      yield* changes(addresses, await senderOf(from), options, tools)
    },
    async discover(address, { from, signal } = {}) {
      const { discover } = await import('./classify.ts')
      const sender = await senderOf(from)
      const asker = sender?.toString() ?? null
      const question = { command: 'discover', addresses: [address], from: asker } as const
      return asked(question, (tools) => discover(address, sender, tools, signal), signal)
    },
    async explain(target, options = {}) {
      const { explain } = await import('./explain.ts')
      const { anchorOrigins } = await import('./explain/origins.ts')
      const { onlyIdentity } = await import('./identities.ts')
      return explain(target, options, {
        search: async () => ({ ...(await classifyTools()), trust: passingTrust }),
        open: async () => ({ ...(await openTools()), trust: passingTrust }),
        watched: (watch) => neighbours.judging.watchedJudge(watch),
        origins: async () => anchorOrigins(await trustAdministration(administrationTools).list()),
        state: async () => (await neighbours.trust()).state(),
        pins: async () =>
          (await pinAdministration(administrationTools).list()).filter(({ state }) => state === 'in-force'),
        ours: await ourNames(),
        onlyIdentity: onlyIdentity(await ourNames()),
      })
    },
    async plan(draft, options = {}) {
      const { plan } = await import('./send.ts')
      return plan(draft, options, await sendTools())
    },
    async send(draft, options = {}) {
      const { send } = await import('./send.ts')
      return send(draft, options, { ...(await sendTools()), outbox: await outboxTools() })
    },
    async seal(message) {
      const { sealFile } = await import('./send.ts')
      const { replaceFile } = await import('./deliver.ts')
      await using written = new AsyncDisposableStack()
      const write = async (copy: SealedMessage, index: number) => {
        const file = index === 0 ? message.out : `${message.out}.${index + 1}`
        await replaceFile(file, copy.message.read())
        written.defer(() => rm(file, { force: true }))
        return file
      }
      const result = await sealFile(message, write, await sendTools())
      // All copies or none: only now may they stay.
      written.move()
      return result
    },
    async open(request) {
      const { openFile } = await import('./open/file.ts')
      const judge = await neighbours.judging.judge('memory')
      return openFile(request, { ...(await openTools()), judge, trust: passingTrust })
    },
    async *receive({ signal } = {}) {
      const { offerAll } = await import('./offer.ts')
      const { undetermined } = nothingKnown()
      const inbox = () => inboxTools(undetermined, signal)
      const beside = async (signal: AbortSignal) => {
        await Promise.all([flush(signal), refreshFetched(signal), refreshBundles(signal)])
      }
      yield* offerAll({ mailboxes: await neighbours.mail.mailboxes(), inbox, beside, log }, signal)
    },
    async *receiveOnce({ deliverTo, signal } = {}) {
      let failure: DirectError | null = null
      try {
        yield* pass(await neighbours.mail.mailboxes(), deliverTo, nothingKnown(), signal)
      } catch (error) {
        // Of one message: the others have been received, and their answers are owed.
        if (!(error instanceof DirectError && ONE_MESSAGE.has(error.code))) throw error
        failure = error
      }
      if (deliverTo !== undefined) {
        await (await neighbours.store()).outbox.hastenNotices(now(), HASTENED_TRIES)
        await flush(signal)
        // Whoever runs this by a timer has no daemon to do it.
        await refreshBundles(signal)
      }
      if (failure) throw failure
    },
    async run({ deliverTo, signal }) {
      const { run } = await import('./run.ts')
      const mailboxes = settings.mailboxes.length === 0 ? [] : await neighbours.mail.mailboxes()
      // What is wrong with the configuration is said now, not by every pass.
      const known = nothingKnown()
      if (mailboxes.length > 0) await inboxTools(known.undetermined, signal)
      await notifyTools()
      const receive = (mailbox: Mailbox) => pass([mailbox], deliverTo, known, signal)
      const ended = new AbortController()
      const serving = await servePublished(AbortSignal.any([signal, ended.signal]))
      await using _ = {
        async [Symbol.asyncDispose]() {
          ended.abort()
          await serving?.closed
        },
      }
      await run({ mailboxes, receive, seal, handOver, seek, refreshes, log }, signal)
    },
    async status(messageId) {
      return (await (await neighbours.existingStore())?.tracking.status(messageId)) ?? []
    },
    async *events({ signal, after } = {}) {
      const { tracking } = await neighbours.store()
      let last = after ?? (await tracking.lastEvent())
      while (!signal?.aborted) {
        for (const event of await tracking.events(last)) {
          last = event.id
          yield event
        }
        await pause(EVENT_POLL_MS, undefined, { signal }).catch(() => undefined)
      }
    },
    async *audit(filter) {
      const store = await neighbours.existingStore()
      if (store) yield* store.audit.list(filter)
    },
    identities: identityAdministration(identityTools),
    trust: trustAdministration(administrationTools),
    pins: pinAdministration(administrationTools),
    zone: zoneAdministration(zoneTools),
    [Symbol.asyncDispose]: () => neighbours.close(),
  }
}
