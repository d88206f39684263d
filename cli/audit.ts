import { type Command, Option } from 'commander'
import { DirectError } from '../agent/errors.ts'
import type { Agent, AuditProof } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { messageIdOf, single } from './options.ts'
import { columns, short } from './printable.ts'
import { restoredHint } from './restored-hint.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { algorithmsText } from './text/algorithms.ts'

type AuditRow = ReturnType<Agent['audit']> extends AsyncIterable<infer Row> ? Row : never

interface Options {
  readonly message?: string
  readonly document?: string
  readonly patient?: string
  readonly verify?: true
  readonly expect?: string
}

export function options(command: Command): void {
  command
    .addOption(single('--message <id>', 'rows about this message and its receipts'))
    .addOption(single('--document <id>', 'rows about messages that carried this document'))
    .addOption(single('--patient <id>', 'rows about messages concerning this patient'))
    .addOption(
      new Option('--verify', 'is every row as it was written').conflicts(['message', 'document', 'patient']),
    )
    .addOption(
      single('--expect <head>', 'with --verify: a head that was noted earlier, as the daemon logs it'),
    )
    .addHelpText('after', '\nExamples:\n  direct audit --patient p-17\n  direct audit --verify\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  const { message, document, patient, verify, expect } = command.opts<Options>()
  if (expect !== undefined && verify !== true)
    throw new DirectError('USAGE', '--expect says what --verify should find', { hint: 'Add --verify.' })
  if (expect !== undefined && !/^[0-9a-f]{64}$/.test(expect))
    throw new DirectError('USAGE', `${JSON.stringify(expect)} is no head of an audit`, {
      hint: 'Take "auditHead" from the log of the daemon: 64 hexadecimal digits.',
    })
  await using agent = await openAgentForStore(session)
  if (verify) return await prove(session, agent, expect)
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
  if (!found)
    session.out.note(
      message === undefined
        ? 'there are no such rows in this store'
        : `nothing is recorded of message ${messageIdOf(message)} in this store: was it sent or received with this --config?${await restoredHint(agent)}`,
    )
  return EXIT.done
}

/** 1 if a row is not as it was written, or the head that was expected is not in the chain. */
async function prove(session: Session, agent: Agent, expect: string | undefined): Promise<number> {
  const proof = await agent.store.verifyAudit(expect)
  await answer(session, proof, () => proofText(proof))
  if (proof.expected === false) await noteInnocent(session, agent, proof)
  return proof.broken !== null || proof.expected === false ? EXIT.no : EXIT.done
}

/** What a head that was there once is not found by, other than by whoever has written the audit anew. */
async function noteInnocent({ out }: Session, agent: Agent, { first }: AuditProof): Promise<void> {
  if (first > 1)
    out.note(
      `rows 1 to ${first - 1} were removed, as "retention" says or somebody would have it look: whether the expected head is of one of them cannot be known any more. Expect a head that was logged later.`,
    )
  const restored = await restoredHint(agent)
  if (restored !== '') out.note(`a head that was logged before a restore may be gone by it.${restored}`)
}

function proofText({ rows, first, head, expected, broken }: AuditProof): string {
  const whole = `${rows} rows${first > 1 ? `, from row ${first} on,` : ''} are as they were written${head === '' ? '' : `; head ${head}`}`
  return [
    ...(broken === null ? [whole] : [`BROKEN: ${broken.text}`, `before it, ${whole}`]),
    ...(expected === null
      ? []
      : [expected ? 'the expected head is among them' : 'NOT FOUND: the expected head']),
  ].join('\n')
}

/** One row streams after another, so the widths are fixed; the longest event is `certificate-requested`. */
const WIDTH = { event: 21, actor: 10 }

/** Changes of whom we believe (TR-1, TR-4, TR-5), of our own certificates and of the store speak of no message. */
function isOfTrust({ event }: AuditRow): boolean {
  return /^(anchor|bundle|certificate|store)-|^pruned$/.test(event)
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
    algorithmsText(row.algorithms),
  ]
  return [
    row.at.toISOString(),
    row.event.padEnd(WIDTH.event),
    (row.actor ?? '-').padEnd(WIDTH.actor),
    `${row.from ?? '-'} -> ${row.address ?? '-'}`.padEnd(50),
    (row.route ?? '-').padEnd(12),
    (row.outcome ?? '-').padEnd(10),
    row.messageId ?? '-',
    [...marks.filter(Boolean), ...row.why.map(({ code, text }) => `${code}: ${text}`)].join(', '),
  ]
}
