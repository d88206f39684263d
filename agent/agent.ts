import { rm } from 'node:fs/promises'
import type { OfferEvents } from './deliver/offer.ts'
import { DirectError } from './errors.ts'
import { identityAdministration } from './identities/administration.ts'
import type { KeptFolders } from './inbox/folders.ts'
import { Undetermined } from './inbox/undetermined.ts'
import type { Mailbox } from './inbox.ts'
import { lazily } from './neighbours/lazily.ts'
import { Neighbours } from './neighbours.ts'
import type { AgentOptions } from './options.ts'
import type { ReceiveReport } from './receiving-types.ts'
import { configuredIn, requireDuties } from './run/duties.ts'
import { stepsOf } from './run/steps.ts'
import { UnderWay } from './run/under-way.ts'
import type { SealedMessage } from './seal.ts'
import { takeStreams, withoutStreams } from './send/streams.ts'
import type { Settings } from './settings.ts'
import { pinAdministration, trustAdministration } from './trust/administration.ts'
import type { Agent } from './types.ts'
import { storeAdministration } from './upkeep/administration.ts'
import { wire } from './wiring.ts'
import { zoneAdministration } from './zone/administration.ts'

/** Who leaves the loop of `receive` waits no longer for what it took to be flagged. */
const FLAG_MS = 5000
/** An MDN that failed less often than this is tried by every `receiveOnce`, whatever its pause. */
const HASTENED_TRIES = 5

