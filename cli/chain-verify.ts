import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import { answerLines, type Fields, objectOf } from './batch.ts'
import { EXAMPLE, misspelt, rowOf } from './chain/row.ts'
import { type ChainVerdict, verdictOf } from './chain/verdict.ts'
import { EXIT } from './exit.ts'
import { single } from './options.ts'
import { columns } from './printable.ts'
import { readInput } from './read-input.ts'
import { answer, type Session } from './session.ts'

interface Options {
  readonly batch?: string
}

export function options(command: Command): void {
  command
    .addOption(single('--batch <->', 'JSON lines from stdin, one answer a line'))
    .addHelpText('after', FIELDS)
}

const FIELDS = `
FILE (or - for stdin) holds one JSON object; with --batch -, each line of stdin does:
  leaf        the certificate to judge, PEM
  trusted     [PEM] trust anchors; their own constraints bind
  untrusted   [PEM] where issuers may be found
  crls, ocsp  [PEM], [base64 DER]; nothing is fetched
  revocation  "require", "prefer" or "off"; absent: require if crls or ocsp are there, else off
  at          RFC 3339; absent: --at, or now
  eku         "any" (as when absent), or ["emailProtection", …]; OIDs too
  name        {"kind": "RFC822"|"DNS"|"IP", "value"}, or null: a subjectAltName the leaf must have
  initial_policy_set [OID], require_explicit_policy, inhibit_policy_mapping, inhibit_any_policy
  max_depth   most intermediates that are not self-issued, or null
  id          comes back with the answer
RFC 5280 path validation, extended key usage and name alone; whether a certificate is usable for
Direct is what "direct trust explain" tells.

Example:
  direct chain verify --json chain.json
`

export async function run(session: Session, command: Command): Promise<number> {
  const [file = '-'] = command.args
  const { batch } = command.opts<Options>()
  const now = () => session.at ?? new Date()
  if (batch !== undefined) {
    if (batch !== '-' || command.args.length > 0)
      throw new DirectError('USAGE', '--batch reads lines from stdin and goes without a file', {
        hint: 'As in: direct chain verify --batch - < chains.jsonl',
      })
    return await answerLines(session, EXAMPLE, (fields) => answerOf(fields, now()))
  }
  const hint = 'Name a file with one JSON object, or - for stdin.'
  const text = (await readInput({ file, hint, signal: session.signal })).toString()
  const fields = objectOf(text, file === '-' ? 'stdin' : file, `Write one object: ${EXAMPLE}`)
  const verdict = answerOf(fields, now())
  await answer(session, { id: fields.id ?? null, ...verdict }, () => verdictText(verdict))
  return verdict.verdict === 'accept' ? EXIT.done : EXIT.no
}

/** Outside suites have keys of their own, which change nothing; one that nearly is ours is told, as it was meant. */
function answerOf(fields: Fields, now: Date): ChainVerdict {
  const verdict = verdictOf(rowOf(fields, now))
  return { ...verdict, notes: [...misspelt(fields), ...verdict.notes] }
}

function verdictText({ verdict, reason, text, path, revocation, notes, work }: ChainVerdict): string {
  return columns([
    ['verdict', reason === null ? verdict : `${verdict}: ${reason}`],
    ...(text === null ? [] : [['why', text]]),
    ...path.map((sha256, i) => [i === 0 ? 'leaf' : i === path.length - 1 ? 'anchor' : 'issuer', sha256]),
    ...(path.length > 1 ? [['revocation', revocation.join(', ')]] : []),
    ...notes.map((note) => ['note', note]),
    ['work', `${work.signatures} signature check(s), ${work.steps} step(s)`],
  ])
}
