import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { keyTypeOf } from '../../trust-anchors/issue/index.ts'
import { DirectError } from '../errors.ts'
import type { IdentitySettings, Settings } from '../settings.ts'
import { certificatesOf, privateKeyOf } from './load.ts'
import { exists, type Managed, readManaged, settingsOf } from './managed.ts'

/** A private key of ours, and the certificate that it has or waits for. */
export interface OwnKey {
  /** `certificate` is where that lies, or belongs. */
  readonly settings: IdentitySettings
  /** Null: the configuration names it. */
  readonly managed: Managed | null
  /** No certificate is there yet. */
  readonly waits: boolean
  /** Why the key cannot be read, or what it is. */
  readonly key: DirectError | KeyFacts
}

export interface KeyFacts {
  /** Null: it lives elsewhere, and its certificate tells the rest. */
  readonly privateKey: KeyObject | null
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string
  /** As `rsa-3072` or `ec-p256`; null for one that Direct has no use for. */
  readonly type: string | null
}

/** Every key of ours, those that wait for a certificate first, the latest request before the others. */
export async function ownKeys({
  identities,
  dataDir,
}: Pick<Settings, 'identities' | 'dataDir'>): Promise<readonly OwnKey[]> {
  const { managed } = await readManaged(dataDir)
  const latestFirst = managed.toSorted((a, b) => (a.facts.made < b.facts.made ? 1 : -1))
  const all = [
    ...latestFirst.map((one) => ({
      settings: settingsOf(one, identities),
      managed: one,
      waits: !one.answered,
    })),
    ...(await Promise.all(
      identities.map(async (settings) => ({
        settings,
        managed: null,
        waits: !(await exists(settings.certificate)),
      })),
    )),
  ]
  const keys = await Promise.all(all.map(async (one) => ({ ...one, key: await readKey(one.settings) })))
  return keys.toSorted((a, b) => Number(b.waits) - Number(a.waits))
}

/** The keys of requests that the CA has not answered; without them its answer would be of no use. */
export async function waitingKeys({
  identities,
  dataDir,
}: Pick<Settings, 'identities' | 'dataDir'>): Promise<readonly Pick<OwnKey, 'settings' | 'key'>[]> {
  const { managed } = await readManaged(dataDir)
  const waiting = managed.filter(({ answered }) => !answered).map((one) => settingsOf(one, identities))
  return await Promise.all(waiting.map(async (settings) => ({ settings, key: await readKey(settings) })))
}

export function keyFacts(privateKey: KeyObject): KeyFacts {
  return { privateKey, ...publicFacts(createPublicKey(privateKey)) }
}

function publicFacts(publicKey: KeyObject): Omit<KeyFacts, 'privateKey'> {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return {
    spkiSha256: createHash('sha256').update(spki).digest('hex'),
    type: keyTypeOf(publicKey),
  }
}

async function readKey(settings: IdentitySettings): Promise<DirectError | KeyFacts> {
  try {
    if (settings.privateKey !== null) return keyFacts(await privateKeyOf(settings))
    const { certificate } = await certificatesOf(settings)
    return { privateKey: null, ...publicFacts(certificate.publicKey) }
  } catch (error) {
    if (error instanceof DirectError) return error
    throw error
  }
}

/**
 * Where a key lies that a further certificate may share: in a file of its own. Throws USAGE for one in PKCS#12, which holds
 * its certificate too, and for one that lives elsewhere.
 */
export function sharedKeyFile(settings: IdentitySettings): string {
  if (settings.privateKey !== null && !settings.isPkcs12) return settings.privateKey
  const [where, what] =
    settings.privateKey === null
      ? ['lives elsewhere', 'the key']
      : [`lies in ${settings.privateKey}`, 'the PKCS#12 file']
  throw new DirectError(
    'USAGE',
    `the private key of ${settings.for} ${where}, and its certificate beside it`,
    {
      hint: `Renew it there: name ${what} with the new certificate as another entry of identities. Or ask for a certificate with a new key: "direct cert request ${settings.for} --new".`,
    },
  )
}
