import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import { exitOfRoutes } from './exit.ts'
import { numberOption, single } from './options.ts'
import { columns } from './printable.ts'
import { answer, type Session } from './session.ts'
import { belowRoute } from './text/route.ts'
import { addTraceOptions, openAnswerer, type TraceOptions } from './trace-options.ts'

interface Options extends TraceOptions {
  readonly from?: string
  readonly explain?: true
  readonly file?: string
  readonly column?: string
  readonly changes?: true
  readonly within?: number
}

export function options(command: Command): void {
  addTraceOptions(
    command
      .addOption(single('--from <address>', 'the sender, whose anchors judge'))
      .option('--explain', 'every question asked, and every certificate seen')
      .addOption(single('--file <book.csv>', 'an address book of any size (CSV); - is stdin'))
      .addOption(single('--column <name>', 'the column that holds the addresses: its name or number'))
      .option('--changes', 'only what changed since the last time')
      .addOption(numberOption('--within <days>', 'tell that a certificate ends (30)', 3660, 'days')),
  ).addHelpText(
    'after',
    `
Examples:
  direct classify dr.lee@hisp.example --explain
  direct classify --file book.csv --changes --json
`,
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  const { from, explain, file, column, changes, within, ...trace } = command.opts<Options>()
  if (file !== undefined || changes) {
    requireUntraced(trace)
    if (file === undefined) requireWith('--column', column, '--file')
    if (!changes) requireWith('--within', within, '--changes')
    if (file === undefined && command.args.length === 0)
      throw nobodyAsked('an address, or an address book: --file book.csv')
    const { classifyFile, tellChanges } = await import('./classify-file.ts')
    const question = { addresses: command.args, file, column, from, explain: explain === true }
    return changes ? tellChanges(session, question, within) : classifyFile(session, question)
  }
  requireWith('--column', column, '--file')
  requireWith('--within', within, '--changes')
  if (trace.replay === undefined && command.args.length === 0)
    throw nobodyAsked('an address, an address book (--file book.csv), or a trace to replay (--replay FILE)')
  await using answerer = await openAnswerer(session, trace, command.args)
  session.out.progress(`looking up ${trace.replay ?? `${command.args.length} address(es)`} …`)
  const recipients = await answerer.classify(command.args, from)
  const table = columns(recipients.map((each) => [each.route, each.address, each.forUser])).split('\n')
  for (const [i, recipient] of recipients.entries()) {
    const { evidence, ...brief } = recipient
    await answer(session, explain ? recipient : brief, () =>
      [table[i], ...belowRoute(recipient, explain === true)].join('\n'),
    )
  }
  return exitOfRoutes(recipients)
}

function requireUntraced({ record, replay }: TraceOptions): void {
  const option = record !== undefined ? '--record' : replay !== undefined ? '--replay' : null
  if (option === null) return
  throw new DirectError('USAGE', `${option} is for addresses, not for an address book or its changes`, {
    hint: 'Name the addresses that support has to see: direct classify ADDRESS --record trace.json',
  })
}

function requireWith(option: string, value: unknown, other: string): void {
  if (value === undefined) return
  throw new DirectError('USAGE', `${option} says nothing without ${other}`, { hint: `Add ${other}.` })
}

function nobodyAsked(what: string): DirectError {
  return new DirectError('USAGE', "missing required argument 'address'", {
    hint: `Name ${what}.`,
  })
}
