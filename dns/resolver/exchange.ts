import type { HostPort } from '../types.ts'
import type { Message } from './message.ts'
import { askTcp, askUdp, type Transport } from './transport.ts'
import type { FailedTry, RecordType } from './types.ts'
import { encodeQuery, RCODE } from './wire.ts'

export interface ExchangeOptions {
  /** Milliseconds for each try. */
  readonly timeoutMs: number
  /** Fresh message ids, 0 to 65535. */
  readonly id: () => number
  readonly signal: AbortSignal
  /** False: the server is asked for what it knows itself. */
  readonly recursive: boolean
}

/** An answer that says something (NOERROR or NXDOMAIN), or every try that led nowhere. */
export type ExchangeOutcome = { readonly message: Message } | { readonly tries: readonly FailedTry[] }

/**
 * Asks one server one question until it has answered or cannot (DISC-5): EDNS0 over UDP first; plain where EDNS
 * is refused or nothing comes back; TCP where the answer is truncated, or where UDP brings none.
 */
export async function askServer(
  server: HostPort,
  name: string,
  type: RecordType,
  options: ExchangeOptions,
): Promise<ExchangeOutcome> {
  const tries: FailedTry[] = []
  let transport: Transport = askUdp
  let edns = true
  // Each turn drops EDNS or moves to TCP, neither comes back: at most four turns.
  for (;;) {
    const over = transport === askUdp ? 'UDP' : 'TCP'
    const failed = (code: FailedTry['code'], text: string) =>
      tries.push({ server: showServer(server), code, text: `${text} (${over})` })
    const query = encodeQuery(options.id(), name, type, edns, options.recursive)
    const reply = await transport(server, query, options.timeoutMs, options.signal)
    switch (reply.kind) {
      case 'message': {
        const { rcode } = reply.message
        if (rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN) return { message: reply.message }
        if (edns && refusesEdns(rcode)) {
          edns = false
          continue
        }
        failed(failureCode(rcode), `answered ${rcodeName(rcode)}`)
        return { tries }
      }
      case 'truncated':
        if (transport === askUdp) {
          transport = askTcp
          continue
        }
        failed('TRUNCATED', 'the answer is truncated')
        return { tries }
      case 'malformed':
        failed('MALFORMED', `the answer cannot be read: ${reply.why}`)
        return { tries }
      case 'timeout':
        failed('TIMEOUT', `no answer within ${options.timeoutMs} ms`)
        // Some drop what has EDNS, and over TCP no size is to be announced.
        edns = false
        break
      case 'unreachable':
        failed('UNREACHABLE', reply.why)
        break
    }
    if (transport === askTcp) return { tries }
    transport = askTcp
  }
}

/** `127.0.0.1:53`, `[::1]:53`. */
export function showServer({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function refusesEdns(rcode: number): boolean {
  return rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP || rcode === RCODE.BADVERS
}

/** Response codes that a try is named after. */
const NAMED = ['SERVFAIL', 'REFUSED', 'NOTIMP', 'FORMERR'] as const

function failureCode(rcode: number): FailedTry['code'] {
  const name = rcodeName(rcode)
  return NAMED.find((code) => code === name) ?? 'OTHER'
}

function rcodeName(rcode: number): string {
  return Object.entries(RCODE).find(([, value]) => value === rcode)?.[0] ?? `code ${rcode}`
}