/** The public calls, each by its flow, over one set of neighbours. */
export function assemble(settings: Settings, options: AgentOptions): Agent {
  const neighbours = new Neighbours(settings, options)
  const { now, log } = neighbours
  const wired = wire(neighbours)
  const {
    ourNames,
    passingTrust,
    classifyTools,
    asked,
    sendTools,
    outboxTools,
    openTools,
    inboxTools,
    notifyTools,
    identityTools,
    administrationTools,
    zoneTools,
  } = wired
  const steps = stepsOf(neighbours, wired)
  // Once: each `import` takes its time.
  const sending = lazily(() => import('./send.ts'))

  async function* pass(
    mailboxes: readonly Mailbox[],
    /** Undefined: to nobody; null: to whoever hands over by the clock. */
    deliverTo: string | undefined | null,
    known: {
      readonly listed: Set<string>
      readonly undetermined: Undetermined
      readonly kept?: KeptFolders
    },
    signal?: AbortSignal,
  ): AsyncGenerator<ReceiveReport> {
    const { receiveInto, receiveToWait, listNew } = await import('./receive.ts')
    const { undetermined, kept } = known
    const tools = { ...(await inboxTools(undetermined, signal)), ...(kept && { kept }) }
    if (deliverTo === undefined) yield* listNew(mailboxes, tools, known.listed, signal)
    else if (deliverTo === null) yield* receiveToWait(mailboxes, tools, signal)
    else yield* receiveInto(mailboxes, await wired.folder(deliverTo), tools, signal)
  }
  const senderOf = async (from: string | undefined) =>
    from === undefined ? null : (await import('./given-address.ts')).givenAddress(from)
  const bookTools = async (addresses: unknown) => {
    // A text is an iterable of texts, too.
    if (typeof addresses === 'string')
      throw new DirectError(
        'USAGE',
        'one address was given as an address book: each character would be asked about',
        {
          hint: 'Give a list of addresses, or use classify.',
        },
      )
    if (neighbours.record === undefined) return classifyTools()
    throw new DirectError('USAGE', 'an address book is not recorded: a trace holds one question', {
      hint: 'Record the addresses that support has to see: classify or discover.',
    })
  }
  /** Where `run` delivers: a folder, null for the webhook, undefined for nowhere. */
  const destinationOf = (deliverTo: string | undefined): string | undefined | null => {
    const { deliver } = settings
    if (deliverTo !== undefined || deliver === undefined) return deliverTo
    return 'folder' in deliver ? deliver.folder : null
  }
  const nothingKnown = () => ({ listed: new Set<string>(), undetermined: new Undetermined() })

  /**
   * An administrator who removed the last anchor did so under a daemon that went on to send, and to leave mail in its folder:
   * the next one does the same, and says so at each pass.
   */
  const unlessRemoved = async (error: unknown) => {
    const isUntrusting = error instanceof DirectError && error.code === 'NO_ANCHORS'
    if (!isUntrusting || (await (await neighbours.trust()).state()).removed.length === 0) throw error
  }

  /** What is wrong with the configuration is said at the start, not by every pass. */
  const mailboxesToRun = async (undetermined: Undetermined, signal?: AbortSignal) => {
    requireDuties(settings)
    const mailboxes = settings.mailboxes.length === 0 ? [] : await neighbours.mail.mailboxes()
    if (mailboxes.length > 0) await inboxTools(undetermined, signal).catch(unlessRemoved)
    await notifyTools()
    await outboxTools()
    return mailboxes
  }

  const daemon = async (signal: AbortSignal, deliverTo?: string, onStarted?: () => void): Promise<void> => {
    const { runDaemon } = await import('./run/daemon.ts')
    const known = nothingKnown()
    const mailboxes = await mailboxesToRun(known.undetermined, signal)
    const destination = destinationOf(deliverTo)
    const passOver = (mailbox: Mailbox, kept: KeptFolders, signal: AbortSignal) =>
      pass([mailbox], destination, { ...known, kept }, signal)
    const byWebhook = destination === null
    await runDaemon({ neighbours, steps, mailboxes, pass: passOver, byWebhook, onStarted }, signal)
  }
  const underWay = new UnderWay()

  return {
    async notices({ own = true, ends = true } = {}) {
      const ofTrust = (await (await neighbours.trust()).notices()).map(({ text }) => text)
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
      yield* classifyEach(addresses, await senderOf(from), await bookTools(addresses), signal)
    },
    async *changes(addresses, { from, ...options } = {}) {
      const { changes } = await import('./book/changes.ts')
      const { book } = await neighbours.store()
      const tools = { ...(await bookTools(addresses)), book, wallClock: now }
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
      return plan(withoutStreams(draft), options, await sendTools())
    },
    async send(draft, options = {}) {
      await using taken = takeStreams(draft, options.signal)
      const { send } = await sending()
      return await send(taken.message, options, { ...(await sendTools()), outbox: await outboxTools() })
    },
    async seal(message) {
      const { sealFile } = await import('./send/file.ts')
      const { replaceFile } = await import('./files/durable-file.ts')
      const { lent } = await import('./smime/source.ts')
      await using written = new AsyncDisposableStack()
      const write = async (copy: SealedMessage, index: number) => {
        const file = index === 0 ? message.out : `${message.out}.${index + 1}`
        await replaceFile(file, lent(copy.message))
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
      const { offerAll } = await import('./deliver/offer.ts')
      const { undetermined } = nothingKnown()
      const mailboxes = await neighbours.mail.mailboxes()
      await inboxTools(undetermined, signal)
      const drive = async (signal: AbortSignal, { onReport, onFailure }: OfferEvents) => {
        const { run } = await import('./run.ts')
        const { KeptFolders } = await import('./inbox/folders.ts')
        await using kept = new KeptFolders()
        const known = { listed: new Set<string>(), undetermined, kept }
        const receive = async function* (mailbox: Mailbox) {
          for await (const report of pass([mailbox], null, known, signal)) {
            onReport()
            yield report
          }
        }
        const wait = (mailbox: Mailbox) => kept.wait(mailbox, mailbox.settings.pollSeconds * 1000, signal)
        const { seal, handOver, seek, expire } = steps
        const { CRLs, bundles } = steps.refreshes
        const refreshes = { CRLs, bundles }
        await run(
          { mailboxes, receive, wait, seal, handOver, seek, expire, refreshes, log, onFailure },
          signal,
        )
      }
      const flagTaken = async (names: ReadonlySet<string>) => {
        const { flagTaken } = await import('./inbox/agenda.ts')
        const signal = AbortSignal.timeout(FLAG_MS)
        for (const mailbox of mailboxes.filter(({ name }) => names.has(name)))
          await flagTaken(mailbox, await inboxTools(undetermined, signal), signal).catch((error) => {
            // It is durable, and the next pass flags it.
            if (!(error instanceof DirectError)) throw error
            log.warn({ code: error.code }, error.message)
          })
      }
      const againMs = Math.min(...mailboxes.map(({ settings }) => settings.pollSeconds)) * 1000
      yield* offerAll({ ...(await wired.waitingTools()), drive, flagTaken, againMs }, signal)
    },
    async *receiveOnce({ deliverTo, onLostReceipt, signal } = {}) {
      let failure: DirectError | null = null
      try {
        yield* pass(await neighbours.mail.mailboxes(), deliverTo, nothingKnown(), signal)
      } catch (error) {
        const { isOfOneMailbox } = await import('./receive.ts')
        // The others have been received, and their answers are owed.
        if (!isOfOneMailbox(error, signal)) throw error
        failure = error
      }
      if (deliverTo !== undefined) {
        await (await neighbours.store()).outbox.hastenNotices(now(), HASTENED_TRIES)
        await steps.flush(signal, onLostReceipt)
        // Whoever runs this by a timer has no daemon to do it.
        await steps.refreshBundles(signal)
      }
      if (failure) throw failure
    },
    async *doctor({ deliverTo, signal } = {}) {
      const { examine } = await import('./doctor/examine.ts')
      await using looking = neighbours.stored.looking()
      yield* examine(await wired.doctorTools(destinationOf(deliverTo) ?? undefined, looking), signal)
    },
    health: () => steps.health(),
    configured: configuredIn(settings),
    async check() {
      await mailboxesToRun(nothingKnown().undetermined)
      await wired.webhook()
    },
    run: async ({ deliverTo, signal, onStarted }) =>
      underWay.run(signal, (signal) => daemon(signal, deliverTo, onStarted)),
    async status(messageId) {
      return (await (await neighbours.existingStore())?.tracking.status(messageId)) ?? []
    },
    async untaken(messageId) {
      return (await (await neighbours.existingStore())?.deliveries.untaken(now(), messageId)) ?? []
    },
    async *events(options = {}) {
      const { eventsOf } = await import('./events.ts')
      yield* eventsOf(await neighbours.store(), options)
    },
    async *audit(filter) {
      const store = await neighbours.existingStore()
      if (store) yield* store.audit.list(filter)
    },
    identities: identityAdministration(identityTools),
    trust: trustAdministration(administrationTools),
    pins: pinAdministration(administrationTools),
    zone: zoneAdministration(zoneTools),
    store: storeAdministration(neighbours),
    async [Symbol.asyncDispose]() {
      await underWay.end()
      await neighbours.close()
    },
  }
}
