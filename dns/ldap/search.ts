import type { Question } from '../types.ts'
import { MAX_BYTES, type Searched } from './connection.ts'
import type { OpenDirectory } from './directory.ts'
import { domainBase } from './distinguished-name.ts'
import { LdapFailure } from './failure.ts'
import { certificatesOf, MAX_ENTRIES, ROOT_DSE, searchFor } from './messages.ts'
import { isDenial, printable, SIZE_LIMIT_EXCEEDED, SUCCESS, showResult } from './results.ts'
import type { LdapAnswer, LdapQuestion, LdapServer } from './types.ts'
import { searchUrl } from './url.ts'
import { orGivenUp } from './within.ts'

/** Values that are taken of one answer. */
const MAX_CERTIFICATES = 100

/**
 * Everything that a directory publishes with this `mail`, in all its naming contexts (DISC-8). What was asked is added to
 * `questions` as it is asked. Rejects with LdapFailure where a context could not be searched to the end.
 */
export async function searchDirectory(
  server: LdapServer,
  directory: OpenDirectory,
  { mail, domain }: LdapQuestion,
  questions: Question[],
  signal: AbortSignal,
): Promise<LdapAnswer> {
  questions.push({ name: searchUrl(server, ROOT_DSE), type: 'LDAP', answer: directory.rootDse })
  const notes = [...directory.notes]
  const certificates = new Map<string, Buffer>()
  let bytes = 0
  const bases = directory.contexts.length > 0 ? directory.contexts : ['', domainBase(domain)]
  for (const base of bases) {
    const search = searchFor(mail, base)
    const searched = await orGivenUp(directory.connection.search(search), signal)
    const values = searched.entries.flatMap(certificatesOf).filter((value) => value.length > 0)
    questions.push({
      name: searchUrl(server, search),
      type: 'LDAP',
      answer: showSearched(searched, values.length),
    })
    notes.push(...notesOn(base, searched))
    bytes = values.reduce((sum, { length }) => sum + length, bytes)
    if (bytes > MAX_BYTES) throw new LdapFailure(`answers with more than ${MAX_BYTES} bytes`)
    for (const value of values) {
      if (certificates.size > MAX_CERTIFICATES) break
      // A copy: the value is a window into a message, of which a stranger may have filled the rest with nothing.
      certificates.set(value.toString('latin1'), Buffer.from(value))
    }
  }
  const taken = [...certificates.values()].slice(0, MAX_CERTIFICATES)
  if (certificates.size > taken.length)
    notes.push(
      `more than ${MAX_CERTIFICATES} certificates are there, and the first ${MAX_CERTIFICATES} are taken`,
    )
  return {
    status: taken.length > 0 ? 'found' : 'empty',
    certificates: taken,
    notes,
    questions,
  }
}

/** Throws LdapFailure for what is neither an answer nor a denial. */
function notesOn(base: string, { result, tooMany, references }: Searched): readonly string[] {
  const context = base === '' ? 'the root' : printable(base)
  if (isDenial(result)) return [`${context} was skipped: ${showResult(result)}`]
  if (result.code !== SUCCESS && result.code !== SIZE_LIMIT_EXCEEDED)
    throw new LdapFailure(`answers ${showResult(result)} in ${context}`)
  return [
    ...(tooMany || result.code === SIZE_LIMIT_EXCEEDED
      ? [`${context} has more than the ${MAX_ENTRIES} entries that are taken, or than it gives`]
      : []),
    ...(references > 0 ? [`${context} refers to other servers, which is not followed`] : []),
  ]
}

function showSearched({ entries, result }: Searched, values: number): string {
  if (result.code !== SUCCESS && result.code !== SIZE_LIMIT_EXCEEDED) return showResult(result)
  const count = (n: number, one: string, many: string) => `${n === 0 ? 'no' : n} ${n === 1 ? one : many}`
  if (entries.length === 0) return 'no entry'
  return `${count(entries.length, 'entry', 'entries')}, ${count(values, 'certificate', 'certificates')}`
}
