import { DirectError } from '../../agent/errors.ts'
import type { KeyType } from '../../trust-anchors/issue/index.ts'
import { ourAddress, ourDomain } from '../our-name.ts'
import type { Session } from '../session.ts'
import type { InitOptions } from './ask.ts'

/** What is needed to set up, complete and checked. */
export interface Answers {
  /** A domain or an address, lower case. */
  readonly subject: string
  readonly imap: string
  readonly smtp: string
  readonly passwordEnv: string
  /** A URL names a user and holds no password. */
  readonly passwordNeeded: boolean
  readonly dir: string
  readonly anchors: readonly string[]
  readonly testCa: string | undefined
  readonly organisation: string | undefined
  readonly key: KeyType | undefined
  readonly dns: readonly string[]
}

/** Completes the options by asking, on a terminal; elsewhere, throws DirectError USAGE naming what is missing. */
export async function answersFrom(options: InitOptions, session: Session): Promise<Answers> {
  const missing = [
    (options.domain ?? options.address) === undefined && '--domain (or --address)',
    options.imap === undefined && '--imap',
    options.smtp === undefined && '--smtp',
  ].filter((option) => option !== false)
  if (missing.length === 0) return await check(options, session)
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new DirectError('USAGE', `init needs ${missing.join(', ')}`, {
      hint: 'Give them as options, or run direct init on a terminal to be asked. "direct help init" lists them all.',
    })
  const { ask } = await import('./ask.ts')
  return await check(await ask(options, session.signal), session)
}

async function check(options: InitOptions, session: Session): Promise<Answers> {
  const { imap = '', smtp = '', passwordEnv } = options
  const answers = {
    subject: subjectOf(options),
    imap,
    smtp,
    passwordEnv,
    passwordNeeded: [imap, smtp].some(needsPassword),
    dir: options.dir,
    anchors: options.anchor ?? [],
    testCa: options.testCa,
    organisation: organisationOf(options),
    key: options.key,
    dns: options.dns ?? [],
  }
  await checkValues(answers, session)
  return answers
}

/** The library judges the values by the very rules by which it will read the file. */
async function checkValues(answers: Answers, session: Session): Promise<void> {
  const { createAgent } = await import('../../agent/index.ts')
  const login = (url: string) => (needsPassword(url) ? { passwordEnv: answers.passwordEnv } : {})
  const agentOf = async () =>
    await createAgent({
      trust: [{ for: '*', anchors: answers.anchors }],
      smtp: { url: answers.smtp, ...login(answers.smtp) },
      mailboxes: [{ imap: answers.imap, ...login(answers.imap), addresses: [answers.subject] }],
      ...(answers.dns.length > 0 && { dns: { servers: answers.dns } }),
    })
  await using agent = await agentOf().catch((error: unknown) => {
    throw error instanceof DirectError ? byOption(error) : error
  })
  // Reads the anchors, so that a file that is none is told now.
  for (const notice of await agent.notices()) session.out.note(notice)
}

/** Where the values come from, by the keys under which the library judges them. */
const OPTIONS: readonly (readonly [key: RegExp, option: string])[] = [
  [/the options object: /g, ''],
  [/\b(smtp|mailboxes\[0\])\.passwordEnv\b/g, '--password-env'],
  [/\bsmtp\.url\b/g, '--smtp'],
  [/\bmailboxes\[0\]\.imap\b/g, '--imap'],
  [/\bdns\.servers\[\d+\]/g, '--dns'],
  [/\btrust\[0\]\.anchors\[\d+\]/g, '--anchor'],
]

/** There is no file yet whose keys it could name: it names what was given. */
function byOption({ code, message, hint, cause }: DirectError): DirectError {
  const named = (text: string) => OPTIONS.reduce((said, [key, option]) => said.replace(key, option), text)
  return new DirectError(code, named(message), { ...(hint !== undefined && { hint: named(hint) }), cause })
}

export function needsPassword(url: string): boolean {
  return /^[a-z]+:\/\/[^/:@]+(@[^/:@]+)*@/i.test(url)
}

/** RFC 5280 A.1 (ub-organization-name): what is cut off or refused by a CA is better told now. */
const MOST_OF_ORGANISATION = 64

function organisationOf({ organisation }: InitOptions): string | undefined {
  if (organisation === undefined) return undefined
  const { length } = [...organisation]
  if (length <= MOST_OF_ORGANISATION && !/[\p{Cc}\ufffd]/u.test(organisation)) return organisation
  const why =
    length > MOST_OF_ORGANISATION
      ? `has ${length} characters; a certificate holds ${MOST_OF_ORGANISATION} at most`
      : 'holds control characters, or is no UTF-8'
  throw new DirectError('USAGE', `the organisation ${why}`, {
    hint: 'Give a shorter or plainer name with --organisation, or none: certificates are found and believed without.',
  })
}

function subjectOf({ domain, address }: InitOptions): string {
  if (address !== undefined) return ourAddress(address)
  return ourDomain(domain ?? '', 'a single address goes into --address')
}
