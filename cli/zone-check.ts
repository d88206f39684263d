import type { Command } from 'commander'
import type { CheckedRecord } from '../agent/index.ts'
import { exitOfZoneCheck } from './exit.ts'
import { single } from './options.ts'
import { columns, short } from './printable.ts'
import { answer, openAgent, type Session } from './session.ts'

export function options(command: Command): void {
  command.addOption(single('--domain <domain>', 'only what belongs into its zone')).addHelpText(
    'after',
    `
A record is visible, expiring, not-yet or stale (a resolver has nothing, or what was, and until when that is normal),
missing (at one of the domain's own servers, or at all resolvers), wrong, or unanswered.
Exit code: 1 if any is wrong or missing, else 75 if nobody answered for one, else 0.

Example:
  direct zone check
`,
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  const { domain } = command.opts<{ readonly domain?: string }>()
  await using agent = await openAgent(session)
  const { records, notes } = await agent.zone.check({
    signal: session.signal,
    ...(domain !== undefined && { domain }),
  })
  const table = columns(records.map(rowOf)).split('\n')
  for (const [i, record] of records.entries()) await answer(session, record, () => table[i] as string)
  for (const note of notes) session.out.note(note)
  return exitOfZoneCheck(records)
}

function rowOf(record: CheckedRecord): readonly string[] {
  const { name, type, for: whom, sha256, target, status, advice } = record
  const what = sha256 === null ? (target ?? 'garbled') : short(sha256)
  const facts = [...(whom === name ? [] : [`for ${whom}`]), ...whereText(record)].join('; ')
  return [status, type, name, what, [facts, advice ?? ''].filter((text) => text !== '').join('. ')]
}

/** Who has it, and who has it otherwise. */
function whereText({ servers, until, status }: CheckedRecord): readonly string[] {
  const fine = servers.filter(({ answer }) => answer === 'yes')
  const others = servers.filter(({ answer }) => answer !== 'yes')
  const isLate = status === 'not-yet' || status === 'stale'
  return [
    ...(fine.length > 0 ? [`seen at ${fine.map(({ server }) => server).join(', ')}`] : []),
    ...others.map(({ server, answer }) => `${server} ${SAID[answer]}`),
    ...(until !== null && isLate ? [`normal until ${until.toISOString()}`] : []),
  ]
}

const SAID: Readonly<Record<CheckedRecord['servers'][number]['answer'], string>> = {
  yes: 'has it',
  beside: 'has it, beside what is not ours',
  absent: 'does not have it',
  older: 'has an older certificate of ours',
  other: 'has what is not ours',
  failed: 'gave no usable answer',
}
