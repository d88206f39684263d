import { DirectError } from '../agent/errors.ts'
import type { KeyType } from '../trust-anchors/issue/index.ts'
import type { InitOptions } from './init-ask.ts'
import { ourAddress, ourDomain } from './our-name.ts'
import type { Session } from './session.ts'

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
  const { ask } = await import('./init-ask.ts')
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
    organisation: options.organisation,
    key: options.key,
    dns: options.dns ?? [],
  }
  await checkValues(answers, session)
  return answers
}

/** The library judges the values by the very rules by which it will read the file. */
async function checkValues(answers: Answers, session: Session): Promise<void> {
  const { createAgent } = await import('../agent/index.ts')
  const login = (url: string) => (needsPassword(url) ? { passwordEnv: answers.passwordEnv } : {})
  await using agent = await createAgent({
    trust: [{ for: '*', anchors: answers.anchors }],
    smtp: { url: answers.smtp, ...login(answers.smtp) },
    mailboxes: [{ imap: answers.imap, ...login(answers.imap), addresses: [answers.subject] }],
    ...(answers.dns.length > 0 && { dns: { servers: answers.dns } }),
  })
  // Reads the anchors, so that a file that is none is told now.
  for (const notice of await agent.notices()) session.out.note(notice)
}

export function needsPassword(url: string): boolean {
  return /^[a-z]+:\/\/[^/:@]+(@[^/:@]+)*@/i.test(url)
}

function subjectOf({ domain, address }: InitOptions): string {
  if (address !== undefined) return ourAddress(address)
  return ourDomain(domain ?? '', 'a single address goes into --address')
}
