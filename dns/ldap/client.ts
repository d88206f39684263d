import { knownBefore } from '../answers.ts'
import { ExpiringMap } from '../expiring-map.ts'
import { aborted } from '../resolver/transport.ts'
import { createLimit, createSharing } from '../share.ts'
import type { Question } from '../types.ts'
import { Connections, serverKey } from './connections.ts'
import { LdapFailure } from './failure.ts'
import { searchDirectory } from './search.ts'
import type { LdapAnswer, LdapClient, LdapQuestion, LdapServer } from './types.ts'
import { serverUrl } from './url.ts'
import { within } from './within.ts'

export interface LdapClientOptions {
  /** Milliseconds for all that one server is asked in one search. */
  readonly timeoutMs: number
  /** Milliseconds of a clock that never goes back. Default: `performance.now`. */
  readonly now?: () => number
}

/** Searches under way at once: each may hold a connection, and megabytes of an answer. */
const MAX_AT_ONCE = 100
/** Answers that are kept, and their bytes. */
const MAX_ENTRIES = 10_000
const MAX_BYTES = 16 << 20
/** What an answer takes beside its certificates: about what was measured for one of DNS. */
const ENTRY_BYTES = 1000

type Keepable = Exclude<LdapAnswer, { status: 'failed' }>

/**
 * Asks directories, anonymously, by LDAPv3 (DISC-8). Answers are kept for as long as the asker says (DISC-11); a question
 * that is under way is not put twice. Dispose of it to close its connections.
 */
export function createLdapClient(options: LdapClientOptions): LdapClient & Disposable {
  const { timeoutMs, now = () => performance.now() } = options
  const connections = new Connections(timeoutMs)
  const share = createSharing<LdapAnswer>()
  const limit = createLimit(MAX_AT_ONCE)
  const answers = new ExpiringMap<Keepable>({ now, maxEntries: MAX_ENTRIES, maxBytes: MAX_BYTES })

  return {
    async search(server, question, { signal, ttl = 0 } = {}) {
      if (signal?.aborted) throw aborted(signal)
      const key = `${serverKey(server)} ${question.mail} ${question.domain}`
      const known = answers.get(key)
      if (known !== null) return { ...known.value, kept: known.seconds }
      return share(
        key,
        async (shared) => {
          const answer = await limit(() => ask(connections, server, question, timeoutMs, shared))
          if (answer.status !== 'failed') answers.set(key, answer, { bytes: bytesOf(answer), seconds: ttl })
          return answer
        },
        signal,
      )
    },
    [Symbol.dispose]: () => connections.close(),
  }
}

async function ask(
  connections: Connections,
  server: LdapServer,
  question: LdapQuestion,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<LdapAnswer> {
  let questions: Question[] = []
  try {
    return await within(timeoutMs, signal, (signal) =>
      connections.use(server, signal, (directory, known) => {
        questions = []
        const rootDse = known ? knownBefore(directory.rootDse) : directory.rootDse
        return searchDirectory(server, { ...directory, rootDse }, question, questions, signal)
      }),
    )
  } catch (error) {
    if (!(error instanceof LdapFailure)) throw error
    const last = { name: serverUrl(server), type: 'LDAP', answer: error.message } as const
    return { status: 'failed', text: error.message, questions: [...questions, last] }
  }
}

function bytesOf({ certificates, questions }: Keepable): number {
  const texts = JSON.stringify(questions).length
  return certificates.reduce((sum, { length }) => sum + length, ENTRY_BYTES + texts)
}
