import { resolve } from 'node:path'
import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import type { Finding } from '../agent/index.ts'
import { EXIT, exitOfError } from './exit.ts'
import { single } from './options.ts'
import { columns, printable } from './printable.ts'
import { answer, clockAndNetwork, type Session } from './session.ts'

export function options(command: Command): void {
  command.addOption(single('--deliver <dir>', 'the folder that run delivers into')).addHelpText(
    'after',
    `
Each line is ok, a note, a warning, an error, or unreachable (somebody who would have to tell does not answer), with what
to do. Run it as the user of the service, with its environment. Servers are asked; nothing is sent or changed.
Exit code: 2 if the configuration is wrong, else 1 if anything is an error, else 75 if anybody is unreachable, else 0.

Example:
  direct doctor --deliver inbox
`,
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  const { deliver } = command.opts<{ readonly deliver?: string }>()
  const { createAgent } = await import('../agent/index.ts')
  const levels = new Set<Finding['level']>()
  const tell = async (finding: Finding) => {
    levels.add(finding.level)
    await answer(session, finding, () => text(finding))
  }
  try {
    await using agent = await createAgent(session.config, clockAndNetwork(session))
    const options = {
      signal: session.signal,
      ...(deliver !== undefined && { deliverTo: resolve(deliver) }),
    }
    for await (const finding of agent.doctor(options)) await tell(finding)
  } catch (error) {
    // A configuration that cannot be read is what was asked about.
    if (!(error instanceof DirectError) || levels.size > 0) throw error
    const { code, message, hint = null } = error
    await tell({ area: 'configuration', level: 'error', code, about: null, text: message, do: hint })
    return exitOfError(error)
  }
  if (levels.has('error')) return EXIT.no
  return levels.has('unreachable') ? EXIT.notKnown : EXIT.done
}

function text({ level, area, code, about, text, do: advice }: Finding): string {
  const head = [level.padEnd(11), area.padEnd(13)]
  if (level === 'ok') return columns([[...head, about === null ? text : `${about}: ${text}`]])
  return [
    columns([[...head, [code, ...(about === null ? [] : [about])].join('  ')]]),
    `    ${printable(text)}`,
    ...(advice === null ? [] : advice.split('\n').map((line) => `    do: ${printable(line)}`)),
  ].join('\n')
}
