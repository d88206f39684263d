import type { MailServer } from '../mailbox/index.ts'
import type { Certificate } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import type { ClassifyTools } from './classify.ts'
import type { DoctorTools } from './doctor/tools.ts'
import type { IdentityTools } from './identities/tools.ts'
import type { Undetermined } from './inbox/undetermined.ts'
import type { InboxTools } from './inbox.ts'
import { lazily } from './neighbours/lazily.ts'
import type { LookingAtStore } from './neighbours/stored.ts'
import type { Neighbours } from './neighbours.ts'
import type { NotifyTools } from './notify.ts'
import type { OpenTools } from './open.ts'
import type { OutboxTools } from './outbox.ts'
import { type DeadlineTools, Passes } from './run/deadlines.ts'
import { Leaps } from './run/leaps.ts'
import type { SeekTools } from './seek.ts'
import type { SendTools } from './send/prepare.ts'
import type { TraceQuestion } from './trace/types.ts'
import type { BeliefTools } from './trust/believe.ts'
import type { Trust } from './trust/current.ts'
import { wireEhr } from './wiring/ehr.ts'
import type { ZoneTools } from './zone/tools.ts'

/** What `wire` gives. */
export type Wired = ReturnType<typeof wire>

/**
 * Puts together what each flow asks of its neighbours, and nowhere else is that done. Everything is loaded at first use,
 * so that a command pays for what it needs alone.
 */
