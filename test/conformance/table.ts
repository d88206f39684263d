import { TIDINESS } from './divergences.ts'
import { isFalseAccept, isFalseReject, judge, limbo, pkits, type Row, web } from './rows.ts'

/** Prints the table of the README: what the outside suites say of us. Without them there is nothing to print. */
if (pkits().length === 0) {
  process.stderr.write('The outside suites are not beside this checkout, so there is nothing to print.\n')
  process.exit(1)
}
const lines = [
  '| suite | rows | right | false accepts | false rejects |',
  '|---|---|---|---|---|',
  line('NIST PKITS', pkits()),
  line(
    'x509-limbo: paths and CRLs',
    limbo().filter(({ id }) => TIDINESS[id] === undefined),
  ),
  line(
    'x509-limbo: tidiness of issuers (not judged)',
    limbo().filter(({ id }) => TIDINESS[id] !== undefined),
  ),
  line('x509-limbo: rules of the web (not judged)', web()),
]
process.stdout.write(`${lines.join('\n')}\n`)

function line(suite: string, rows: readonly Row[]): string {
  const outcomes = rows.map(judge)
  const [accepts, rejects] = [isFalseAccept, isFalseReject].map((is) => outcomes.filter(is).length) as [
    number,
    number,
  ]
  const right = outcomes.length - accepts - rejects
  return `| ${[suite, outcomes.length, right, accepts, rejects].join(' | ')} |`
}
