import { failedPlace, showAnswer } from '../answers.ts'
import { directoryAt, orderTargets } from '../ldap/targets.ts'
import { HOUR } from '../lifetimes.ts'
import { isDnsName, unfitNote } from '../names.ts'
import { readSrv, type SrvData, showSrv } from '../records/srv-record.ts'
import type { AnswerRecord } from '../resolver/types.ts'
import type { Question, Reach } from '../types.ts'
import { Directory } from './directory.ts'
import { fewAddresses } from './few-addresses.ts'
import type { DiscoveryNetwork, Place } from './types.ts'

/** Targets of `_ldap._tcp.<domain>` that are looked at: one or two are usual, and each costs the domain's owner nothing. */
const MAX_TARGETS = 16
/** Records that an answer's text shows. */
const MAX_SHOWN = 4
/** Below it, other protocols than LDAP and LDAPS have their ports: nobody shall talk to their servers through us (NET). */
const FIRST_FREE_PORT = 1024
const LDAP_PORTS: readonly number[] = [389, 636]

/** The directories of a domain, in the order in which they are asked, or what the question for them came to (DISC-7). */
export interface Directories {
  readonly status: 'found' | 'absent' | 'failed'
  readonly refusedBy?: Place['refusedBy']
  readonly servers: readonly Directory[]
  /** How many more the domain names. */
  readonly beyond: number
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
  const none = { servers: [], beyond: 0, notes: [] }
  if (!isDnsName(name)) {
    return { ...none, status: 'absent', notes: [unfitNote(name)], questions: [], ttl: HOUR }
  }
  const answer = await network.resolver.resolve(name, 'SRV', { signal })
  const questions = [{ name, type: 'SRV' as const, answer: showAnswer(answer, showRecords) }]
  if (answer.status === 'failed') return { ...none, ...failedPlace(answer), questions, ttl: 0 }
  const ttl = Math.min(answer.ttl, HOUR)
  if (answer.status === 'absent') return { ...none, status: 'absent', questions, ttl }
  const { targets, notes, isGarbled } = readTargets(answer.records)
  const servers = orderTargets(targets, network.random)
    .slice(0, MAX_TARGETS)
    .map(({ target: host, port }) => {
      const reach = reachAt(port, network.reach)
      return new Directory(directoryAt({ host, port }), { ldap: network.ldap, reach })
    })
  // What cannot be understood may be a directory: that is no absence (DISC-6).
  if (servers.length === 0 && isGarbled) return { ...none, status: 'failed', notes, questions, ttl: 0 }
  const beyond = targets.length - servers.length
  return { status: servers.length > 0 ? 'found' : 'absent', servers, beyond, notes, questions, ttl }
}

function reachAt(port: number, reach: Reach): Reach {
  if (port >= FIRST_FREE_PORT || LDAP_PORTS.includes(port)) return fewAddresses(reach)
  return async () => ({ status: 'refused', text: `port ${port} is for another protocol` })
}

function readTargets(records: readonly AnswerRecord[]) {
  const targets = new Map<string, SrvData>()
  const notes: string[] = []
  let isGarbled = false
  for (const { data } of records) {
    const srv = readSrv(data)
    if (srv === null) {
      isGarbled = true
      notes.push('an SRV record that names no server was skipped')
    } else if (srv.target === '')
      notes.push('the domain says that it has no directory (RFC 2782, target ".")')
    else if (!targets.has(`${srv.target}:${srv.port}`)) targets.set(`${srv.target}:${srv.port}`, srv)
  }
  return { targets: [...targets.values()], notes, isGarbled }
}

function showRecords(records: readonly AnswerRecord[]): string {
  const shown = records.slice(0, MAX_SHOWN).map(({ data }) => {
    const srv = readSrv(data)
    return srv === null ? 'no server' : showSrv(srv)
  })
  return shown.join('; ')
}
