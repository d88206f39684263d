import type { Command } from 'commander'
import type { StoreFinding } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { columns, printable } from './printable.ts'
import { answer, openAgentUnasked, type Session } from './session.ts'
import { showing } from './store-progress.ts'

export function options(command: Command): void {
  command.addHelpText(
    'after',
    '\nIt changes nothing; a daemon may go on.\n\nExamples:\n  direct store check\n  direct store check /backup/direct-2026-11-21.db\n',
  )
}

/** 1 if anything is wrong. */
export async function run(session: Session, command: Command): Promise<number> {
  await using agent = await openAgentUnasked(session)
  const findings: StoreFinding[] = []
  const [backup] = command.args
  for await (const finding of agent.store.check({ backup, tell: showing(session, 'reading') })) {
    findings.push(finding)
    await answer(session, finding, () => text(finding))
  }
  const wrong = findings.filter(({ level }) => level === 'error')
  if (findings.length === 0) session.out.note('there is no store yet')
  else if (!session.json) await session.out.line(verdict(wrong))
  return wrong.length > 0 ? EXIT.no : EXIT.done
}

/** The last line: what was found earlier may have left the screen. It promises nothing of what was not looked at. */
function verdict(wrong: readonly StoreFinding[]): string {
  if (wrong.length === 0) return 'nothing wrong was found'
  const kinds = Map.groupBy(wrong, ({ area, code }) => `${area} ${code}`)
  return `WRONG: ${[...kinds].map(([kind, { length }]) => (length === 1 ? kind : `${kind} (${length})`)).join(', ')}`
}

const WIDTH = { level: 5, area: 10 }

export function text({ level, area, code, about, text, do: advice }: StoreFinding): string {
  const head = [level.padEnd(WIDTH.level), area.padEnd(WIDTH.area)]
  if (level === 'ok') return columns([[...head, text]])
  return [
    columns([[...head, [code, ...(about === null ? [] : [about])].join('  ')]]),
    ...[text, ...(advice === null ? [] : [`do: ${advice}`])].map((line) => `    ${printable(line)}`),
  ].join('\n')
}
