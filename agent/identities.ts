import {
  bindingOf,
  type Certificate,
  type CertificatePolicy,
  type Failure,
  leafFailures,
  ownPolicyFailures,
  type Purpose,
} from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import { DirectError } from './errors.ts'
import { loadIdentity, type Owned, ownedOf } from './identities/load.ts'
import { subjectsOf } from './identities/subjects.ts'
import { type PublishedCertificate, publishable } from './identities/usable.ts'
import type { IdentitySettings } from './settings.ts'
import type { Identity } from './smime/identity.ts'

/**
 * Our own certificates with their keys, and whose each is, as of one moment (`LiveIdentities`). Old ones stay, for
 * reading (ALG-5).
 */
export class Identities {
  readonly #all: readonly Owned[]
  readonly #policy: CertificatePolicy

  /** `policy`: what the configuration asks of our own certificates; one that breaks it only reads. */
  constructor(all: readonly Owned[], policy: CertificatePolicy = {}) {
    this.#all = all
    this.#policy = policy
  }

  /** Those that these files hold now. Throws as `loadIdentity` does. */
  static async load(
    settings: readonly IdentitySettings[],
    policy: CertificatePolicy = {},
  ): Promise<Identities> {
    const loaded = settings.map(async (one) => ownedOf(one, await loadIdentity(one)))
    return new Identities((await Promise.all(loaded)).flat(), policy)
  }

  /** CA certificates that came with our own: they may complete a path. */
  get intermediates(): readonly Certificate[] {
    return this.#all.flatMap(({ identity }) => identity.intermediates)
  }

  /** What is to be published: the rule of `publishable`. What was replaced in its file is read with alone. */
  published(at: Date): readonly PublishedCertificate[] {
    return this.#publishable(at).map(({ name, own }) => ({
      name,
      for: own.name,
      certificate: own.certificate,
    }))
  }

  /**
   * Every identity that may open mail to `recipient`, expired ones too (IN-3, ALG-5): configured for the address
   * itself, or for its domain and bound to one of the two.
   */
  readingFor(recipient: Address): readonly Identity[] {
    return this.#all
      .filter(({ settings }) => covers(settings.for, recipient))
      .filter(
        ({ settings, identity }) =>
          settings.for.includes('@') ||
          bindingOf(identity.certificate, recipient, { subjectEmail: true }) !== null,
      )
      .map(({ identity }) => identity)
  }

  /** The certificate that `sender` signs with at `at` (MSG-8): usable, address-bound preferred, then the newest. */
  signingFor(sender: Address, at: Date): Identity {
    return this.#best('sign', sender, at)
  }

  /** The own certificate that the record of what was sent is sealed to (MSG-15). */
  recordingFor(sender: Address, at: Date): Identity {
    return this.#best('encrypt', sender, at)
  }

  /** What each is used for at `at`: nothing, where a better one is there. */
  usedFor(
    at: Date,
  ): readonly { readonly name: string; readonly sha256: string; readonly use: readonly Purpose[] }[] {
    const published = new Set(this.#publishable(at).map(({ own }) => own.identity))
    return this.#all.map(({ settings: { for: name }, identity }) => {
      const { certificate } = identity
      const signs = subjectsOf(name, certificate).some(
        ({ address }) => this.#choose('sign', address, at).best === identity,
      )
      const use = [
        ...(signs ? ['sign' as const] : []),
        ...(published.has(identity) ? ['encrypt' as const] : []),
      ]
      return { name, sha256: certificate.sha256, use }
    })
  }

  #publishable(at: Date) {
    const own = this.#all.flatMap(({ settings, identity, readsOnly }) => {
      const { certificate, intermediates } = identity
      return readsOnly ? [] : [{ name: settings.for, certificate, intermediates, identity }]
    })
    return publishable(own, this.#policy, at)
  }

  #failures(purpose: Purpose, { certificate, intermediates }: Identity, at: Date): readonly Failure[] {
    const failures = leafFailures(purpose, certificate, at)
    return failures.length > 0 ? failures : ownPolicyFailures(certificate, intermediates, this.#policy, at)
  }

  #best(purpose: Purpose, sender: Address, at: Date): Identity {
    const { best, problems } = this.#choose(purpose, sender, at)
    if (best !== null) return best
    if (problems.length === 0)
      throw new DirectError('IDENTITY_MISSING', `no identity is configured for ${sender}`, {
        hint: `Add an entry to identities with "for: ${sender.domain}", a certificate and its private key; or ask for a certificate with "direct cert request".`,
      })
    const doing = purpose === 'sign' ? 'sign' : 'keep the record of what is sent'
    throw new DirectError(
      'IDENTITY_UNUSABLE',
      `no certificate of ${sender} can ${doing}: ${problems.join('; ')}`,
      {
        hint: 'Renew the certificate ("direct cert request"), or name another one in identities; where it is said to be not valid yet, see whether the clock is right. Nothing was sent.',
      },
    )
  }

  /** The best certificate for a sender, and what is wrong with the others. */
  #choose(
    purpose: Purpose,
    sender: Address,
    at: Date,
  ): { readonly best: Identity | null; readonly problems: readonly string[] } {
    const covering = this.#all.filter(({ settings, readsOnly }) => !readsOnly && covers(settings.for, sender))
    const usable: { identity: Identity; addressBound: boolean }[] = []
    const problems: string[] = []
    for (const { identity, settings } of covering) {
      const binding = bindingOf(identity.certificate, sender, { subjectEmail: false })
      const failures = this.#failures(purpose, identity, at)
      if (binding === null)
        problems.push(`${settings.certificate} is not bound to ${sender} (CERT_NOT_BOUND)`)
      else if (failures[0])
        problems.push(`${settings.certificate}: ${failures[0].text} (${failures[0].code})`)
      else usable.push({ identity, addressBound: binding.boundTo === 'address' })
    }
    usable.sort(
      (a, b) =>
        Number(b.addressBound) - Number(a.addressBound) ||
        b.identity.certificate.notBefore.getTime() - a.identity.certificate.notBefore.getTime(),
    )
    return { best: usable[0]?.identity ?? null, problems }
  }
}

function covers(configured: string, address: Address): boolean {
  return [address.key, address.withoutTag()?.key, address.domain].includes(configured)
}

/** The only name that is ours, for DISC-10; null when there is none or more than one. */
export function onlyIdentity(names: readonly string[]): string | null {
  const distinct = new Set(names)
  return distinct.size === 1 ? ([...distinct][0] as string) : null
}
