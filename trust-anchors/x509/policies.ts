import { DerReader, Malformed, readOnly, smallInteger, TAG } from './der.ts'
import { EXTENSION } from './extensions.ts'

/** RFC 5280 4.2.1.4: stands for every policy. */
export const ANY_POLICY = '2.5.29.32.0'

/** What one certificate says about policies, as OIDs. */
export interface PolicyExtensions {
  /** certificatePolicies (RFC 5280 4.2.1.4); null: no such extension. */
  readonly policies: readonly string[] | null
  /** policyMappings (4.2.1.5). */
  readonly mappings: readonly PolicyMapping[]
  /** policyConstraints (4.2.1.11) and inhibitAnyPolicy (4.2.1.14), in certificates to come; null: not said. */
  readonly requireExplicitPolicy: number | null
  readonly inhibitPolicyMapping: number | null
  readonly inhibitAnyPolicy: number | null
}

export interface PolicyMapping {
  readonly issuerDomainPolicy: string
  readonly subjectDomainPolicy: string
}

/** `contentOf` gives the content of an extension's OCTET STRING. */
export function readPolicyExtensions(contentOf: (oid: string) => Uint8Array | undefined): PolicyExtensions {
  const policies = contentOf(EXTENSION.certificatePolicies)
  const mappings = contentOf(EXTENSION.policyMappings)
  const constraints = contentOf(EXTENSION.policyConstraints)
  const inhibitAny = contentOf(EXTENSION.inhibitAnyPolicy)
  return {
    policies: policies === undefined ? null : readCertificatePolicies(policies),
    mappings: mappings === undefined ? [] : readPolicyMappings(mappings),
    ...(constraints === undefined
      ? { requireExplicitPolicy: null, inhibitPolicyMapping: null }
      : readPolicyConstraints(constraints)),
    inhibitAnyPolicy:
      inhibitAny === undefined ? null : smallInteger(readOnly(inhibitAny, TAG.INTEGER).content),
  }
}

/** Qualifiers are for people and decide nothing (RFC 5280 4.2.1.4): they are passed over. */
function readCertificatePolicies(value: Uint8Array): readonly string[] {
  const list = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const oids = new Set<string>()
  do {
    const fields = list.sequence()
    const oid = fields.oid()
    fields.optional(TAG.SEQUENCE)
    fields.end()
    if (oids.has(oid)) throw new Malformed(`the certificate policy ${oid} twice`)
    oids.add(oid)
  } while (!list.done)
  return [...oids]
}

function readPolicyMappings(value: Uint8Array): readonly PolicyMapping[] {
  const list = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const mappings: PolicyMapping[] = []
  do {
    const fields = list.sequence()
    mappings.push({ issuerDomainPolicy: fields.oid(), subjectDomainPolicy: fields.oid() })
    fields.end()
  } while (!list.done)
  return mappings
}

/** Neither of the two is malformed (RFC 5280 4.2.1.11: not an empty sequence). */
function readPolicyConstraints(value: Uint8Array) {
  const fields = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const requireExplicit = fields.optional(0x80)
  const inhibitMapping = fields.optional(0x81)
  fields.end()
  if (requireExplicit === null && inhibitMapping === null) throw new Malformed('empty policyConstraints')
  return {
    requireExplicitPolicy: requireExplicit === null ? null : smallInteger(requireExplicit.content),
    inhibitPolicyMapping: inhibitMapping === null ? null : smallInteger(inhibitMapping.content),
  }
}
