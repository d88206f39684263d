import type { LdapClient, Resolver } from '../../dns/index.ts'
import type { CertificatePolicy } from '../../trust-anchors/index.ts'
import type { Settings } from '../settings.ts'

/** What publishing asks of its neighbours. */
export interface ZoneTools {
  readonly settings: Settings
  /** `certificatePolicy.own`. */
  readonly policy: CertificatePolicy
  readonly offline: boolean
  /** The resolver that was handed in: nobody else is asked by DNS then. */
  readonly resolver: Resolver | undefined
  readonly ldap: () => Promise<LdapClient>
  readonly now: () => Date
  readonly at: () => Date
}
