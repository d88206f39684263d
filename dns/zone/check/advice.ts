import { isKnown, mostOthers } from './known.ts'
import type { CheckedServer, Expectation, Observation, RecordStatus } from './types.ts'

interface Facts {
  readonly expected: Expectation
  readonly servers: readonly CheckedServer[]
  readonly observations: readonly Observation[]
  readonly daysLeft: number | null
}

/** For the person who has to mend it: what to do next, null where nothing is to be done. */
export function adviceFor(status: RecordStatus, facts: Facts): string | null {
  const { expected, servers } = facts
  if (expected.values.length === 0) return leftoverAdvice(status, facts)
  switch (status) {
    case 'visible':
      return null
    case 'expiring':
      return `Renew the certificate: it ends in ${days(facts.daysLeft ?? 0)}. Once renewed, publish the new one.`
    case 'not-yet':
      return `Wait: ${late(servers)} does not have it yet. ${USUAL} ${AFTERWARDS}`
    case 'stale':
      return `Wait: ${late(servers)} still has an older set. ${AFTERWARDS}`
    case 'wrong':
      return wrongAdvice(facts)
    case 'missing':
      return missingAdvice(facts)
    case 'unanswered':
      return unansweredAdvice(facts)
  }
}

const USUAL = '30 to 60 minutes are usual, 48 hours the most.'
/** What it is when waiting did not help. */
const AFTERWARDS = 'If it stays so, that resolver sees another zone than the rest of the world.'
/** Things that one sentence names. */
const MOST_NAMED = 10

/** A list for a sentence; `more`: how many there are beyond it. */
export function listed(things: readonly string[], more = 0): string {
  const named = things.slice(0, MOST_NAMED)
  const rest = Math.max(0, more) + things.length - named.length
  return rest === 0 ? named.join(', ') : `${named.join(', ')} and ${rest} more`
}

function missingAdvice({ expected: { domain, type, name }, servers }: Facts): string {
  const older = servers.some(({ answer }) => answer === 'older')
    ? ' Only an older certificate is published there.'
    : ''
  if (servers.some(({ role, answer }) => role !== 'resolver' && answer === 'yes'))
    return `${lackingAdvice(type, servers)}${older}`
  if (type === 'LDAP')
    return `Load what "direct zone generate --format ldif" writes into the directory, so that an entry with mail=${name} has the certificate, and let everyone read it.${older}`
  const add = `Add the record that "direct zone generate --domain ${domain}" writes to the zone of ${domain}.${older}`
  if (type === 'SRV') return add
  return `${add} ${WITHOUT_CERT(domain)}`
}

/** Others of the domain's own servers have it. */
function lackingAdvice(type: Expectation['type'], servers: readonly CheckedServer[]): string {
  const lacking = lateOnes(servers).flatMap(({ role, server }) => (role === 'resolver' ? [] : [server]))
  const [any, came] = type === 'LDAP' ? ['directories', 'replicated to'] : ['name servers', 'transferred to']
  return `${lacking.join(', ')} does not have it, and strangers ask any of the ${any}. If it was published just now, wait: ${USUAL} If it stays so, it is not ${came} that one.`
}

/** Providers whose forms do not know the type. */
const WITHOUT_CERT = (domain: string) =>
  `If the DNS provider takes no CERT records: delegate ${domain}, or a sub-zone that is your Direct domain, by an NS record to "direct certs serve"; or publish in a directory (publish.directories, "direct zone generate --format ldif" and its SRV record).`

function wrongAdvice({ expected, servers, observations }: Facts): string {
  const { name, type } = expected
  const bad = servers.filter(({ answer }) => answer === 'other' || answer === 'beside')
  const at = bad.map(({ server }) => server).join(', ')
  const seen = observations.flatMap(({ seen }) => (seen.status === 'found' ? [seen] : []))
  const foreign = [...new Set(seen.flatMap(({ keys }) => keys))].filter((key) => !isKnown(expected, key))
  const what = [
    ...(seen.some((one) => one.garbled > 0) ? ['a record that is garbled'] : []),
    ...foreign.map((key) => (type === 'SRV' ? key : `the certificate ${key}`)),
  ]
  const replace = bad.some(({ answer }) => answer === 'other')
    ? `, and publish ours as "direct zone generate" writes it`
    : ''
  return `Remove ${listed(what, mostOthers(expected, seen) - foreign.length)} from ${name}${replace}: ${at} gives it to whoever asks.`
}

function leftoverAdvice(status: RecordStatus, { expected }: Facts): string {
  if (status === 'stale') return `Wait: it was removed, and a resolver has it until its TTL ends.`
  return `Remove it from ${expected.name}: it hides the certificate of ${expected.domain} from whoever writes to ${expected.for}, since the first place that publishes any decides.`
}

function unansweredAdvice({ expected: { name, type }, servers }: Facts): string {
  if (servers.length === 0) return `Nobody could be asked for ${name}.`
  const noCert =
    type === 'CERT' ? ' A provider whose servers refuse this type cannot publish certificates in DNS.' : ''
  return `Try again once these answer: ${servers.map(({ server }) => server).join(', ')}.${noCert}`
}

/** It is resolvers alone that are late. */
function late(servers: readonly CheckedServer[]): string {
  return lateOnes(servers)
    .map(({ server }) => `the resolver ${server}`)
    .join(', ')
}

function lateOnes(servers: readonly CheckedServer[]): readonly CheckedServer[] {
  return servers.filter(({ answer }) => answer !== 'yes' && answer !== 'failed')
}

function days(count: number): string {
  if (count < 1) return 'less than a day'
  return count === 1 ? '1 day' : `${count} days`
}
