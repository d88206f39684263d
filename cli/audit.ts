import { type Command, Option } from 'commander'
import { DirectError } from '../agent/errors.ts'
import type { Agent } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { messageIdOf, single } from './options.ts'
import { columns, short } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'

type AuditRow = ReturnType<Agent['audit']> extends AsyncIterable<infer Row> ? Row : never

interface Options {
  readonly message?: string
  readonly document?: string
  readonly patient?: string
  readonly verify?: true
}

export function options(command: Command): void {
  command
    .addOption(single('--message <id>', 'rows about this message and its receipts'))
    .addOption(single('--document <id>', 'rows about messages that carried this document'))
    .addOption(single('--patient <id>', 'rows about messages concerning this patient'))
    .addOption(new Option('--verify').hideHelp())
    .addHelpText('after', '\nExample:\n  direct audit --patient p-17\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  const { message, document, patient, verify } = command.opts<Options>()
  if (verify)
    throw new DirectError('NOT_BUILT', 'audit --verify is not built yet in this version', {
      hint: 'Leave --verify out to list the rows.',
    })
  await using agent = await openAgentForStore(session)
  const rows = agent.audit({
    ...(message !== undefined && { messageId: messageIdOf(message) }),
    ...(document !== undefined && { document }),
    ...(patient !== undefined && { patient }),
  })
  let found = false
  for await (const row of rows) {
    found = true
    if (session.out.closed || session.signal.aborted) break
    await answer(session, row, () => columns([isOfTrust(row) ? trustCells(row) : cells(row)]))
  }
  if (!found) session.out.note('there are no such rows in this store')
  return EXIT.done
}

/** One row streams after another, so the widths are fixed; the longest event is `certificate-requested`. */
const WIDTH = { event: 21, actor: 10 }

/** Changes of whom we believe (TR-1, TR-4, TR-5), of our own certificates and of the store speak of no message. */
function isOfTrust({ event }: AuditRow): boolean {
  return /^(anchor|bundle|certificate|store)-/.test(event)
}

/** Who changed what: which certificate, to or for whom and which way, by which bundle, and why. */
function trustCells({ at, event, actor, certificate, address, outcome, why }: AuditRow): readonly string[] {
  return [
    at.toISOString(),
    event.padEnd(WIDTH.event),
    `by ${actor ?? 'itself'}`.padEnd(WIDTH.actor),
    [
      ...(certificate === null ? [] : [short(certificate)]),
      ...(address === null ? [] : [`of ${address}`]),
      ...why.map(({ text }) => text),
      ...(outcome === null ? [] : [outcome]),
    ].join('  '),
  ]
}

function cells(row: AuditRow): readonly string[] {
  const marks = [
    row.about && `about ${row.about}`,
    row.patient && `patient ${row.patient}`,
    ...row.documents.map((id) => `document ${id}`),
  ]
  return [
    row.at.toISOString(),
    row.event.padEnd(WIDTH.event),
    (row.actor ?? '-').padEnd(WIDTH.actor),
    `${row.from ?? '-'} -> ${row.address ?? '-'}`.padEnd(50),
    (row.route ?? '-').padEnd(12),
    (row.outcome ?? '-').padEnd(10),
    row.messageId ?? '-',
    [...marks.filter(Boolean), ...row.why.map(({ code }) => code)].join(', '),
  ]
}
