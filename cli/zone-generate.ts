import type { Command } from 'commander'
import type { ZoneFormat } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { choice, fileOption, single } from './options.ts'
import { jsonLine } from './printable.ts'
import { openAgent, type Session } from './session.ts'

const FORMATS: readonly ZoneFormat[] = ['bind', 'lines', 'json', 'ldif']

interface Options {
  readonly format: ZoneFormat
  readonly domain?: string
  readonly wholeZone?: true
  readonly out?: string
}

export function options(command: Command): void {
  command
    .addOption(
      choice(
        '--format <format>',
        'a zone file, lines for a web form, objects, or a directory',
        FORMATS,
      ).default('bind'),
    )
    .addOption(single('--domain <domain>', 'only what belongs into its zone'))
    .option('--whole-zone', 'with SOA, NS, MX and addresses: it stands alone')
    .addOption(fileOption('--out <file>', 'write it there, in place of a file or a link that is there'))
    .addHelpText(
      'after',
      `
Examples:
  direct zone generate --out clinic-a.example.certs    then $INCLUDE it in the zone file
  direct zone generate --format lines
  direct zone generate --format ldif | ldapadd -c -x -W -D cn=admin,dc=clinic-a,dc=example
`,
    )
}

export async function run(session: Session, command: Command): Promise<number> {
  const { format, domain, wholeZone, out } = command.opts<Options>()
  await using agent = await openAgent(session)
  const { records, text, notes } = await agent.zone.generate({
    format,
    ...(domain !== undefined && { domain }),
    ...(wholeZone && { wholeZone }),
    ...(out !== undefined && { out }),
  })
  for (const note of notes) session.out.note(note)
  if (session.json) for (const record of records) await session.out.line(jsonLine(record))
  else if (out === undefined) await session.out.line(text.trimEnd())
  else await session.out.line(`${count(records.length)} in ${out}`)
  return EXIT.done
}

function count(records: number): string {
  return records === 1 ? '1 record' : `${records} records`
}
