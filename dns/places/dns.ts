import type { Address } from '../../agent/address.ts'
import { failedPlace, showAnswer } from '../answers.ts'
import { DAY } from '../lifetimes.ts'
import { addressOwner, isDnsName, unfitNote } from '../names.ts'
import { parseCertRecord } from '../records/cert-record.ts'
import type { Answer, AnswerRecord } from '../resolver/types.ts'
import type { Question } from '../types.ts'
import { followUrls } from './follow.ts'
import type { DiscoveryNetwork, Place, PlaceName } from './types.ts'

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
  return askOwners(place, owners, network, signal)
}

/** Where an address publishes: as written, then without its tag. */
export function addressOwners(address: Address): readonly string[] {
  const untagged = address.withoutTag()
  return untagged === null ? [addressOwner(address)] : [addressOwner(address), addressOwner(untagged)]
}

/** Whom a place in DNS asks. */
export type Asking = Pick<DiscoveryNetwork, 'resolver' | 'followUrl'>

/**
 * Asks one owner name after the other until one has published something or is not known. URLs that are not followed
 * publish nothing (DISC-4).
 */
export async function askOwners(
  place: PlaceName,
  owners: readonly string[],
  { resolver, followUrl }: Asking,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const notes: string[] = []
  const questions: Question[] = []
  let ttl = DAY
  let last: Pick<Place, 'status' | 'refusedBy' | 'certificates' | 'unread'> = NOTHING
  let owner = owners[0] as string
  for (owner of owners) {
    if (!isDnsName(owner)) {
      notes.push(unfitNote(owner))
      continue
    }
    const answer = await resolver.resolve(owner, 'CERT', { signal })
    questions.push({ name: owner, type: 'CERT', answer: showCert(answer) })
    const read = answer.status === 'found' ? readRecords(answer.records, followUrl !== null) : unfound(answer)
    notes.push(...read.notes)
    ttl = Math.min(ttl, answer.status === 'failed' ? 0 : answer.ttl)
    last = { ...read, unread: [] }
    if (followUrl !== null && read.urls.length > 0) {
      const followed = await followUrls(read.urls, followUrl, signal)
      questions.push(...followed.questions)
      ttl = Math.min(ttl, followed.ttl)
      last = {
        ...last,
        certificates: distinct([...read.certificates, ...followed.certificates]),
        unread: followed.unread,
      }
    }
    if (read.status !== 'absent') break
  }
  const { status, refusedBy, certificates, unread } = last
  return {
    place,
    owner,
    status,
    ...(refusedBy && { refusedBy }),
    certificates,
    unread,
    notes,
    ttl,
    questions,
  }
}

const NOTHING = { status: 'absent', certificates: [], unread: [] } as const

/** What one answer published. */
interface Read extends Pick<Place, 'status' | 'refusedBy' | 'certificates' | 'notes'> {
  /** Of IPKIX records, where they are followed. */
  readonly urls: readonly string[]
}

function unfound(answer: Exclude<Answer, { status: 'found' }>): Read {
  const nothing = { certificates: [], urls: [] }
  if (answer.status === 'absent') return { ...nothing, status: 'absent', notes: [] }
  return { ...nothing, ...failedPlace(answer) }
}

function readRecords(records: readonly AnswerRecord[], follows: boolean): Read {
  const certificates: Buffer[] = []
  const urls: string[] = []
  const notes: string[] = []
  let garbled = false
  for (const { data } of records) {
    const record = parseCertRecord(Buffer.isBuffer(data) ? data : Buffer.alloc(0))
    if (record.kind === 'pkix') certificates.push(record.certificate)
    else if (record.kind === 'url' && follows) urls.push(record.url)
    else notes.push(record.note)
    if (record.kind === 'garbled') garbled = true
  }
  // A garbled certificate is a published one (DISC-4); a PGP key or a URL that is not followed is not.
  const published = certificates.length > 0 || urls.length > 0 || garbled
  return { status: published ? 'found' : 'absent', certificates: distinct(certificates), urls, notes }
}

function distinct(ders: readonly Uint8Array[]): readonly Uint8Array[] {
  return [...new Map(ders.map((der) => [Buffer.from(der).toString('latin1'), der])).values()]
}

/** For evidence: what a question for CERT records came to. */
export function showCert(answer: Answer): string {
  return showAnswer(answer, ({ length }) => `${length} CERT`)
}
