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
import { readCertificateFile, readKeyFile } from './credential-files.ts'
import { DirectError } from './errors.ts'
import type { IdentitySettings } from './settings.ts'
import { Identity } from './smime/identity.ts'

/**
 * CA certificates in the files of our own, without their keys: they may complete a partner's path. A file that is not
 * there yet, as before a CA has answered, stops nobody from asking how others can be reached.
 */
export async function intermediatesOf(
  settings: readonly IdentitySettings[],
): Promise<readonly Certificate[]> {
  const read = await Promise.allSettled(settings.map(({ certificate }) => readCertificateFile(certificate)))
  return read.flatMap((file) => {
    if (file.status === 'fulfilled') return file.value.slice(1)
    if (file.reason instanceof DirectError) return []
    throw file.reason
  })
}

/** Our own certificates with their keys, for whom each is configured. Old ones stay, for reading (ALG-5). */
export class Identities {
  readonly #all: readonly Owned[]
  readonly #policy: CertificatePolicy

  private constructor(all: readonly Owned[], policy: CertificatePolicy) {
    this.#all = all
    this.#policy = policy
  }

  /** `policy`: what the configuration asks of our own certificates; one that breaks it only reads. */
  static async load(
    settings: readonly IdentitySettings[],
    policy: CertificatePolicy = {},
  ): Promise<Identities> {
    return new Identities(await Promise.all(settings.map(load)), policy)
  }

  /** CA certificates that came with our own: they may complete a path. */
  get intermediates(): readonly Certificate[] {
    return this.#all.flatMap(({ identity }) => identity.intermediates)
  }

  /** What may be published: each certificate that others may encrypt to at `at`, and for whom. */
  published(at: Date): readonly { readonly name: string; readonly certificate: Certificate }[] {
    return this.#all
      .filter(({ identity }) => this.#failures('encrypt', identity, at).length === 0)
      .map(({ settings, identity }) => ({ name: settings.for, certificate: identity.certificate }))
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

  #failures(purpose: Purpose, { certificate, intermediates }: Identity, at: Date): readonly Failure[] {
    const failures = leafFailures(purpose, certificate, at)
    return failures.length > 0 ? failures : ownPolicyFailures(certificate, intermediates, this.#policy, at)
  }

  #best(purpose: Purpose, sender: Address, at: Date): Identity {
    const covering = this.#all.filter(({ settings }) => covers(settings.for, sender))
    if (covering.length === 0)
      throw new DirectError('IDENTITY_MISSING', `no identity is configured for ${sender}`, {
        hint: `Add an entry to identities with "for: ${sender.domain}", a certificate and its private key.`,
      })
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
    const best = usable[0]
    if (best) return best.identity
    const doing = purpose === 'sign' ? 'sign' : 'keep the record of what is sent'
    throw new DirectError(
      'IDENTITY_UNUSABLE',
      `no certificate of ${sender} can ${doing}: ${problems.join('; ')}`,
      {
        hint: 'Renew the certificate, or name another one in identities. Nothing was sent.',
      },
    )
  }
}

interface Owned {
  readonly settings: IdentitySettings
  readonly identity: Identity
}

function covers(configured: string, address: Address): boolean {
  return [address.key, address.withoutTag()?.key, address.domain].includes(configured)
}

async function load(settings: IdentitySettings): Promise<Owned> {
  const [leaf, ...intermediates] = await readCertificateFile(settings.certificate)
  if (!leaf) throw new DirectError('CERT_UNREADABLE', `${settings.certificate} holds no certificate`)
  const key = await readKeyFile(settings)
  try {
    return { settings, identity: Identity.of(leaf, intermediates, key) }
  } catch (error) {
    if (!(error instanceof DirectError && error.code === 'KEY_MISMATCH')) throw error
    throw new DirectError(
      'KEY_MISMATCH',
      `${settings.privateKey} is not the private key of the certificate in ${settings.certificate}`,
      { hint: 'Name the key file that the certificate was requested with.', cause: error },
    )
  }
}

/** The only identity's `for`, for DISC-10; null when there is none or more than one. */
export function onlyIdentity(settings: readonly IdentitySettings[]): string | null {
  const names = new Set(settings.map((identity) => identity.for))
  return names.size === 1 ? ([...names][0] as string) : null
}
