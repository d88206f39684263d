import { userInfo } from 'node:os'
import type { Command } from 'commander'
import type { AnchorFacts, BundleReport, NewTrust, RemovedBy, TrustedAnchor } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { choice, single } from './options.ts'
import { columns } from './printable.ts'
import { answer, type Session } from './session.ts'

/** What the commands about trust have in common. */

export interface Who {
  readonly actor: string
}

/** `--actor`, whoever is logged in by default: every change says who made it. */
export function addActor(command: Command): Command {
  return command.addOption(
    single('--actor <id>', 'who does it, for the audit (default: who is logged in)').default(
      undefined,
      'who is logged in',
    ),
  )
}

export function actorOf(command: Command): string {
  return command.opts<Partial<Who>>().actor ?? loggedIn()
}

/** Its name; the number of a user who has none, as in a container. */
export function loggedIn(nameOfUser: () => string = () => userInfo().username): string {
  try {
    return nameOfUser()
  } catch {
    return `uid ${process.getuid?.()}`
  }
}

/** `--for` and `--direction`, as an entry of the configuration's `trust` has them, and `--narrow`. */
export function addScope(command: Command): Command {
  return command
    .addOption(
      single('--for <name>', 'who of ours believes: a domain or address of ours, or *').makeOptionMandatory(),
    )
    .addOption(
      choice('--direction <direction>', 'of which mail', ['both', 'incoming', 'outgoing']).default('both'),
    )
    .option('--narrow', 'the name gets anchors of its own alone: those of its domain or of * end there')
}

export function newTrustOf(command: Command): NewTrust {
  const { for: name, direction, narrow } = command.opts<Omit<NewTrust, 'actor'>>()
  return { for: name, direction, narrow, actor: actorOf(command) }
}

/** Each bundle's outcome; 1 if one was refused, else 75 if one could not be had. */
export async function answerReports(
  session: Session,
  reports: readonly BundleReport[],
  words: Readonly<Record<BundleReport['outcome'], string>>,
): Promise<number> {
  if (reports.length === 0) session.out.note('no trust bundle is asked for')
  for (const report of reports) {
    await answer(session, report, () =>
      columns([
        [words[report.outcome], report.url, summaryOf(report)],
        ...report.added.map((anchor) => ['  added', anchor.sha256, anchorText(anchor)]),
        ...report.removed.map((anchor) => ['  removed', anchor.sha256, anchorText(anchor)]),
        ...report.staysOut.map((anchor) => [
          '  stays out',
          anchor.sha256,
          `${anchorText(anchor)}; ${removedText(anchor)}`,
        ]),
      ]),
    )
    for (const note of report.notes) session.out.note(`${report.url}: ${note}`)
  }
  if (reports.some(({ outcome }) => outcome === 'refused')) return EXIT.no
  return reports.some(({ outcome }) => outcome === 'failed') ? EXIT.notKnown : EXIT.done
}

function summaryOf({ outcome, anchors, added, removed, staysOut, why }: BundleReport): string {
  if (why === null) {
    const change = outcome === 'refreshed' ? [`${added.length} added`, `${removed.length} removed`] : []
    return [counted(anchors), ...change, ...stayingOut(staysOut)].join(', ')
  }
  const kept = anchors === 0 ? '' : `; ${counted(anchors)} that it had before still count`
  return `${why.code}: ${why.text}${kept}`
}

function stayingOut(anchors: BundleReport['staysOut']): readonly string[] {
  const [first, ...others] = anchors
  if (first === undefined) return []
  return [
    others.length === 0
      ? `1 stays out: ${removedText(first)}`
      : `${anchors.length} stay out: removed by hand`,
  ]
}

export function counted(anchors: number): string {
  return anchors === 1 ? '1 anchor' : `${anchors} anchors`
}

export function removedText({ actor, at }: RemovedBy): string {
  return `removed by hand by ${actor} on ${dateOf(at)}`
}

/** Where an anchor is from, in words. */
export function originText({ origin, from }: Pick<TrustedAnchor, 'origin' | 'from'>): string {
  return origin === 'added' ? `added by ${from}` : `${origin} ${from}`
}

export function anchorText({ subject, notAfter }: AnchorFacts): string {
  return `${subject}, until ${dateOf(notAfter)}`
}

export function dateOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}
