import type { Address } from '../../agent/address.ts'
import { knownBefore } from '../answers.ts'
import type { LdapQuestion } from '../ldap/types.ts'
import { NEGATIVE } from '../lifetimes.ts'
import type { Directories } from './directories.ts'
import type { Place, PlaceName } from './types.ts'

/**
 * One place in the directories of the address's own domain (DISC-7, DISC-8). At the address's, `user+tag@d` is searched
 * for as written first, then, if that is absent, as `user@d` (MSG-13).
 */
export function askLdap(
  place: 'ldap-address' | 'ldap-domain',
  address: Address,
  directories: Directories,
  signal: AbortSignal | undefined,
): Promise<Place> {
  if (place === 'ldap-address')
    return askDirectories(place, addressMails(address), address.domain, directories, signal)
  // Their question was put once, for the address.
  const questions = directories.questions.map((question) => ({
    ...question,
    answer: knownBefore(question.answer),
  }))
  return askDirectories(place, [address.domain], address.domain, { ...directories, questions }, signal)
}

/** The values of `mail` under which an address is published: as written, then without its tag. */
export function addressMails(address: Address): readonly string[] {
  const untagged = address.withoutTag()
  return untagged === null ? [address.key] : [address.key, untagged.key]
}

/** Searches for one `mail` after the other until one has published something or is not known. */
export async function askDirectories(
  place: PlaceName,
  mails: readonly string[],
  domain: string,
  directories: Directories,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const questions = [...directories.questions]
  const notes = new Set(directories.notes)
  const { status, refusedBy, ttl } = directories
  let owner = mails[0] as string
  let said: Said = {
    status,
    ...(refusedBy && { refusedBy }),
    certificates: [],
    notes: [],
    questions: [],
    ttl,
  }
  if (status === 'found') {
    for (owner of mails) {
      said = await askInTurn({ mail: owner, domain }, { ...directories, ttl: said.ttl }, signal)
      questions.push(...said.questions)
      for (const note of said.notes) notes.add(note)
      if (said.status !== 'absent') break
    }
  }
  return { ...said, place, owner, unread: [], notes: [...notes], questions }
}

/** Directories of one domain that are dialled: nobody shall open connections to whom they like by naming many (NET). */
const MAX_DIALLED = 4

type Said = Pick<Place, 'status' | 'refusedBy' | 'certificates' | 'notes' | 'questions' | 'ttl'>

/**
 * DISC-7: the first server that has something decides; one that fails or has nothing passes it on to the next. As long as
 * there is one that was not asked, nothing is absent (DISC-6).
 */
async function askInTurn(
  question: LdapQuestion,
  { servers, beyond, ttl }: Directories,
  signal: AbortSignal | undefined,
): Promise<Said> {
  const notes: string[] = []
  const questions: Place['questions'][number][] = []
  const nothing = { certificates: [], notes, questions }
  let lasts = ttl
  let [failed, refused, dialled, asked] = [0, 0, 0, 0]
  for (const server of servers) {
    if (dialled === MAX_DIALLED) break
    asked++
    const answer = await server.ask(question, ttl, signal)
    questions.push(...answer.questions)
    if (server.isDialled) dialled++
    if (answer.status === 'failed' || answer.status === 'refused') {
      notes.push(`${server.name}: ${answer.text}`)
      failed++
      if (answer.status === 'refused') refused++
      continue
    }
    notes.push(...answer.notes.map((note) => `${server.name}: ${note}`))
    lasts = Math.min(lasts, answer.kept ?? lasts)
    if (answer.status === 'found')
      return { ...nothing, status: 'found', certificates: answer.certificates, ttl: lasts }
  }
  const unasked = servers.length - asked + beyond
  if (unasked > 0) {
    notes.push(
      `${unasked} more directories are named; no more are asked than ${MAX_DIALLED} that answer to a name`,
    )
    return { ...nothing, status: 'failed', ttl: 0 }
  }
  if (failed < asked)
    // Where one could not be asked, absence is not for long.
    return { ...nothing, status: 'absent', ttl: failed > 0 ? Math.min(lasts, NEGATIVE.most) : lasts }
  return { ...nothing, status: 'failed', ...(refused === failed && { refusedBy: 'guard' }), ttl: 0 }
}
