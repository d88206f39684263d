import { resolve } from 'node:path'
import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import type { LostReceipt, ReceiveReport } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
import type { Output } from './output.ts'
import { columns } from './printable.ts'
import { say } from './say.ts'
import { answer, openAgent, type Session } from './session.ts'

interface Options {
  readonly once?: true
  readonly out?: string
}

export function options(command: Command): void {
  command
    .option('--once', 'one pass over the mailboxes (the daemon is: direct run)')
    .addOption(single('--out <dir>', 'deliver into folders there; without it, only judge and list'))
    .addHelpText('after', '\nExample:\n  direct receive --once --out inbox\n')
}

/** A refused message is an answer: exit code 0. */
export async function run(session: Session, command: Command): Promise<number> {
  const { once, out } = command.opts<Options>()
  if (!once)
    throw new DirectError('USAGE', 'receive fetches once or not at all', {
      hint: 'Add --once, or start the daemon: direct run --deliver DIR.',
    })
  await using agent = await openAgent(session, { own: false })
  session.out.progress('fetching …')
  const reports = agent.receiveOnce({
    ...(out !== undefined && { deliverTo: resolve(out) }),
    onLostReceipt: (receipt) => tellLost(receipt, session.out),
    signal: session.signal,
  })
  let count = 0
  for await (const report of reports) {
    await answer(session, report, () => columns([rowOf(report)]))
    session.out.progress(`${++count} message(s) …`)
  }
  if (count === 0) session.out.note('nothing new')
  else if (out === undefined)
    session.out.note('judged only, nothing was kept or answered: --out DIR delivers')
  return EXIT.done
}

/** It stays accepted; whoever sent it will believe that it has not arrived. */
export function tellLost({ about, from, to, why, advice }: LostReceipt, out: Output): void {
  const reasons = why.map(({ code, text }) => `${code}, ${text}`).join('; ')
  say(
    out,
    `note: no receipt for ${about} goes from ${from} to ${to}: ${reasons}`,
    advice.join('\n') || undefined,
  )
}

/** One message on a line: of one that was not accepted, why; never what is in it. */
export function rowOf(report: ReceiveReport): readonly string[] {
  const id = report.messageId ?? '(no Message-ID)'
  if ('notification' in report) {
    const states = report.recipients.map(({ address, state }) => `${address} ${state ?? 'not ours'}`)
    return [
      (report.own ? 'own notice' : report.notification).padEnd(12),
      id,
      `about ${report.about ?? 'nothing of ours'}: ${states.join(', ')}`,
    ]
  }
  const { verdict, code, why, from, to, deliveredTo } = report
  if (verdict === 'accept')
    return [verdict.padEnd(12), id, `${from ?? '?'} -> ${to.join(', ')}`, deliveredTo ?? '']
  // For the administrator to mend: it has addresses, fingerprints and names of CAs, and no content.
  const because = why[0] === undefined ? '' : `: ${why[0].text}`
  return [verdict.padEnd(12), id, `${code ?? ''}${because}`, '']
}
