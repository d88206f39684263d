import { Connection } from './connection.ts'
import { LdapFailure } from './failure.ts'
import { type Entry, ROOT_DSE, START_TLS } from './messages.ts'
import { printable, showResult } from './results.ts'
import type { LdapServer } from './types.ts'
import { within } from './within.ts'

/** A directory that is connected and has said what it holds. */
export interface OpenDirectory {
  readonly connection: Connection
  /** Naming contexts, as it names them; empty: it names none (DISC-8). */
  readonly contexts: readonly string[]
  readonly notes: readonly string[]
  /** For evidence: what it said of itself. */
  readonly rootDse: string
}

/** Naming contexts that are searched. */
const MAX_CONTEXTS = 16
/** Bytes of one's name. */
const MAX_CONTEXT = 1024

/**
 * Dials the addresses in turn until one is connected and has answered; `timeoutMs` is for all of them together.
 * StartTLS where it is offered (DISC-8); where that goes wrong, in the clear, with a note. Rejects with LdapFailure.
 */
export async function openDirectory(
  server: LdapServer,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<OpenDirectory> {
  const until = performance.now() + timeoutMs
  let failure = new LdapFailure('has no address')
  for (const [index, address] of server.addresses.entries()) {
    // A silent address leaves time for those after it.
    const share = (until - performance.now()) / (server.addresses.length - index)
    try {
      return await within(share, signal, (signal) => openAt(server, address, signal))
    } catch (error) {
      if (!(error instanceof LdapFailure) || signal.aborted) throw error
      failure = error
    }
  }
  throw failure
}

async function openAt(server: LdapServer, address: string, signal: AbortSignal): Promise<OpenDirectory> {
  const target = { host: server.host, address, port: server.port, secure: server.secure }
  const connection = await Connection.open(target, signal)
  return whileOpen(connection, signal, async () => {
    const { entries, result } = await connection.search(ROOT_DSE)
    const directory = { connection, ...readRootDse(entries[0]) }
    const rootDse = result.code === 0 ? directory.rootDse : showResult(result)
    if (server.secure || !directory.offersTls) return { ...directory, rootDse }
    const refusal = await startTls(connection, server.host, signal)
    if (refusal === null) return { ...directory, rootDse }
    const notes = [...directory.notes, `StartTLS was offered and failed (${refusal}); asked in the clear`]
    if (!connection.lost) return { ...directory, rootDse, notes }
    return { ...directory, rootDse, notes, connection: await Connection.open(target, signal) }
  })
}

/** Null, or what went wrong with it. */
async function startTls(connection: Connection, host: string, signal: AbortSignal): Promise<string | null> {
  try {
    const result = await connection.startTls(host, signal)
    return result.code === 0 ? null : showResult(result)
  } catch (error) {
    if (!(error instanceof LdapFailure) || signal.aborted) throw error
    return error.message
  }
}

function readRootDse(entry: Entry | undefined) {
  const texts = (name: string) => (entry?.get(name) ?? []).map((value) => value.toString('utf8'))
  const named = texts('namingcontexts')
  const usable = [...new Set(named)].filter((name) => name !== '' && Buffer.byteLength(name) <= MAX_CONTEXT)
  const contexts = usable.slice(0, MAX_CONTEXTS)
  const notes =
    usable.length > contexts.length
      ? [`${usable.length} naming contexts are named, and the first ${MAX_CONTEXTS} were searched`]
      : []
  const shown =
    contexts.length === 0 ? 'no naming context' : `naming contexts: ${contexts.map(printable).join('; ')}`
  return { contexts, notes, rootDse: shown, offersTls: texts('supportedextension').includes(START_TLS) }
}

/** Closes the connection where `work` fails or the signal fires. */
async function whileOpen<T>(connection: Connection, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const close = () => connection.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    return await work()
  } catch (error) {
    close()
    throw error
  } finally {
    signal.removeEventListener('abort', close)
  }
}
