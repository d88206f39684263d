import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import type { Opened } from '../agent/index.ts'
import { exitOfOpened } from './exit.ts'
import { fileOption, single } from './options.ts'
import { columns } from './printable.ts'
import { answer, openAgent, type Session } from './session.ts'
import { algorithmsText } from './text/algorithms.ts'

interface Options {
  readonly to?: readonly string[]
  readonly in?: string
  readonly out?: string
  readonly mailFrom?: string
  readonly batch?: string
}

export function options(command: Command): void {
  command
    .option('--to <address...>', 'the recipients of the envelope')
    .addOption(fileOption('--in <file>', 'a message as it came'))
    .addOption(
      fileOption(
        '--out <file>',
        'where the inner message goes, byte for byte, if it is accepted; what stands there is replaced then',
      ),
    )
    .addOption(single('--mail-from <address>', 'SMTP MAIL FROM (default: the Return-Path in the file)'))
    .addOption(
      single('--batch <->', 'JSON lines from stdin: {"id", "file", "to", "mailFrom", "config", "at"}'),
    )
    .addHelpText(
      'after',
      '\nExample:\n  direct message open --to dr.lee@clinic-b.example --in sealed.eml --out inner.eml\n',
    )
}

export async function run(session: Session, command: Command): Promise<number> {
  const { to, in: path, out, mailFrom, batch } = command.opts<Options>()
  if (batch !== undefined) {
    if (batch !== '-' || path !== undefined || out !== undefined)
      throw new DirectError('USAGE', '--batch reads lines from stdin and goes without --in and --out', {
        hint: 'As in: direct message open --batch - < lines.jsonl',
      })
    const { openBatch } = await import('./message-batch.ts')
    return await openBatch(session, { to, mailFrom })
  }
  if (path === undefined || to === undefined)
    throw new DirectError('USAGE', `${path === undefined ? '--in FILE' : '--to ADDRESS'} is missing`, {
      hint: 'As in: direct message open --to dr.lee@clinic-b.example --in sealed.eml',
    })
  await using agent = await openAgent(session, { own: false })
  session.out.progress('opening …')
  const opened = await agent.open({
    path,
    to,
    ...(mailFrom !== undefined && { mailFrom }),
    ...(out !== undefined && { out }),
  })
  await answer(session, { id: null, ...opened }, () => openedText(opened))
  return exitOfOpened(opened)
}

function openedText(opened: Opened): string {
  const { signer } = opened
  return columns(
    [
      ['verdict', opened.code === null ? opened.verdict : `${opened.verdict}: ${opened.code}`],
      ...opened.why.map(({ code, text }) => ['why', `${code}: ${text}`]),
      ['from', opened.from ?? '-'],
      ['to', opened.to.join(', ') || '-'],
      ['signer', signer === null ? '-' : `${signer.address ?? signer.domain} ${signer.sha256}`],
      ['algorithms', algorithmsText(opened.algorithms) || '-'],
      ['inner', opened.innerSha256 ?? '-'],
      ['mdn', opened.mdn],
      ...opened.parts.map(({ filename, contentType, bytes }) => [
        'part',
        `${contentType}  ${bytes} bytes  ${filename ?? ''}`,
      ]),
      ...opened.warnings.map((warning) => ['warning', warning]),
    ].map(([key = '', value = '']) => [key, value]),
  )
}
