import type { Command } from 'commander'
import type { ListedCertificate } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { columns, short } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { dateOf } from './trust-options.ts'

export function options(command: Command): void {
  command.addHelpText(
    'after',
    `
Our own certificates, requests that wait for their answer, and what is pinned to partners; what ends first comes first.

Example:
  direct cert list
`,
  )
}

export async function run(session: Session): Promise<number> {
  await using agent = await openAgentForStore(session)
  const listed = await agent.identities.list()
  const table = columns(listed.map(cells)).split('\n')
  for (const [i, one] of listed.entries()) await answer(session, one, () => table[i] as string)
  if (listed.length === 0) session.out.note('there is no certificate, no request and no pin')
  return EXIT.done
}

function cells(one: ListedCertificate): readonly string[] {
  const { kind, for: name, sha256, notAfter, daysLeft, file, why } = one
  return [
    kind,
    name,
    stateText(one),
    notAfter === null ? '-' : `until ${dateOf(notAfter)}`,
    daysLeft === null ? '-' : daysText(daysLeft),
    sha256 === null ? '-' : short(sha256),
    [...(file === null ? [] : [file]), ...why.map(({ text }) => text)].join('; '),
  ]
}

function stateText({ kind, state, use }: ListedCertificate): string {
  if (kind !== 'own' || state !== 'in-use') return state
  return use.length === 2 ? 'signs, encrypts' : use[0] === 'sign' ? 'signs' : 'encrypts'
}

function daysText(days: number): string {
  if (days < 0) return `ended ${-days} ${days === -1 ? 'day' : 'days'} ago`
  return `${days} ${days === 1 ? 'day' : 'days'} left`
}
