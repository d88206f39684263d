import { type Minted, type MintOptions, mint } from '../../../fixtures/pki.ts'
import { makeCrl } from '../../../fixtures/revocation.ts'
import type { PkiWeb } from '../../services/pki-web.ts'
import { addressOf, CASES, type DcdtCase, type FixtureName } from './cases.ts'

export interface Certificates {
  readonly anchor: Minted
  get(name: FixtureName): Minted
}

/** Where the CA of these certificates publishes. */
export const CRL_PATH = '/anchor.crl'
export const INTERMEDIATE_PATH = '/D18_Intermediate.cer'

/** Mints every certificate of the table, each after its name, and has the web server publish what belongs to them. */
export function mintCertificates(web: PkiWeb): Certificates {
  const anchor = mint({ ca: true, key: 'root-a', subject: 'DCDT Root' })
  const intermediate = mint({ ca: true, key: 'intermediate', subject: 'DCDT Intermediate', issuer: anchor })
  const special: Readonly<Partial<Record<FixtureName, MintOptions>>> = {
    D14_DNS_AB_Valid: { key: 'rsa-4096', organisation: 'D14, whose certificate fills the answer '.repeat(2) },
    D17_DNS_AB_Revoked1: { crlUrls: [web.url(CRL_PATH)] },
    D17_DNS_AB_Revoked2: { crlUrls: [web.url(CRL_PATH)] },
    D17_DNS_AB_Valid: { crlUrls: [web.url(CRL_PATH)] },
    D18_DNS_AB_Valid: { issuer: intermediate, caIssuersUrls: [web.url(INTERMEDIATE_PATH)] },
  }
  const made = new Map<FixtureName, Minted>()
  for (const one of CASES)
    for (const name of namesOf(one))
      made.set(name, mint({ issuer: anchor, ...byName(name, one), ...special[name] }))
  const revoked = [...made].flatMap(([name, certificate]) =>
    name.includes('Revoked') ? [{ certificate }] : [],
  )
  web.paths.set(CRL_PATH, makeCrl({ issuer: anchor, revoked }).der)
  web.paths.set(INTERMEDIATE_PATH, intermediate.certificate.der)
  return {
    anchor,
    get(name) {
      const found = made.get(name)
      if (found === undefined) throw new Error(`nothing was minted as ${name}`)
      return found
    },
  }
}

function namesOf({ publishes }: DcdtCase): readonly FixtureName[] {
  const { dnsAddress = [], dnsDomain = [], ldapAddress = {}, ldapDomain = {} } = publishes
  return [
    ...dnsAddress,
    ...dnsDomain,
    ...Object.values(ldapAddress).flat(),
    ...Object.values(ldapDomain).flat(),
  ]
}

/** AB and DB say to what it is bound, Invalid that it has expired. */
function byName(name: FixtureName, one: DcdtCase): MintOptions {
  return {
    san: [name.includes('_AB_') ? addressOf(one) : one.domain],
    serialFrom: name,
    ...(name.endsWith('_Invalid') && { from: '2024-01-01', to: '2025-01-01' }),
  }
}
