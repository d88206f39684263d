import { setTimeout as pause } from 'node:timers/promises'
import type { Agent } from '../../agent/index.ts'
import { SECRET } from '../flow/webhook-receiver.ts'
import { agentOf, running } from './agents.ts'
import { Daemon } from './daemon.ts'
import { HELD_MS } from './dialogue.ts'
import { Ehr } from './ehr.ts'
import type { FaultReport, FaultRun } from './fault-run.ts'
import { inject } from './inject.ts'
import { reconcile, settled, withFindings } from './ledger.ts'
import { reconcileSent, sendOut, setAside, withSent } from './outgoing.ts'
import { WallClock } from './wall-clock.ts'
import { type Poster, WebEhr } from './web-ehr.ts'

const MESSAGES = { short: 20, full: 800 }
/** Sent by the clinic that the faults are done to, one for so many that come in: the EHR is told what becomes of them. */
const ONE_OUT_FOR = 4
/** How often each wrong is done. */
const EACH = { short: 1, full: 40 }
const EVERY_MS = 100
const SIZES = [600, 73_000] as const
/** By so much the clock leaps in which what is left is tried again. */
const PAUSE_MS = 10_000
const ENDS_WITHIN_MS = 300_000
/** A hundred deaths alone are an hour by this clock: whoever answers while the machine is slow would be called late. */
const DAY_TO_ANSWER = 'notifications: { timeoutMinutes: 1440 }\n'

/**
 * The EHR is told by HTTP: it answers late, with 500, or cuts the connection, and the daemon is killed while it posts. Each
 * message comes until it was answered 200, always under the same key, and not once more when that stands in the audit; what
 * became of messages that were sent comes in order.
 */
export const webhook: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { a, b } = world
  const clock = await WallClock.in(world.dir)
  await using ehr = await WebEhr.start(EACH[scale], seed, () => lives)
  await using ehrOfA = await Ehr.start(a.dir, 'webhook')
  await b.variant('direct.yaml', { 'identities:': `${DAY_TO_ANSWER}identities:` })
  const config = await b.variant('webhook.yaml', {
    'identities:': `deliver: { webhook: { url: "${ehr.url}", secretEnv: EHR_SECRET } }\nidentities:`,
  })
  const env = { ...clock.env, EHR_SECRET: SECRET }
  await using sender = running(await agentOf(a, world), ehrOfA.dir)
  await using victim = await agentOf(b, world, { now: clock.now })
  await using lives = new Lives(
    () => Daemon.start(b, null, { config, env }),
    async () => {
      ehr.recorded(await deliveredBy(victim))
      // What the last one held is free for the next.
      clock.leap(HELD_MS)
    },
  )
  const count = MESSAGES[scale]
  const [injected, sent] = await Promise.all([
    inject(sender.agent, { count, seed, minBytes: SIZES[0], maxBytes: SIZES[1], everyMs: EVERY_MS }),
    sendOut(victim, {
      ...{ count: count / ONE_OUT_FOR, seed, bytes: SIZES[0], everyMs: EVERY_MS * ONE_OUT_FOR },
      finalDelivery: true,
    }),
  ])
  const isDone = () =>
    ehr.messages >= injected.length &&
    sent.every(({ messageId }) => ehr.told(messageId).includes('dispatched')) &&
    ehr.isAnswered
  const isOver = () => isDone() || lives.hasEnded
  for (const start = performance.now(); !isOver() && performance.now() - start < ENDS_WITHIN_MS; ) {
    tell(`${lives.life} lives, ${ehr.messages} messages filed`)
    await pause(200)
    clock.leap(PAUSE_MS)
  }
  await settled(sender.agent, injected)
  await lives.end()
  await setAside(a, sent)
  const arrived = await reconcile(world, sender.agent, ehr, injected)
  const untold: string[] = []
  for (const { messageId } of sent) {
    const [told, happened] = [ehr.told(messageId).join(), (await becameOf(victim, messageId)).join()]
    if (told !== happened) untold.push(`of ${messageId} the EHR was told "${told}", not "${happened}"`)
  }
  return {
    messages: injected.length + sent.length,
    faults: ehr.seen.faults,
    reconciled: withFindings(withSent(arrived, await reconcileSent(victim, ehrOfA, sent, 'dispatched')), [
      ...lives.findings,
      ...ehr.findings,
      ...untold,
    ]),
    notes: [
      `${ehr.requests} requests; ${sent.length} of the messages went out, and the EHR was told of them`,
    ],
    late: [],
  }
}

/** The messages whose delivery stands in the audit, by their Message-IDs. */
async function deliveredBy(agent: Agent): Promise<string[]> {
  const ids: string[] = []
  for await (const { event, messageId } of agent.audit())
    if (event === 'delivered' && messageId !== null) ids.push(messageId)
  return ids
}

/** What became known of a message that was sent, in order. A receipt that came twice says nothing new. */
async function becameOf(agent: Agent, about: string): Promise<readonly string[]> {
  const events = new Set<string>()
  for await (const { event, messageId, outcome } of agent.audit({ messageId: about }))
    if (messageId === about && ['processed', 'dispatched'].includes(event) && outcome === event)
      events.add(event)
  return [...events]
}

/** A daemon that is started again whenever it was killed. */
class Lives implements AsyncDisposable, Poster {
  /** Why one ended by itself. */
  readonly findings: string[] = []
  life = 1
  readonly #start: () => Daemon
  readonly #between: () => Promise<void>
  #daemon: Daemon
  /** Nobody can be killed: one is dying, or it is over. */
  #isDying = false

  constructor(start: () => Daemon, between: () => Promise<void>) {
    this.#start = start
    this.#between = between
    this.#daemon = start()
  }

  /** Nobody is going to start it again: it has ended by itself. */
  get hasEnded(): boolean {
    return !this.#isDying && this.#daemon.hasEnded
  }

  async kill(): Promise<boolean> {
    if (this.#isDying) return false
    await this.end()
    await this.#between()
    this.life++
    this.#daemon = this.#start()
    this.#isDying = false
    return true
  }

  /** For good. */
  async end(): Promise<void> {
    this.#isDying = true
    const { endedByItself } = await this.#daemon.kill()
    if (endedByItself !== null) this.findings.push(endedByItself)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDying = true
    await this.#daemon[Symbol.asyncDispose]()
  }
}
