import { orderTargets, type Target } from '../ldap/targets.ts'
import { canonicalName, isDnsName } from '../names.ts'
import type { Answer, AnswerRecord, DiscoveryNetwork, Place, Question } from '../types.ts'
import { Directory } from './directory.ts'

/** Targets of `_ldap._tcp.<domain>` that are asked. */
const MAX_TARGETS = 8
/** The port of LDAPS; everywhere else StartTLS is asked for where it is offered. */
const SECURE_PORT = 636
/** Seconds: the longest that what a directory said is used again. */
export const HOUR = 3600

/** The directories of a domain, in the order in which they are asked, or what the question for them came to (DISC-7). */
export interface Directories {
  readonly status: 'found' | 'absent' | 'failed'
  readonly refusedBy?: Place['refusedBy']
  readonly servers: readonly Directory[]
  readonly notes: readonly string[]
  readonly questions: readonly Question[]
  /** Seconds. */
  readonly ttl: number
}

/** Asks for `_ldap._tcp.<domain>`, and draws the order of its targets. Rejects only when the signal fires. */
export async function findDirectories(
  domain: string,
  network: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<Directories> {
  const name = `_ldap._tcp.${domain}`
  const none = { servers: [], notes: [] }
  if (!isDnsName(name)) {
    const note = `${name} was not asked for: a name over 253 characters does not fit DNS`
    return { ...none, status: 'absent', notes: [note], questions: [], ttl: HOUR }
  }
  const answer = await network.resolver.resolve(name, 'SRV', signal === undefined ? {} : { signal })
  const questions = [{ name, type: 'SRV' as const, answer: showAnswer(answer) }]
  if (answer.status === 'failed') {
    const refused = answer.tries.length > 0 && answer.tries.every(({ code }) => code === 'REFUSED')
    const notes = answer.tries.map((one) => `${one.server}: ${one.code}, ${one.text}`)
    return {
      ...none,
      status: 'failed',
      ...(refused && { refusedBy: 'servers' as const }),
      notes,
      questions,
      ttl: 0,
    }
  }
  const ttl = Math.min(answer.ttl, HOUR)
  if (answer.status === 'absent') return { ...none, status: 'absent', questions, ttl }
  const { targets, notes } = readTargets(answer.records)
  if (targets.length > MAX_TARGETS)
    notes.push(`${targets.length} directories are named, and no more than ${MAX_TARGETS} are asked`)
  const servers = orderTargets(targets, network.random)
    .slice(0, MAX_TARGETS)
    .map(({ host, port }) => new Directory({ host, port, secure: port === SECURE_PORT }, network))
  return { status: servers.length > 0 ? 'found' : 'absent', servers, notes, questions, ttl }
}

function readTargets(records: readonly AnswerRecord[]) {
  const targets = new Map<string, Target>()
  const notes: string[] = []
  for (const { data } of records) {
    const target = readTarget(data)
    if (target === null) notes.push('an SRV record that names no server was skipped')
    else if (target.host === '') notes.push('the domain says that it has no directory (RFC 2782, target ".")')
    else if (!targets.has(`${target.host}:${target.port}`))
      targets.set(`${target.host}:${target.port}`, target)
  }
  return { targets: [...targets.values()], notes }
}

/** The host is '' where the target is `.`. Null: no server is named. */
function readTarget(data: unknown): Target | null {
  if (typeof data !== 'object' || data === null) return null
  const { priority, weight, port, target }: { [key in keyof SrvData]?: unknown } = data
  if (typeof priority !== 'number' || typeof weight !== 'number' || typeof port !== 'number') return null
  if (typeof target !== 'string') return null
  const host = canonicalName(target)
  return host === '' || (isDnsName(host) && port > 0) ? { priority, weight, port, host } : null
}

interface SrvData extends Omit<Target, 'host'> {
  readonly target: string
}

function showAnswer(answer: Answer): string {
  if (answer.status === 'failed')
    return answer.tries.map((one) => `${one.code} at ${one.server}`).join(', ') || 'no server to ask'
  const before = answer.kept ? ', known from before' : ''
  if (answer.status === 'absent') return `${answer.kind} from ${answer.server}${before}`
  return `${answer.records.slice(0, MAX_TARGETS).map(showRecord).join('; ')} from ${answer.server}${before}`
}

/** As a master file has it: priority, weight, port, target. */
function showRecord({ data }: AnswerRecord): string {
  const target = readTarget(data)
  if (target === null) return 'no server'
  return `${target.priority} ${target.weight} ${target.port} ${target.host === '' ? '.' : target.host}`
}
