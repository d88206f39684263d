import { createInterface, type Interface } from 'node:readline/promises'
import { DirectError } from '../../agent/errors.ts'
import type { KeyType } from '../../trust-anchors/issue/index.ts'

/** The options of `direct init`, as typed. */
export interface InitOptions {
  readonly domain?: string
  readonly address?: string
  readonly imap?: string
  readonly smtp?: string
  readonly passwordEnv: string
  readonly dir: string
  readonly anchor?: readonly string[]
  readonly testCa?: string
  readonly organisation?: string
  readonly key?: KeyType
  readonly dns?: readonly string[]
}

/** Asks, on stderr, for what the options leave open. Ctrl-D ends in DirectError USAGE. */
export async function ask(options: InitOptions, signal: AbortSignal): Promise<InitOptions> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  // Readline keeps Ctrl-C for itself.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const ended = new AbortController()
  lines.on('close', () => ended.abort())
  const stop = AbortSignal.any([signal, ended.signal])
  try {
    const named = options.domain ?? options.address
    const subject = named ?? (await required(lines, 'Your Direct domain, or one address: ', stop))
    const imap = options.imap ?? (await required(lines, 'Mail comes in at (imaps://user@host/INBOX): ', stop))
    const smtp = options.smtp ?? (await required(lines, 'Mail goes out by (smtp://user@host:587): ', stop))
    const organisation =
      options.organisation ??
      (await lines.question('Organisation, for the certificate (may be empty): ', { signal: stop }))
    return {
      ...options,
      ...(subject.includes('@') ? { address: subject } : { domain: subject }),
      imap,
      smtp,
      ...(organisation.trim() !== '' && { organisation: organisation.trim() }),
    }
  } catch (error) {
    if (!ended.signal.aborted || signal.aborted) throw error
    throw new DirectError('USAGE', 'the answers ended too early', {
      hint: 'Nothing was made. "direct help init" lists the options that answer beforehand.',
      cause: error,
    })
  } finally {
    lines.close()
  }
}

async function required(lines: Interface, question: string, signal: AbortSignal): Promise<string> {
  for (;;) {
    const answer = (await lines.question(question, { signal })).trim()
    if (answer !== '') return answer
  }
}
