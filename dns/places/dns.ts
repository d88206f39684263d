import type { Address } from '../../agent/address.ts'
import { addressOwner, isDnsName } from '../names.ts'
import { parseCertRecord } from '../records/cert-record.ts'
import type { Answer, DiscoveryNetwork, Place, PlaceName, Question, Resolver } from '../types.ts'
import { DAY } from './not-asked.ts'

/**
 * One place in DNS. At the address's, `user+tag@d` is asked for as written first, then, if that is absent, as
 * `user@d`; both make one place (MSG-13).
 */
export function askDns(
  place: 'dns-address' | 'dns-domain',
  address: Address,
  network: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const owners = place === 'dns-domain' ? [address.domain] : addressOwners(address)
  return askOwners(place, owners, network.resolver, signal)
}

/** Where an address publishes: as written, then without its tag. */
export function addressOwners(address: Address): readonly string[] {
  const untagged = address.withoutTag()
  return untagged === null ? [addressOwner(address)] : [addressOwner(address), addressOwner(untagged)]
}

/** Asks one owner name after the other until one has published something or is not known. */
export async function askOwners(
  place: PlaceName,
  owners: readonly string[],
  resolver: Resolver,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const notes: string[] = []
  const questions: Question[] = []
  let ttl = DAY
  let last: Pick<Read, 'status' | 'refusedBy' | 'certificates'> = { status: 'absent', certificates: [] }
  let owner = owners[0] as string
  for (owner of owners) {
    if (!isDnsName(owner)) {
      notes.push(`${owner} was not asked for: a label over 63 or a name over 253 characters does not fit DNS`)
      continue
    }
    const answer = await resolver.resolve(owner, 'CERT', signal === undefined ? {} : { signal })
    questions.push({ name: owner, type: 'CERT', answer: showAnswer(answer) })
    const read = readAnswer(answer)
    notes.push(...read.notes)
    ttl = Math.min(ttl, read.ttl)
    last = read
    if (read.status !== 'absent') break
  }
  const { status, refusedBy, certificates } = last
  return {
    place,
    owner,
    status,
    ...(refusedBy && { refusedBy }),
    certificates,
    unread: [],
    notes,
    ttl,
    questions,
  }
}

type Read = Pick<Place, 'status' | 'refusedBy' | 'certificates' | 'notes' | 'ttl'>

function readAnswer(answer: Answer): Read {
  if (answer.status === 'absent') return { status: 'absent', certificates: [], notes: [], ttl: answer.ttl }
  if (answer.status === 'failed') {
    const notes = answer.tries.map((one) => `${one.server}: ${one.code}, ${one.text}`)
    const refused = answer.tries.length > 0 && answer.tries.every(({ code }) => code === 'REFUSED')
    return {
      status: 'failed',
      ...(refused && { refusedBy: 'servers' as const }),
      certificates: [],
      notes,
      ttl: 0,
    }
  }
  const certificates = new Map<string, Uint8Array>()
  const notes: string[] = []
  let published = false
  for (const { data } of answer.records) {
    const record = parseCertRecord(Buffer.isBuffer(data) ? data : Buffer.alloc(0))
    // A garbled certificate is a published one (DISC-4); a PGP key or a URL is not.
    if (record.kind !== 'other') published = true
    if (record.kind === 'pkix') certificates.set(record.certificate.toString('latin1'), record.certificate)
    else notes.push(record.note)
  }
  return {
    status: published ? 'found' : 'absent',
    certificates: [...certificates.values()],
    notes,
    ttl: answer.ttl,
  }
}

function showAnswer(answer: Answer): string {
  switch (answer.status) {
    case 'found':
      return `${answer.records.length} CERT from ${answer.server}`
    case 'absent':
      return `${answer.kind} from ${answer.server}`
    case 'failed':
      return answer.tries.map((one) => `${one.code} at ${one.server}`).join(', ') || 'no server to ask'
  }
}