export function wire(neighbours: Neighbours) {
  const { settings, now, random, at, log } = neighbours

  const { discovery, judging, mail } = neighbours
  const passes = new Passes(settings.mailboxes.length)

  const configured = lazily(async () =>
    (await import('./files/credential-files.ts')).loadConfigured(settings.certificates),
  )
  const policies = lazily(async () =>
    (await import('./policies.ts')).loadPolicies(settings.certificatePolicy),
  )
  const live = lazily(async () => {
    const { LiveIdentities } = await import('./identities/live.ts')
    return new LiveIdentities({ settings, policy: (await policies()).own ?? {}, log })
  })
  /** As their files are now; for one message, once. */
  const identities = async () => (await live()).current()
  const liveOurs = lazily(async () => (await import('./identities/certificates.ts')).createOurs(settings))
  const ours = async () => (await liveOurs())()
  const ourNames = async () => (await ours()).names
  const trust = async (signal?: AbortSignal): Promise<Trust> => (await neighbours.trust()).now(signal, true)
  /** For what stores nothing (`open`, `explain`). */
  const passingTrust = async (signal?: AbortSignal): Promise<Trust> => (await neighbours.trust()).now(signal)
  const belief = async (): Promise<BeliefTools> => ({
    judge: await judging.judge(),
    trust,
    policies: await policies(),
    legacy: settings.legacy,
  })
  /** Certificates in hand that may complete a path: configured ones, and those of CAs that came with our own. */
  const inHand = async ({ intermediates }: { readonly intermediates: readonly Certificate[] }) => [
    ...(await configured()).map(({ certificate }) => certificate),
    ...intermediates,
  ]

  // Every message needs these two: an `import` of what is loaded takes its time all the same.
  const classifying = lazily(() => import('./classify.ts'))
  const ownCertificates = lazily(() => import('./identities.ts'))

  const classifyTools = async () => {
    const { onlyIdentity } = await ownCertificates()
    const now = await ours()
    return {
      ...(await lastingClassifyTools()),
      onlyIdentity: onlyIdentity(now.names),
      intermediates: await inHand(now),
    }
  }
  const lastingClassifyTools = lazily(async () => ({
    ...(await belief()),
    sources: await discovery.sources(await configured()),
    tlsDomains: await mail.tlsServers(),
    proveTls: neighbours.offline
      ? null
      : async (server: MailServer, signal?: AbortSignal) => (await mail.smtp()).proveTls(server, signal),
    now: at,
  }))
  const classified = async (addresses: readonly string[], from: Address | null, signal?: AbortSignal) => {
    const { classify } = await classifying()
    return classify(addresses, from, await classifyTools(), signal)
  }

  /** A question of its own about addresses: recorded, where a recording was handed in. */
  const asked = async <T>(
    question: TraceQuestion,
    flow: (tools: ClassifyTools) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> => {
    const tools = await classifyTools()
    const { record: recording } = neighbours
    if (recording === undefined) return flow(tools)
    const { record } = await import('./trace/record.ts')
    const { allowPrivate } = settings.network
    const recordTools = {
      tools,
      settings: { allowPrivate, revocation: settings.revocation },
      fetch: await discovery.fetch(),
      cache: await judging.fetchCache(),
      now,
      at: at === now ? null : at(),
    }
    return record(question, flow, recordTools, recording, signal)
  }

  const sendTools = async (): Promise<SendTools> => ({
    settings,
    identities: await identities(),
    classify: classified,
    spool: await neighbours.spool(),
    at,
    now,
    random,
  })
  const unknowns = lazily(async () => {
    const { Failures } = await import('./run/failures.ts')
    return new Failures(log, neighbours.elapsed)
  })
  const seekTools = async (): Promise<SeekTools> => ({
    ...(await sendTools()),
    store: await neighbours.store(),
    log,
    unknowns: await unknowns(),
  })
  const leaps = new Leaps(neighbours)
  const lanes = lazily(async () => {
    const { Lanes } = await import('./outbox/lanes.ts')
    return new Lanes(settings.smtp && { direct: settings.smtp.connections })
  })
  const outages = lazily(async () => {
    const { Outages } = await import('./outbox/outages.ts')
    return new Outages(log)
  })
  const outboxTools = async (): Promise<OutboxTools> => ({
    store: await neighbours.store(),
    smtp: neighbours.watch.smtp(await mail.smtp()),
    relay: await mail.relay(),
    tlsServers: await mail.tlsServers(),
    openRecord: async (body, mailFrom) => {
      const { openRecord } = await import('./record.ts')
      return openRecord(body, mailFrom, { identities: await identities(), spool: await neighbours.spool() })
    },
    lanes: await lanes(),
    outages: await outages(),
    clockLeapt: () => leaps.unsettled(),
    now,
    random,
    log,
  })
  const openTools = async (): Promise<OpenTools> => {
    const own = await identities()
    return {
      ...(await belief()),
      identities: own,
      intermediates: await inHand(own),
      receive: settings.receive,
      tripleDesFrom: settings.legacy.tripleDesFrom,
      spool: await neighbours.spool(),
      at,
    }
  }
  const inboxTools = async (undetermined: Undetermined, signal?: AbortSignal): Promise<InboxTools> => {
    const { requireIncomingAnchors } = await import('./trust/current.ts')
    requireIncomingAnchors(settings, await trust(signal))
    const opening = async () => ({ open: await openTools(), ourNames: await ourNames() })
    // What is wrong with our own certificates is told before a mailbox is opened.
    await opening()
    return {
      store: await neighbours.store(),
      imap: await mail.imap(),
      opening,
      judgeAccepted: await judging.judge('store', 'off'),
      undetermined,
      alone: (mailbox, signal) => neighbours.stored.receivingAlone(mailbox.name, signal),
      passed: ({ name }, begun) => passes.completed(name, begun),
      now,
    }
  }
  const ehr = wireEhr(neighbours, { openTools, ourNames })
  const deadlineTools = async (): Promise<DeadlineTools> => ({
    store: await neighbours.store(),
    passes,
    leaps,
    limitMs: settings.notifications.timeoutMs,
    now,
    log,
  })
  const notifyTools = async (): Promise<NotifyTools> => ({
    ...(await sendTools()),
    store: await neighbours.store(),
    log,
  })

  const identityTools = async (): Promise<IdentityTools> => ({
    settings,
    policy: async () => (await policies()).own ?? {},
    trust: async () => (await neighbours.trust()).state(),
    candidates: async () => inHand(await ours()),
    store: () => neighbours.store(),
    now,
    at,
  })

  const administrationTools = async () => ({
    settings,
    trust: await neighbours.trust(),
    identities,
    ourNames,
    store: () => neighbours.store(),
    spool: () => neighbours.spool(),
    now,
    at,
  })

  const zoneTools = async (): Promise<ZoneTools> => ({
    settings,
    policy: (await policies()).own ?? {},
    offline: neighbours.offline,
    resolver: discovery.givenResolver,
    ldap: () => discovery.ldap(),
    now,
    at,
  })

  const doctorTools = async (
    deliverTo: string | undefined,
    { older }: LookingAtStore,
  ): Promise<DoctorTools> => {
    const { toMailServer } = await import('./neighbours/mail.ts')
    const { freeSpace } = await import('./doctor/disk.ts')
    const lookup = () => discovery.lookup()
    return {
      settings,
      deliverTo,
      offline: neighbours.offline,
      existingStore: () => neighbours.existingStore(),
      olderStore: older,
      identityTools,
      trustNotices: async () => (await neighbours.trust()).notices(),
      believes: async () => {
        const { anchors, missing, pins } = await (await neighbours.trust()).state()
        // What a bundle that was never fetched will hold is not known.
        const anybody = (direction: 'incoming' | 'outgoing') =>
          pins.length > 0 || missing.length > 0 || !anchors.trustsNobody(direction)
        return { incoming: anybody('incoming'), outgoing: anybody('outgoing') }
      },
      checkZone: async (signal) => {
        const { check } = await import('./zone/check.ts')
        return check({ signal }, await zoneTools())
      },
      mailServer: toMailServer,
      probeSmtp: async (server, signal) => {
        const { probeSmtp } = await import('../mailbox/index.ts')
        return probeSmtp(server, { lookup: await lookup(), signal })
      },
      proveTls: async (server, signal) => (await mail.smtp()).proveTls(server, signal),
      imap: () => mail.imap(),
      webhook: ehr.webhook,
      lookup,
      disk: freeSpace,
      now,
      at,
    }
  }

  return {
    doctorTools,
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
    ...ehr,
    deadlineTools,
    notifyTools,
    identityTools,
    administrationTools,
    zoneTools,
  }
}
