import type { FailedTry } from '../../resolver/types.ts'
import { decidingOf, isKnown, mostOthers } from './known.ts'
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
      return staleAdvice(facts)
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

/** Where nobody has it, what a resolver keeps may be the zone itself: no name server said so, and none denied it. */
function staleAdvice({ expected: { domain }, servers }: Facts): string {
  const wait = `Wait: ${late(servers)} still has what was published before.`
  if (servers.some(({ answer }) => answer === 'yes')) return `${wait} ${AFTERWARDS}`
  return `${wait} If it is still so afterwards, the zone itself holds our older certificate: replace its record by what "direct zone generate --domain ${domain}" writes.`
}

function missingAdvice({ expected: { domain, type, name }, servers, observations }: Facts): string {
  if (servers.some(({ role, answer }) => role !== 'resolver' && answer === 'yes'))
    return lackingAdvice(type, servers)
  const deciding = decidingOf(servers.filter(({ answer }) => answer !== 'failed'))
  const isOlder = deciding.some(({ answer }) => answer === 'older')
  if (type === 'LDAP')
    return isOlder
      ? `Replace our older certificate in the entry with mail=${name} by the one that "direct zone generate --format ldif" writes.`
      : `Load what "direct zone generate --format ldif" writes into the directory, so that an entry with mail=${name} has the certificate, and let everyone read it.`
  if (isOlder)
    return `Replace the record of our older certificate at ${name} by what "direct zone generate --domain ${domain}" writes.`
  const add = `Add the record that "direct zone generate --domain ${domain}" writes to the zone of ${domain}.`
  // Who holds CERT records there takes them.
  const takesCert = observations.some(({ seen }) => seen.status === 'found')
  return type === 'SRV' || takesCert ? add : `${add} ${WITHOUT_CERT(domain)}`
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

function leftoverAdvice(status: RecordStatus, { expected, servers }: Facts): string {
  if (status === 'stale')
    return servers.some(({ role, answer }) => role !== 'resolver' && answer !== 'failed')
      ? 'Wait: it was removed, and a resolver has it until its TTL ends.'
      : `Wait: a resolver has it until its TTL ends. If it is still so afterwards, the zone itself holds it, and it hides the certificate of ${expected.domain}: its record has to go.`
  return `Remove it from ${expected.name}: it hides the certificate of ${expected.domain} from whoever writes to ${expected.for}, since the first place that publishes any decides.`
}

function unansweredAdvice({ expected: { name, type, domain }, servers, observations }: Facts): string {
  if (servers.length === 0) return `Nobody could be asked for ${name}.`
  const resolvers = observations.filter(({ role }) => role === 'resolver')
  const failing = saying(['SERVFAIL'], resolvers)
  const refusing = type === 'CERT' ? saying(['REFUSED', 'NOTIMP'], observations) : ''
  return [
    `Try again once these answer: ${servers.map(({ server }) => server).join(', ')}.`,
    failing && `${failing} answered SERVFAIL: the server that ${domain} is delegated to may be down.`,
    refusing &&
      `${refusing} refused the question. A provider whose servers refuse this type cannot publish certificates in DNS.`,
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

/** Servers that failed in one of these ways. */
function saying(codes: readonly FailedTry['code'][], observations: readonly Observation[]): string {
  return observations
    .filter(({ seen }) => seen.status === 'failed' && seen.codes.some((code) => codes.includes(code)))
    .map(({ server }) => server)
    .join(', ')
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
