import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import type { CertificateRequest, NewRequest } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { attempt, exists, writeNew } from './init/files.ts'
import { fileOption, keyTypeOption } from './options.ts'
import { ourAddress, ourDomain } from './our-name.ts'
import { answer, openAgentForStore, type Session } from './session.ts'
import { actorOf, addActor } from './trust-options.ts'

interface Options {
  readonly out?: string
  readonly key?: NewRequest['keyType']
  readonly reuseKey?: true
  readonly new?: true
}

export function options(command: Command): void {
  command
    .addOption(fileOption('--out <file>', 'write the request there instead of printing it'))
    .addOption(keyTypeOption().conflicts('reuseKey'))
    .option('--reuse-key', 'ask with the key of the present certificate')
    .option('--new', 'another one, although one waits for its answer')
  addActor(command).addHelpText(
    'after',
    `
For a domain, one certificate serves all its addresses. The key stays in dataDir, and needs no entry under
identities: once "direct cert import" has taken the answer, it counts. The old certificate goes on reading.

Examples:
  direct cert request clinic-a.example --out clinic-a.csr
  direct cert request dr.kim@clinic-a.example > dr.kim.csr
`,
  )
}

/** The request on stdout, what to do with it on stderr. */
export async function run(session: Session, command: Command): Promise<number> {
  const { out, key: keyType, reuseKey, new: anew } = command.opts<Options>()
  const given = command.args[0] as string
  const name = given.includes('@') ? ourAddress(given) : ourDomain(given, 'or as dr.kim@clinic-a.example')
  if (out !== undefined && (await exists(out)))
    throw new DirectError('FILE_UNWRITABLE', `${out} is there already; nothing was made`, {
      hint: 'Name another file, or move that one away: it is not overwritten.',
    })
  await using agent = await openAgentForStore(session)
  if (!reuseKey) session.out.progress('making a key …')
  const made = await agent.identities.request(name, {
    actor: actorOf(command),
    keyType,
    reuseKey,
    anew,
  })
  const { request } = made
  if (out !== undefined)
    await attempt(
      out,
      () => writeNew(out, request),
      'The request is kept: leave --out out, or name another file.',
    )
  const file = out ?? made.file
  await answer(session, { ...made, file }, () =>
    out === undefined ? request.trimEnd() : `written to ${out}`,
  )
  for (const note of made.notes) session.out.note(note)
  for (const line of nextSteps(made, file)) session.out.talk(line)
  return EXIT.done
}

function nextSteps({ for: name, keyType, key }: CertificateRequest, file: string | null): readonly string[] {
  const usages = keyType.startsWith('ec-')
    ? ': key usage digitalSignature and keyAgreement (RFC 5753), for keyEncipherment is of RSA keys alone'
    : ''
  return [
    `Next, for ${name} (${keyType}, key ${key.slice(0, 16)}…):`,
    `  1. give ${file ?? 'this request'} to your certificate authority; it must issue for ${name}, to sign and to encrypt${usages}`,
    '  2. take its answer:       direct cert import answer.pem',
    '  3. see what waits:        direct cert list',
  ]
}
