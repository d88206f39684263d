import type { Command } from 'commander'
import type { Agent, TrustedAnchor } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
import { columns } from './printable.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { anchorText, originText, removedText } from './trust-options.ts'

export function options(command: Command): void {
  command
    .addOption(
      single('--for <name>', 'only what counts for this domain or address of ours, by whatever entry'),
    )
    .addHelpText('after', '\nExample:\n  direct trust list --for clinic-a.example\n')
}

export async function run(session: Session, command: Command): Promise<number> {
  const { for: name } = command.opts<{ readonly for?: string }>()
  await using agent = await openAgentForStore(session)
  const anchors = await agent.trust.list(name === undefined ? {} : { for: name })
  const table = columns(
    anchors.map((anchor) => [
      anchor.state,
      anchor.for,
      anchor.direction,
      anchor.sha256,
      originText(anchor),
      [
        anchorText(anchor),
        ...(anchor.removed === null ? [] : [removedText(anchor.removed)]),
        ...exceptionTexts(anchor),
      ].join('; '),
    ]),
  ).split('\n')
  for (const [i, anchor] of anchors.entries()) await answer(session, anchor, () => table[i] as string)
  if (!anchors.some(({ state }) => state === 'in-force')) session.out.note(await nobodyText(agent, name))
  return EXIT.done
}

/** For whom an anchor does not count though its name covers them. */
function exceptionTexts({ direction, exceptFor }: TrustedAnchor): readonly string[] {
  return exceptFor.map((exception) => {
    const isWhole = exception.direction === 'both' || exception.direction === direction
    const whom = `${isWhole ? '' : `${exception.direction} mail of `}${exception.for}`
    return exception.because === 'its-own'
      ? `but for ${whom}, which has its own`
      : `but for ${whom}, where it was removed`
  })
}

async function nobodyText(agent: Agent, name: string | undefined): Promise<string> {
  const none = `no trust anchor is in force${name === undefined ? '' : ` for ${name}`}`
  const pins = (await agent.pins.list()).some(({ state }) => state === 'in-force')
  return `${none}: ${pins ? 'only whose certificate is pinned is believed ("direct cert pins")' : 'nobody is believed'}`
}
