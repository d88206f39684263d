import type { Command } from 'commander'
import type { SendResult, Sent, SentRecipient } from '../agent/index.ts'
import { exitOfSent } from './exit.ts'
import { fileOption, numberOption, single } from './options.ts'
import { columns, printable } from './printable.ts'
import { say } from './say.ts'
import { auditOf, draftOf, type SendFlags } from './send-draft.ts'
import { answer, openAgent, type Session } from './session.ts'
import { waitFor } from './wait.ts'

export function options(command: Command): void {
  command
    .addOption(single('--from <address>', 'the sender: one of our identities').makeOptionMandatory())
    .option('--to <address...>', 'recipients')
    .option('--cc <address...>', 'recipients of a copy')
    .option('--bcc <address...>', 'recipients whom the others do not see')
    .addOption(single('--subject <text>', 'travels encrypted'))
    .addOption(single('--text <text>', 'the message').conflicts('textFile'))
    .addOption(single('--text-file <file>', 'the message, from a UTF-8 file; - is stdin'))
    .option('--attach <file...>', 'files, streamed from disk')
    .addOption(
      fileOption('--message <file>', 'a whole RFC 5322 message instead').conflicts([
        'subject',
        'text',
        'textFile',
        'attach',
      ]),
    )
    .addOption(single('--actor <id>', 'who sends, for the audit'))
    .addOption(single('--patient <id>', 'whom it is about, for the audit'))
    .option('--document <id...>', 'which documents, for the audit')
    .addOption(single('--idempotency-key <key>', 'a second send with this key sends nothing'))
    .option('--dry-run', 'say what would be done, and do nothing')
    .addOption(
      numberOption(
        '--keep-trying <hours>',
        'keep it for recipients whose lookup failed, and ask again for so long',
        720,
        'hours',
      ),
    )
    .addOption(
      numberOption(
        '--wait <seconds>',
        'watch for receipts (another process runs: direct run)',
        86_400,
        'seconds',
      ),
    )
    .option('--final-delivery', 'ask for the dispatched notification as well')
    .addHelpText(
      'after',
      '\nExample:\n  direct send --from dr.kim@clinic-a.example --to dr.lee@clinic-b.example --subject Referral \\\n    --text "Please see attached." --attach summary.xml\n',
    )
}

export async function run(session: Session, command: Command): Promise<number> {
  const options = command.opts<SendFlags>()
  const draft = await draftOf(options, session.signal)
  await using agent = await openAgent(session, { own: false })
  session.out.progress(options.dryRun ? 'classifying …' : 'classifying, sealing, handing over …')
  const how = { ...auditOf(options), signal: session.signal }
  const sent = options.dryRun ? await agent.plan(draft, how) : await agent.send(draft, how)
  for (const warning of sent.warnings) session.out.note(warning)
  const seconds = options.dryRun ? undefined : options.wait
  const { signal, out } = session
  const finalDelivery = options.finalDelivery === true
  const result =
    seconds === undefined ? sent : await waitFor(agent, sent, { seconds, finalDelivery, signal, out })
  await answer(session, result, () => sentText(result, options.dryRun === true))
  if (!options.dryRun) tellOpen(result, options, session)
  return exitOfSent(result, options.dryRun === true)
}

/** What is still open, why, and what becomes of it. */
function tellOpen({ messageId, recipients }: Sent, { idempotencyKey }: SendFlags, { out }: Session): void {
  const open = (wanted: SendResult) => recipients.filter(({ result }) => result === wanted)
  const reasons = (of: readonly SentRecipient[]) =>
    [...new Set(of.flatMap(({ why }) => why.map(({ text }) => text)))].join('; ')
  const [waiting, queued] = [true, false].map((isWaiting) =>
    open('queued').filter(({ route }) => (route === 'undetermined') === isWaiting),
  ) as [SentRecipient[], SentRecipient[]]
  if (waiting.length > 0)
    say(
      out,
      `not sent yet to ${waiting.length} recipient(s), who may be reachable: ${reasons(waiting)}`,
      `The message is kept, and "direct run" asks again; direct status '${messageId}' tells how far it is.`,
    )
  if (queued.length > 0)
    say(
      out,
      `not handed over yet for ${queued.length} recipient(s): ${reasons(queued)}`,
      `The message is kept, and "direct run" delivers it; direct status '${messageId}' tells how far it is.`,
    )
  const unknown = open('undetermined')
  // A message that went to anybody has used its key up: nothing more is sent by it.
  const isUsedUp = idempotencyKey !== undefined && unknown.length < recipients.length
  const key = isUsedUp ? '; either way with another --idempotency-key, as this one is used up' : ''
  if (unknown.length > 0)
    say(
      out,
      `not sent to ${unknown.length} recipient(s), who may be reachable: ${reasons(unknown)}`,
      `Nothing is kept for them; send to them again in a few minutes, or add --keep-trying HOURS${key}.`,
    )
}

function sentText(sent: Sent, dryRun: boolean): string {
  const rows = sent.recipients.map(({ address, route, result, why }) => [
    result,
    route,
    address,
    why.map(({ text }) => text).join('; '),
  ])
  const repeated = '  (this key was used before: nothing was sent now)'
  const remark = dryRun ? '  (dry run: nothing was sent)' : sent.planned ? repeated : ''
  // Under an id of which nothing is kept nobody would find anything.
  const isKept = dryRun || sent.recipients.some(({ result }) => result !== 'undetermined')
  return [...(isKept ? [`${printable(sent.messageId)}${remark}`] : []), columns(rows)].join('\n')
}
