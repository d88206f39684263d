import { setTimeout as pause } from 'node:timers/promises'
import type { Agent } from '../../agent/index.ts'
import type { Json } from '../interop/cli-clinic.ts'
import { agentOf } from './agents.ts'
import type { Ehr, Taken } from './ehr.ts'
import type { Injected } from './inject.ts'
import { type Receipt, receiptsIn } from './receipts.ts'
import type { World } from './world.ts'

/** What must be empty, all of it. */
export interface Reconciled {
  /** The EHR never had it. */
  readonly lost: readonly string[]
  readonly filedTwice: readonly string[]
  /** The EHR had it with other bytes, or under a wrong name; or had what nobody sent. */
  readonly damaged: readonly string[]
  readonly mdnMissing: readonly string[]
  /**
   * Answered under two Message-IDs, or about to be: the same MDN handed over again is one (SMTP has no way to know).
   */
  readonly mdnTwice: readonly string[]
  /** The sender does not read `processed`. */
  readonly wrongState: readonly string[]
  /** Put aside, though nothing was wrong with it. */
  readonly asideByMistake: readonly string[]
  /** What the audits tell otherwise than it happened, and what was left lying. */
  readonly findings: readonly string[]
}

export const NOTHING: Reconciled = {
  lost: [],
  filedTwice: [],
  damaged: [],
  mdnMissing: [],
  mdnTwice: [],
  wrongState: [],
  asideByMistake: [],
  findings: [],
}

const SETTLES_WITHIN_MS = 120_000

/** Fulfilled once the sender knows that every message arrived, or when nothing new became known for `restMs`. */
export async function settled(
  sender: Agent,
  injected: readonly Injected[],
  restMs = SETTLES_WITHIN_MS,
): Promise<void> {
  let open = injected.map(({ messageId }) => messageId)
  let newsAt = performance.now()
  // Asking about thousands may take longer than the rest: twice nothing new is quiet, once is not.
  let quiet = 0
  while (open.length > 0 && (quiet < 2 || performance.now() - newsAt < restMs)) {
    const start = performance.now()
    const still: string[] = []
    for (const messageId of open)
      if ((await stateOf(sender, messageId)) !== 'processed') still.push(messageId)
    quiet = still.length < open.length ? 0 : quiet + 1
    if (quiet === 0) newsAt = performance.now()
    open = still
    // Whoever asks about thousands must leave most of the time to those who work.
    await pause(Math.max(200, 3 * (performance.now() - start)))
  }
}

/** The same, and the EHR was given all of them. */
export async function finished(sender: Agent, ehr: Ehr, injected: readonly Injected[]): Promise<void> {
  await settled(sender, injected)
  await ehr.given(injected.length)
}

/** What the sender is told of a message to one recipient. */
export async function stateOf(sender: Agent, messageId: string): Promise<string> {
  const [message] = await sender.status(messageId)
  return message?.recipients[0]?.state ?? 'unknown'
}

/** What is to be seen once a run has ended. */
export interface Evidence {
  /** Everything that the EHR took, in order. */
  readonly taken: readonly Taken[]
  /** Everything in the sender's mailbox. */
  readonly receipts: readonly Receipt[]
  /** What the sender is told of each message, by its Message-ID. */
  readonly states: ReadonlyMap<string, string>
  /** Of which the sender's audit says that a server may have it, as its answer was lost: it may have come twice. */
  readonly inDoubt: ReadonlySet<string>
  /** The victim's audit. */
  readonly audit: readonly Json[]
  /** Folders that a stop left unfinished; nobody is to read them. */
  readonly unfinished: readonly string[]
  /** What `direct store check` finds wrong in either store, the chain of its audit included. */
  readonly broken: readonly string[]
}

