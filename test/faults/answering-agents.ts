import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Agent } from '../../agent/index.ts'
import { type CliClinic, KIM, LEE } from '../interop/cli-clinic.ts'
import { agentOf, running } from './agents.ts'
import { type FaultReport, type FaultRun, Seen } from './fault-run.ts'
import { NOTHING } from './ledger.ts'
import { type Manner, Rogue } from './rogue.ts'
import type { World } from './world.ts'

/** MDNs to one address within an hour, for whoever asks anew each time. */
const MOST = 5
const MESSAGES = { short: 3, full: 30 }
/** Nothing new for so long: the exchange has come to its end. */
const QUIET_MS = 3000
/** A rogue that was answered so often is never going to be left alone. */
const FOR_EVER = 20

/**
 * Two agents that would answer each other for ever. First ours beside programs that answer every mail that they get, in
 * every manner that they can; then two of ours, which ask for everything, reject what they get, and write to themselves.
 */
export const answeringAgents: FaultRun = async (world, { scale, tell }): Promise<FaultReport> => {
  const seen = new Seen<string>(Object.keys(MANNERS))
  await clear(world)
  const findings = await besideRogues(world, seen, tell)
  await clear(world)
  findings.push(...(await betweenOurs(world, MESSAGES[scale], tell)))
  await clear(world)
  const messages = Object.values(seen.faults).reduce((sum, times) => sum + times, 0) + 3 * MESSAGES[scale]
  return { messages, faults: seen.faults, reconciled: { ...NOTHING, findings }, notes: [], late: [] }
}

const receipt = (about: string, disposition: string): string =>
  [
    'Content-Type: multipart/report; report-type=disposition-notification; boundary=parts',
    '',
    '--parts',
    'Content-Type: text/plain',
    '',
    'Your message was read.',
    '--parts',
    'Content-Type: message/disposition-notification',
    '',
    `Final-Recipient: rfc822; ${LEE}`,
    `Original-Message-ID: ${about}`,
    `Disposition: automatic-action/MDN-sent-automatically; ${disposition}`,
    '',
    '--parts--',
    '',
  ].join('\r\n')

const failure = (about: string): string =>
  [
    'Content-Type: multipart/report; report-type=delivery-status; boundary=parts',
    '',
    '--parts',
    'Content-Type: text/plain',
    '',
    'Your message did not arrive.',
    '--parts',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; clinic-a.example',
    `X-Original-Message-ID: ${about}`,
    '',
    'Final-Recipient: rfc822; nobody@clinic-a.example',
    'Action: failed',
    'Status: 5.1.1',
    '',
    '--parts--',
    '',
  ].join('\r\n')

/** How a rogue answers, and how many mails it may get for that, the receipt for its first one among them. */
const MANNERS: Readonly<Record<string, { readonly answer: Manner; readonly most: number }>> = {
  'In-Reply-To': { answer: (about) => ({ fields: { 'In-Reply-To': about } }), most: 1 },
  References: {
    answer: (about) => ({ fields: { References: `<other@clinic-a.example> ${about}` } }),
    most: 1,
  },
  'out of office': {
    answer: (about) => ({
      fields: { Subject: 'Out of office', 'Auto-Submitted': 'auto-replied', 'In-Reply-To': about },
    }),
    most: 1,
  },
  'an MDN that asks for one': { answer: (about) => ({ body: receipt(about, 'displayed') }), most: 1 },
  'an MDN that says failed': { answer: (about) => ({ body: receipt(about, 'failed') }), most: 1 },
  'a failure notice': { answer: (about) => ({ body: failure(about) }), most: 1 },
  'a new message': { answer: () => ({}), most: MOST },
}

async function besideRogues(
  world: World,
  seen: Seen<string>,
  tell: (progress: string) => void,
): Promise<string[]> {
  const { a, b } = world
  const config = await b.variant('answering.yaml', {
    'smtp: ': `notifications: { perCorrespondentPerHour: ${MOST} }\nsmtp: `,
  })
  await mkdir(join(b.dir, 'answering'))
  await using _b = running(await agentOf(b, world, { config }), join(b.dir, 'answering'))
  await using mailbox = await a.folder('INBOX')
  await using sealer = await agentOf(a, world)
  const rogues = Object.entries(MANNERS).map(([name, { answer, most }], i) => {
    const rogue = new Rogue(world, mailbox, sealer, `rogue-${i}@clinic-a.example`, answer)
    return { name, most, rogue }
  })
  for (const { rogue } of rogues) await rogue.begin()
  for (let newsAt = Date.now(); !(await isQuiet(world, newsAt)); await pause(200))
    for (const { name, rogue } of rogues) {
      if (rogue.heard >= FOR_EVER || (await rogue.answerAll()) === 0) continue
      newsAt = Date.now()
      tell(`${name}: ${rogue.heard} heard`)
    }
  for (const { name, rogue } of rogues) seen.add(name, rogue.answered)
  return rogues.flatMap(({ name, most, rogue: { heard } }) =>
    heard === most ? [] : [`whoever answers by ${name} got ${heard} mails, not ${most}`],
  )
}

async function betweenOurs(world: World, count: number, tell: (progress: string) => void): Promise<string[]> {
  const { a, b } = world
  await using atA = await agentOf(a, world)
  await using atB = await agentOf(b, world)
  const stop = new AbortController()
  const ended = Promise.all([atA, atB].map((agent) => rejectAll(agent, stop.signal)))
  const ask = (agent: Agent, from: string, to: string) =>
    agent.send({ from, to: [to], text: 'Please answer.' }, { finalDelivery: true })
  for (let i = 0; i < count; i++) {
    await ask(atA, KIM, LEE)
    await ask(atB, LEE, KIM)
    await ask(atB, LEE, LEE)
    tell(`${i + 1} of ${count} messages each way`)
  }
  let come: readonly number[] = []
  for (let newsAt = Date.now(); !(await isQuiet(world, newsAt)); await pause(200)) {
    const now = [await mailsIn(a), await mailsIn(b)]
    if (now.join() !== come.join()) newsAt = Date.now()
    come = now
  }
  stop.abort()
  await ended
  // For each message: itself, that it was processed, that it failed, and the notice of that to whoever wrote it.
  const expected = [4 * count, 8 * count]
  return come.join() === expected.join()
    ? []
    : [`between two of ours, ${come.join(' and ')} mails came, not ${expected.join(' and ')}`]
}

async function isQuiet({ mail }: World, newsAt: number): Promise<boolean> {
  return Date.now() - newsAt >= QUIET_MS && (await mail.smtp.queued()) === 0
}

async function rejectAll(agent: Agent, signal: AbortSignal): Promise<void> {
  for await (const { reject } of agent.receive({ signal })) await reject('no such patient')
}

async function mailsIn(clinic: CliClinic): Promise<number> {
  await using folder = await clinic.folder('INBOX')
  return (await folder.uids()).length
}

/** So that nobody takes for his own what lies there. */
async function clear({ a, b }: World): Promise<void> {
  for (const clinic of [a, b]) {
    await using folder = await clinic.folder('INBOX')
    for (const uid of await folder.uids()) await folder.moveTo(uid, 'Answered')
  }
}
