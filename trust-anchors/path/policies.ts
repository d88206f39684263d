import type { Failure } from '../failures.ts'
import { ANY_POLICY, type PolicyExtensions, type PolicyMapping } from '../x509/policies.ts'
import type { PathSettings } from './types.ts'

/** What policy processing looks at; a `Certificate` is one. */
export interface PolicyBearer {
  readonly policyExtensions: PolicyExtensions
  readonly isSelfIssued: boolean
}

/** One policy at one depth of the graph, and from which policies of the depth above it came. */
interface Level {
  /** anyPolicy is a node too. */
  readonly any: boolean
  /** Policy to its parents; none: its parent is anyPolicy. */
  readonly nodes: ReadonlyMap<string, readonly string[]>
}

const ROOT: Level = { any: true, nodes: new Map() }

/**
 * RFC 5280 6.1 for policies, by the graph of RFC 9618, which is equivalent to the tree and cannot explode: a
 * depth has at most one node for each policy that a certificate names. `certificates` runs from the one that the
 * anchor issued down to the leaf. `spend` is asked before `n` nodes are made; where it says no, the answer is
 * `WORK_LIMIT`.
 */
export function policyFailure(
  certificates: readonly PolicyBearer[],
  settings: Pick<
    PathSettings,
    'initialPolicySet' | 'requireExplicitPolicy' | 'inhibitPolicyMapping' | 'inhibitAnyPolicy'
  >,
  spend: (n: number) => boolean,
): Failure | null {
  const never = certificates.length + 1
  let explicit = settings.requireExplicitPolicy ? 0 : never
  let mapping = settings.inhibitPolicyMapping ? 0 : never
  let inhibitAny = settings.inhibitAnyPolicy ? 0 : never
  const levels: Level[] = [ROOT]

  for (const [i, { policyExtensions: own, isSelfIssued }] of certificates.entries()) {
    const isLast = i === certificates.length - 1
    if (!spend(1 + (own.policies?.length ?? 0) + own.mappings.length)) return TOO_MANY
    // 6.1.3 (d) and (e)
    const level = narrowed(levels.pop() ?? ROOT, own.policies, inhibitAny > 0 || (!isLast && isSelfIssued))
    if (isLast) {
      levels.push(level)
      // 6.1.5 (a) and (b)
      explicit = Math.max(0, explicit - 1)
      if (own.requireExplicitPolicy === 0) explicit = 0
      break
    }
    // 6.1.3 (f), and 6.1.4 (a) and (b)
    if (explicit === 0 && isEmpty(level)) return notAmong([], settings.initialPolicySet)
    if (own.mappings.some(isOfAnyPolicy)) return OF_ANY_POLICY
    levels.push(...mapped(level, own.mappings, mapping > 0))
    // 6.1.4 (h) to (j)
    const step = isSelfIssued ? 0 : 1
    explicit = Math.min(Math.max(0, explicit - step), own.requireExplicitPolicy ?? never)
    mapping = Math.min(Math.max(0, mapping - step), own.inhibitPolicyMapping ?? never)
    inhibitAny = Math.min(Math.max(0, inhibitAny - step), own.inhibitAnyPolicy ?? never)
  }

  // 6.1.5 (g)
  if (explicit > 0) return null
  const valid = authorityConstrained(levels)
  const asked = settings.initialPolicySet
  const isAsked = valid.has(ANY_POLICY)
    ? asked.length > 0
    : valid.size > 0 && asked.some((policy) => policy === ANY_POLICY || valid.has(policy))
  return isAsked ? null : notAmong([...valid], asked)
}

/** 6.1.3 (d) and (e): what is left of the policies expected here, now that the certificate names its own. */
function narrowed(expected: Level, policies: readonly string[] | null, anyAllowed: boolean): Level {
  const own = new Set(policies)
  const any = own.delete(ANY_POLICY) && anyAllowed
  const kept = [...expected.nodes].filter(([policy]) => any || own.has(policy))
  const added = expected.any ? [...own].filter((policy) => !expected.nodes.has(policy)) : []
  return {
    any: expected.any && any,
    nodes: new Map([...kept, ...added.map((policy): [string, readonly string[]] => [policy, []])]),
  }
}

/** 6.1.4 (b): this depth with its mappings, and what is expected of the next one. */
function mapped(level: Level, mappings: readonly PolicyMapping[], allowed: boolean): [Level, Level] {
  const nodes = new Map(level.nodes)
  const expected = new Map<string, string[]>()
  const issuers = new Set(mappings.map(({ issuerDomainPolicy }) => issuerDomainPolicy))
  for (const policy of issuers) {
    if (!allowed) nodes.delete(policy)
    else if (level.any && !nodes.has(policy)) nodes.set(policy, [])
  }
  for (const policy of nodes.keys()) if (!issuers.has(policy)) expected.set(policy, [policy])
  for (const { issuerDomainPolicy, subjectDomainPolicy } of mappings) {
    if (!nodes.has(issuerDomainPolicy)) continue
    const parents = expected.get(subjectDomainPolicy)
    if (parents === undefined) expected.set(subjectDomainPolicy, [issuerDomainPolicy])
    else parents.push(issuerDomainPolicy)
  }
  return [
    { any: level.any, nodes },
    { any: level.any, nodes: expected },
  ]
}

/** Which policies, in the anchor's own words, reach the leaf: anyPolicy, if every one does. */
function authorityConstrained(levels: readonly Level[]): ReadonlySet<string> {
  const leaf = levels.at(-1) ?? ROOT
  const valid = new Set(leaf.any ? [ANY_POLICY] : [])
  let reached: ReadonlySet<string> = new Set(leaf.nodes.keys())
  for (const { nodes } of levels.toReversed()) {
    const above = new Set<string>()
    for (const policy of reached) {
      const parents = nodes.get(policy) ?? []
      if (parents.length === 0) valid.add(policy)
      for (const parent of parents) above.add(parent)
    }
    reached = above
  }
  return valid
}

const isEmpty = (level: Level): boolean => !level.any && level.nodes.size === 0

const isOfAnyPolicy = ({ issuerDomainPolicy, subjectDomainPolicy }: PolicyMapping): boolean =>
  issuerDomainPolicy === ANY_POLICY || subjectDomainPolicy === ANY_POLICY

const TOO_MANY: Failure = { code: 'WORK_LIMIT', text: 'the certificates of the path name too many policies' }

/** RFC 5280 4.2.1.5: policies are mapped neither to nor from anyPolicy. */
const OF_ANY_POLICY: Failure = {
  code: 'POLICY',
  text: 'a CA of the path maps anyPolicy, which is not allowed',
}

function notAmong(valid: readonly string[], asked: readonly string[]): Failure {
  const wanted = asked.includes(ANY_POLICY) ? 'one is required' : `what is asked for is ${listed(asked)}`
  const has = valid.length === 0 ? 'no certificate policy' : `the certificate policies ${listed(valid)}`
  return { code: 'POLICY', text: `the path is valid for ${has}, yet ${wanted}` }
}

function listed(oids: readonly string[]): string {
  if (oids.length === 0) return 'nothing'
  return oids.slice(0, 5).join(', ') + (oids.length > 5 ? ` and ${oids.length - 5} more` : '')
}
