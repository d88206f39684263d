import type { Command } from 'commander'
import type { StoreFinding } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { columns, printable } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'

export function options(command: Command): void {
  command.addHelpText(
    'after',
    '\nIt changes nothing; a daemon may go on.\n\nExample:\n  direct store check\n',
  )
}

/** 1 if anything is wrong. */
export async function run(session: Session, _command: Command): Promise<number> {
  await using agent = await openAgentForStore(session)
  const levels = new Set<StoreFinding['level']>()
  for await (const finding of agent.store.check()) {
    levels.add(finding.level)
    await answer(session, finding, () => text(finding))
  }
  if (levels.size === 0) session.out.note('there is no store yet')
  return levels.has('error') ? EXIT.no : EXIT.done
}

const WIDTH = { level: 5, area: 10 }

function text({ level, area, code, about, text, do: advice }: StoreFinding): string {
  const head = [level.padEnd(WIDTH.level), area.padEnd(WIDTH.area)]
  if (level === 'ok') return columns([[...head, text]])
  return [
    columns([[...head, [code, ...(about === null ? [] : [about])].join('  ')]]),
    ...[text, ...(advice === null ? [] : [`do: ${advice}`])].map((line) => `    ${printable(line)}`),
  ].join('\n')
}
