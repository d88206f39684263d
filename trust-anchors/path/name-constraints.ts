import type { Failure } from '../failures.ts'
import { DerReader, Malformed, readOnly, TAG } from '../x509/der.ts'
import { type GeneralName, type GeneralNameKind, readGeneralName } from '../x509/general-name.ts'
import {
  altName,
  domainName,
  mailboxName,
  readSubtree,
  type SubjectName,
  type Subtree,
  subjectName,
} from './subtrees.ts'

/** The names of a certificate that constraints apply to; a `Certificate` is one. */
export interface Constrained {
  readonly subjectCanonical: string
  readonly subjectEmails: readonly string[]
  readonly commonNames: readonly string[]
  /** All entries of the subjectAltName. */
  readonly altNames: readonly GeneralName[]
}

type ByKind = ReadonlyMap<GeneralNameKind, readonly Subtree[]>

/** Where one CA wants all names below it to be. */
interface Bases {
  readonly permitted: ByKind
  readonly excluded: ByKind
}

interface Constraints extends Bases {
  /** As `nameFor` says it. */
  readonly ca: string
}

/**
 * The name constraints of a path from its anchor as far down as one has come: RFC 5280 6.1.1 (a) to (c),
 * 6.1.3 (b) and (c), 6.1.4 (g). Permitted is what every CA permits; excluded what any excludes. Critical or not
 * makes no difference. Immutable.
 */
export class NameConstraints {
  static readonly none = new NameConstraints([])
  readonly #all: readonly Constraints[]

  private constructor(all: readonly Constraints[]) {
    this.#all = all
  }

  /** 6.1.4 (g), for a CA and its nameConstraints extension. Constraints that cannot be applied are a failure. */
  add(extension: Uint8Array, ca: string): NameConstraints | Failure {
    try {
      return new NameConstraints([...this.#all, { ca, ...readNameConstraints(extension) }])
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      return {
        code: 'NAME_CONSTRAINT',
        text: `${ca} has name constraints that cannot be applied: ${error.message}`,
      }
    }
  }

  /**
   * 6.1.3 (b) and (c): null, or why the names of `certificate` are outside. It is not asked about self-issued
   * certificates, but for the last one of the path.
   *
   * `role` names the certificate in the failure. `subjectNames`: the legacy switch of CERT-1 reads the common
   * name as an address or domain, so that is constrained too. `spend` is asked before every `n` comparisons of
   * one name with one subtree; where it says no, the answer is `WORK_LIMIT`.
   */
  failureOf(
    certificate: Constrained,
    options: { readonly role: string; readonly subjectNames: boolean; spend(n: number): boolean },
  ): Failure | null {
    if (this.#all.length === 0) return null
    for (const name of namesOf(certificate, options.subjectNames)) {
      for (const { ca, permitted, excluded } of this.#all) {
        const within = permitted.get(name.kind) ?? []
        const without = excluded.get(name.kind) ?? []
        if (within.length + without.length === 0) continue
        if (!options.spend(within.length + without.length)) return tooMany(ca)
        const outside = reasonAgainst(name, within, without)
        if (outside !== null) {
          return { code: 'NAME_CONSTRAINT', text: `${options.role} has ${name.shown}, ${outside} by ${ca}` }
        }
      }
    }
    return null
  }
}

function reasonAgainst(
  { value }: SubjectName,
  permitted: readonly Subtree[],
  excluded: readonly Subtree[],
): string | null {
  if (value === null || [...permitted, ...excluded].some((subtree) => !subtree.supported))
    return 'which cannot be compared, yet names of its kind are constrained'
  if (excluded.some((subtree) => subtree.excludes(value))) return 'which is excluded'
  if (permitted.length > 0 && !permitted.some((subtree) => subtree.permits(value)))
    return 'which is not among those permitted'
  return null
}

function tooMany(ca: string): Failure {
  return {
    code: 'WORK_LIMIT',
    text: `the name constraints of ${ca} and the names below it are too many to compare`,
  }
}

/** RFC 5280 4.2.1.10: the subject unless it is empty, its addresses, and all of the subjectAltName. */
function* namesOf(certificate: Constrained, subjectNames: boolean): Generator<SubjectName> {
  if (certificate.subjectCanonical !== '') yield subjectName(certificate.subjectCanonical, 'a subject')
  for (const email of certificate.subjectEmails) yield mailboxName(email)
  for (const name of certificate.altNames) yield altName(name)
  if (!subjectNames) return
  for (const name of [...certificate.subjectEmails, ...certificate.commonNames]) {
    if (name.includes('@')) yield mailboxName(name)
    // What is no domain name binds no domain (CERT-1): "Dr. Lee" is not held against it.
    else if (domainName(name).value !== null) yield domainName(name)
  }
}

/** A CA seen again is not read again: its constraints may be thousands. */
const known = new WeakMap<Uint8Array, Bases>()

function readNameConstraints(value: Uint8Array): Bases {
  const bases = known.get(value) ?? readBases(value)
  known.set(value, bases)
  return bases
}

/** An empty sequence is malformed, at either level (RFC 5280 4.2.1.10). */
function readBases(value: Uint8Array): Bases {
  const fields = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const permitted = fields.optional(0xa0)
  const excluded = fields.optional(0xa1)
  fields.end()
  if (permitted === null && excluded === null) throw new Malformed('neither permitted nor excluded names')
  return { permitted: readSubtrees(permitted?.content), excluded: readSubtrees(excluded?.content) }
}

function readSubtrees(content: Uint8Array | undefined): ByKind {
  const subtrees: Subtree[] = []
  if (content === undefined) return new Map()
  const list = new DerReader(content)
  do {
    const fields = list.sequence()
    subtrees.push(readSubtree(readGeneralName(fields.next())))
    // Minimum 0 is the default, which DER leaves out; a maximum there is none (RFC 5280 4.2.1.10).
    if (!fields.done) throw new Malformed('a minimum or maximum, which RFC 5280 does not allow')
  } while (!list.done)
  return Map.groupBy(subtrees, ({ kind }) => kind)
}
