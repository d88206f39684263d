import type { Command } from 'commander'
import type { ImportedCertificate } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { columns } from './printable.ts'
import { readInput } from './read-input.ts'
import { say } from './say.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { actorOf, addActor, dateOf } from './trust-options.ts'

type Taken = Exclude<ImportedCertificate, { outcome: 'refused' }>
type Refused = Extract<ImportedCertificate, { outcome: 'refused' }>

const MOST_BYTES = 1 << 20
const HINT = 'Name the answer of the CA: PEM, DER, p7b; or - for stdin.'

export function options(command: Command): void {
  addActor(command).addHelpText(
    'after',
    `
The answer of a certificate authority, as it came: PEM in any order, DER, p7b or p7c; - is stdin. It is checked
against the key that it was requested for. Old certificates stay, for reading; none is overwritten.

Example:
  direct cert import answer.p7b
`,
  )
}

/** 1 if a certificate of it was refused: then nothing was changed. */
export async function run(session: Session, command: Command): Promise<number> {
  const file = command.args[0] as string
  const given =
    file === '-' ? await readInput({ file, hint: HINT, mostBytes: MOST_BYTES, signal: session.signal }) : file
  await using agent = await openAgentForStore(session, { own: false })
  const results = await agent.identities.import(given, { actor: actorOf(command) })
  for (const result of results) {
    if (result.outcome === 'refused') await tellRefusal(result, file, session)
    else {
      await answer(session, result, () => textOf(result))
      for (const note of result.notes) session.out.note(note)
    }
  }
  if (results.some(({ outcome }) => outcome === 'refused')) return EXIT.no
  if (results.some(({ outcome }) => outcome === 'imported')) for (const line of NEXT) session.out.talk(line)
  return EXIT.done
}

async function tellRefusal(refused: Refused, file: string, session: Session): Promise<void> {
  if (session.json) await answer(session, refused, () => '')
  const why = refused.why.map(({ code, text }) => `${text} (${code})`).join('; ')
  const hint = HINTS[refused.why[0].code] ?? 'Ask the certificate authority for another one.'
  say(session.out, `${file} was refused: ${why}`, `Nothing was changed. ${hint}`)
}

const HINTS: Readonly<Record<string, string>> = {
  KEY_MISMATCH:
    'Give the answer to a request of "direct cert request" or "direct init", with the configuration (dataDir) that made it; "direct cert list" shows what waits.',
  KEY_EXPOSED:
    'If nobody else had access to it, "chmod 600" it and import again; else ask with another key: "direct cert request NAME --new".',
  CERT_NOT_YET_VALID:
    'See whether the clock of this machine is right; if it is, import it when it has begun, or at most 60 days before.',
  CERT_IS_CA: "This is a CA's own certificate: give the one that was issued for you.",
  CERT_NOT_BOUND:
    'The name must stand in its subjectAltName: a dNSName for a domain, an rfc822Name for an address.',
}

function textOf(taken: Taken): string {
  const { outcome, for: name, sha256, notBefore, notAfter, boundTo, use, file, intermediates } = taken
  return columns([
    [outcome === 'known' ? 'known already' : 'imported', sha256],
    ['for', `${name} (${boundTo}-bound)`],
    ['valid', `${dateOf(notBefore)} to ${dateOf(notAfter)}`],
    ['used to', use.map((one) => (one === 'sign' ? 'sign' : 'be encrypted to')).join(' and ')],
    ['intermediates', String(intermediates.length)],
    ['file', file],
  ])
}

const NEXT: readonly string[] = [
  'Next:',
  '  1. publish it:   direct zone generate   (direct run and direct certs serve take it up by themselves)',
  '  2. see it there: direct zone check',
]