/** Holds what went in against the EHR, both mailboxes, and what the two clinics say themselves. */
export async function reconcile(
  world: World,
  sender: Agent,
  ehr: Pick<Ehr, 'taken' | 'unfinished'>,
  injected: readonly Injected[],
  {
    config = 'direct.yaml',
    ...options
  }: CompareOptions & { /** The victim's. */ readonly config?: string } = {},
): Promise<Reconciled> {
  await using victim = await agentOf(world.b, world, { config })
  const states = new Map<string, string>()
  for (const { messageId } of injected) states.set(messageId, await stateOf(sender, messageId))
  const inDoubt = new Set<string>()
  for await (const { event, messageId } of sender.audit())
    if (event === 'in-doubt' && messageId !== null) inDoubt.add(messageId)
  return compare(
    injected,
    {
      taken: await ehr.taken(),
      receipts: await receiptsIn(world, sender),
      states,
      inDoubt,
      audit: await world.b.json(['audit', '--config', config]),
      unfinished: await ehr.unfinished(),
      broken: await brokenIn(sender, victim),
    },
    options,
  )
}

async function brokenIn(sender: Agent, victim: Agent): Promise<string[]> {
  const broken: string[] = []
  for (const [name, agent] of Object.entries({ sender, victim }))
    for await (const { level, code, text } of agent.store.check())
      if (level !== 'ok') broken.push(`the store of the ${name}: ${code}: ${text}`)
  return broken
}

export interface CompareOptions {
  /** What was done to the mailbox makes mail look new that is not: the audit may say more than once that it came. */
  readonly comesAgain?: boolean
}

export function compare(
  injected: readonly Injected[],
  evidence: Evidence,
  { comesAgain = false }: CompareOptions = {},
): Reconciled {
  const { taken, receipts, states, inDoubt, audit, unfinished, broken } = evidence
  const known = new Map(injected.map((each) => [each.messageId, each]))
  const filed = Map.groupBy(taken, ({ messageId }) => messageId)
  const [failures = [], mdns = []] = [true, false].map((failed) =>
    receipts.filter(({ disposition }) => (disposition === 'failure notice') === failed),
  )
  const answers = Map.groupBy(mdns, ({ about }) => about)
  const answersTo = (messageId: string) => new Set(answers.get(messageId)?.map(({ id }) => id)).size
  const told = Map.groupBy(audit, ({ messageId }) => messageId)
  const queued = Map.groupBy(
    audit.filter(({ event }) => event === 'mdn-queued'),
    ({ about }) => about,
  )
  const which = (isWrong: (messageId: string) => boolean) => [...known.keys()].filter(isWrong)
  return {
    lost: which((id) => !filed.has(id)),
    filedTwice: which((id) => (filed.get(id)?.length ?? 0) > 1),
    damaged: taken
      .filter((each) => !each.named || known.get(each.messageId)?.attachmentSha256 !== each.attachmentSha256)
      .map(({ messageId }) => messageId),
    mdnMissing: which((id) => answersTo(id) === 0),
    mdnTwice: which((id) => answersTo(id) > 1 || (queued.get(id)?.length ?? 0) > 1),
    wrongState: which((id) => states.get(id) !== 'processed').map((id) => `${id} ${states.get(id)}`),
    asideByMistake: audit
      .filter(({ event, outcome }) => event === 'received' && outcome === 'reject')
      .map(({ messageId, why }) => `${messageId} ${JSON.stringify(why)}`),
    findings: [
      ...[...known.keys()].flatMap((id) => untoldBy(told.get(id) ?? [], id, comesAgain || inDoubt.has(id))),
      ...failures.map(({ about }) => `the sender was told that ${about} failed`),
      ...unfinished.map((name) => `${name} was left unfinished`),
      ...broken,
    ],
  }
}

/** Each message stands in the victim's audit as received and as delivered: once each. */
function untoldBy(told: readonly Json[], messageId: string, comesAgain: boolean): string[] {
  return ['received', 'delivered'].flatMap((event) => {
    const times = told.filter((row) => row.event === event).length
    const isRight = times === 1 || (comesAgain && event === 'received' && times > 1)
    return isRight ? [] : [`the audit says ${times} times that ${messageId} was ${event}`]
  })
}

/** What a run found by itself beside. */
export function withFindings(reconciled: Reconciled, findings: readonly string[]): Reconciled {
  return { ...reconciled, findings: [...reconciled.findings, ...findings] }
}

/** How many of each; all of them 0, or something is wrong. */
export function counts(reconciled: Reconciled): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(reconciled).map(([name, list]) => [name, list.length]))
}
