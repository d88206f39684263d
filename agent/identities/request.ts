import { createPublicKey, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { createCertificateRequest, generateKey } from '../../trust-anchors/issue/index.ts'
import { domainOrAddressOf, Wrong } from '../config/values.ts'
import { DirectError } from '../errors.ts'
import { wholeFile } from '../files/file-source.ts'
import type { IdentitySettings } from '../settings.ts'
import { requireActor } from '../trust/arguments.ts'
import { readOwnCertificates } from './certificates.ts'
import { alone, makeFolder } from './folder.ts'
import { type KeyFacts, keyFacts, type OwnKey, ownKeys, sharedKeyFile } from './keys.ts'
import { FILES } from './managed.ts'
import { auditRow, type IdentityTools } from './tools.ts'
import type { CertificateRequest, NewRequest } from './types.ts'

/** Of a request that was kept, which is a few lines. */
const MOST_BYTES = 64 << 10

/** As `IdentityAdministration.request`. */
export async function requestCertificate(
  given: string,
  { actor, keyType, reuseKey = false, anew = false }: NewRequest,
  { settings, store, now }: IdentityTools,
): Promise<CertificateRequest> {
  const name = domainOrAddressOf(given)
  if (name instanceof Wrong)
    throw new DirectError('USAGE', `no certificate can be for ${JSON.stringify(given.slice(0, 100))}`, {
      hint: `Whom it is for ${name.expected}.`,
    })
  requireActor(actor)
  const { audit } = await store()
  using _ = await alone(settings.dataDir)
  const keys = (await ownKeys(settings)).filter((one) => one.settings.for === name)
  const open = anew ? undefined : keys.find(({ waits }) => waits)
  if (open !== undefined) return await openRequest(name, open, { keyType, reuseKey })

  const shared = reuseKey ? await newestKey(name, keys) : null
  const privateKey = shared?.privateKey ?? (await generateKey(keyType)).privateKey
  const request = requestFor(name, privateKey)
  const key = shared ? { file: shared.file } : { pem: pkcs8(privateKey) }
  const { spkiSha256, type } = usable(name, keyFacts(privateKey))
  const text = `a request with ${shared ? 'its' : 'a new'} key (${type}), ${spkiSha256.slice(0, 16)}…`
  const event = 'certificate-requested' as const
  const record = () => audit.add(auditRow({ at: now(), event, actor, name, certificate: null, text }))
  const made = { for: name, at: now(), by: actor, key, request }
  const folder = await makeFolder(settings.dataDir, made, record)
  const file = join(folder, FILES.request)
  return { for: name, request, key: spkiSha256, keyType: type, file, outcome: 'made', notes: [] }
}

/** The request that waits already: as it was kept, or made again from the key that `direct init` made. */
async function openRequest(
  name: string,
  { settings, managed, key }: OwnKey,
  wanted: { readonly keyType: string | undefined; readonly reuseKey: boolean },
): Promise<CertificateRequest> {
  if (key instanceof DirectError && settings.privateKey === null) throw waitsElsewhere(settings)
  if (key instanceof DirectError)
    throw new DirectError(key.code, `a certificate for ${name} is waited for already, and ${key.message}`, {
      hint: managed
        ? 'Ask for another one with --new (anew: true).'
        : 'Take that entry out of identities, or ask for another certificate with --new (anew: true).',
      cause: key,
    })
  if (key.privateKey === null) throw waitsElsewhere(settings)
  const { privateKey, spkiSha256, type } = usable(name, key)
  const since = managed?.facts.made.slice(0, 10)
  const notes = [
    managed
      ? `a request for ${name} waits for its answer since ${since}; this is the same one (--new makes another)`
      : `${settings.certificate} is not there yet; this request is for the key that the configuration names for it (--new makes another)`,
  ]
  if (wanted.reuseKey || (wanted.keyType !== undefined && wanted.keyType !== type))
    notes.push(`its key is the one that was made then (${type})`)
  return {
    for: name,
    request: managed ? await kept(managed.request) : requestFor(name, privateKey),
    key: spkiSha256,
    keyType: type,
    file: managed?.request ?? null,
    outcome: 'open',
    notes,
  }
}

/** A request is signed by the key that it is for. */
function waitsElsewhere({ for: name, certificate }: IdentitySettings): DirectError {
  return new DirectError(
    'USAGE',
    `the private key of ${name} lives elsewhere, and its certificate ${certificate} is not there yet`,
    {
      hint: 'Make the request with the tools of what holds the key; or ask for a certificate with a key of its own: --new (anew: true).',
    },
  )
}

async function kept(path: string): Promise<string> {
  try {
    return (await wholeFile(path, MOST_BYTES)).toString()
  } catch (cause) {
    if (!(cause instanceof DirectError)) throw cause
    throw new DirectError('FILE_UNREADABLE', `the request ${cause.message}`, {
      hint: 'Make another one with --new (anew: true).',
      cause,
    })
  }
}

/** The key of the newest certificate for the name. Throws USAGE, KEY_UNREADABLE. */
async function newestKey(
  name: string,
  keys: readonly OwnKey[],
): Promise<{ readonly privateKey: KeyObject; readonly file: string }> {
  const certificates = await readOwnCertificates(keys.map(({ settings }) => settings))
  const begun = (one: OwnKey) => {
    const own = certificates[keys.indexOf(one)]
    return own !== undefined && 'certificate' in own ? own.certificate.notBefore.getTime() : 0
  }
  const [newest] = keys.toSorted((a, b) => begun(b) - begun(a))
  if (newest === undefined)
    throw new DirectError('USAGE', `there is no key of ${name} to use again`, {
      hint: 'Leave --reuse-key (reuseKey) out: a new one is made.',
    })
  if (newest.key instanceof DirectError) throw newest.key
  const file = sharedKeyFile(newest.settings)
  return { privateKey: usable(name, newest.key).privateKey, file }
}

/** A key that a certificate for Direct can be for (ALG). Throws USAGE. */
function usable(name: string, { privateKey, spkiSha256, type }: KeyFacts) {
  if (privateKey !== null && type !== null) return { privateKey, spkiSha256, type }
  throw new DirectError(
    'USAGE',
    `the key of ${name} is neither an RSA key of 2048 bits or more nor an EC key on P-256, P-384 or P-521`,
    { hint: 'Ask with a new key: --new (anew: true), and without --reuse-key (reuseKey).' },
  )
}

function requestFor(name: string, privateKey: KeyObject): string {
  return createCertificateRequest({ subject: name, privateKey, publicKey: createPublicKey(privateKey) })
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
