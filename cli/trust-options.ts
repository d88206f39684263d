import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { AnchorFacts, BundleReport, TrustScope } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
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
  return command.opts<Partial<Who>>().actor ?? userInfo().username
}

/** `--for` and `--direction`, as an entry of the configuration's `trust` has them. */
export function addScope(command: Command): Command {
  return command
    .addOption(single('--for <name>', 'a domain or address of ours, or *').makeOptionMandatory())
    .addOption(
      new Option('--direction <direction>', 'of which mail')
        .choices(['both', 'incoming', 'outgoing'])
        .default('both'),
    )
}

export function scopeOf(command: Command): TrustScope {
  const { for: name, direction } = command.opts<TrustScope>()
  return { for: name, direction }
}

/** Each bundle's outcome; 1 if one was refused, else 75 if one could not be had. */
export async function answerReports(
  session: Session,
  reports: readonly BundleReport[],
  words: Readonly<Record<BundleReport['outcome'], string>>,
): Promise<number> {
  for (const report of reports) {
    await answer(session, report, () =>
      columns([
        [words[report.outcome], report.url, summaryOf(report)],
        ...report.added.map((anchor) => ['  added', anchor.sha256, anchorText(anchor)]),
        ...report.removed.map((anchor) => ['  removed', anchor.sha256, anchorText(anchor)]),
      ]),
    )
    for (const note of report.notes) session.out.note(`${report.url}: ${note}`)
  }
  if (reports.some(({ outcome }) => outcome === 'refused')) return EXIT.no
  return reports.some(({ outcome }) => outcome === 'failed') ? EXIT.notKnown : EXIT.done
}

function summaryOf({ outcome, anchors, added, removed, why }: BundleReport): string {
  if (why === null) {
    const change = outcome === 'refreshed' ? `, ${added.length} added, ${removed.length} removed` : ''
    return `${anchors} anchors${change}`
  }
  const kept =
    anchors === 0 ? 'it brought nothing before' : `the ${anchors} anchors that it had stay in force`
  return `${why.code}: ${why.text}; ${kept}`
}

export function anchorText({ subject, notAfter }: AnchorFacts): string {
  return `${subject}, until ${dateOf(notAfter)}`
}

export function dateOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}
