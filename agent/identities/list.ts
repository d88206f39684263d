import { basename } from 'node:path'
import { Certificate, type CertificatePolicy, parseCertificate } from '../../trust-anchors/index.ts'
import { DirectError, type Reason } from '../errors.ts'
import { Identities } from '../identities.ts'
import type { IdentitySettings } from '../settings.ts'
import { type OwnCertificate, readOwnCertificates, type Unreadable } from './certificates.ts'
import { daysUntil } from './ends.ts'
import { ownFiles } from './files.ts'
import { type OwnKey, ownKeys } from './keys.ts'
import { loadIdentity, type Owned, ownedOf } from './load.ts'
import type { IdentityTools } from './tools.ts'
import type { ListedCertificate, Use } from './types.ts'
import { useFailure } from './usable.ts'

/** As `IdentityAdministration.list`. What cannot be read is in it, with the reason. */
export async function listCertificates(tools: IdentityTools): Promise<readonly ListedCertificate[]> {
  const at = tools.at()
  const waiting = (await ownKeys(tools.settings)).filter(({ waits }) => waits)
  const waitsAt = new Set(waiting.map(({ settings }) => settings.certificate))
  const { files, damaged } = await ownFiles(tools.settings)
  const present = files.map(({ settings }) => settings).filter((one) => !waitsAt.has(one.certificate))
  const listed = [
    ...(await describeOwn(present, await Promise.all(present.map(tryToLoad)), await tools.policy(), at)),
    ...damaged.map(({ folder, text }) => ({
      ...NOTHING,
      kind: 'own' as const,
      for: basename(folder),
      state: 'unusable' as const,
      file: folder,
      why: [{ code: 'CERT_UNREADABLE', text }],
    })),
    ...waiting.map(requested),
    ...(await pinned(tools, at)),
  ]
  const end = ({ notAfter }: ListedCertificate) => notAfter?.getTime() ?? Number.POSITIVE_INFINITY
  return listed.toSorted((a, b) => (end(a) === end(b) ? 0 : end(a) - end(b)))
}

const NOTHING = { sha256: null, notBefore: null, notAfter: null, daysLeft: null, use: [] } as const

/** What each of `settings` is good for at `at`, in their order; `loaded` are the same with their keys. */
export async function describeOwn(
  settings: readonly IdentitySettings[],
  loaded: readonly (readonly Owned[] | DirectError)[],
  policy: CertificatePolicy,
  at: Date,
): Promise<readonly ListedCertificate[]> {
  const certificates = await readOwnCertificates(settings)
  const owned = loaded.flatMap((one) => (one instanceof DirectError ? [] : one))
  const used = new Identities(owned, policy).usedFor(at)
  return certificates.map((one, i) => {
    if (!('certificate' in one)) return unreadable(one)
    const { name, certificate } = one
    const use = used.find((use) => use.name === name && use.sha256 === certificate.sha256)?.use ?? []
    const failed = loaded[i] instanceof DirectError ? loaded[i] : null
    return {
      ...datesOf(certificate, at),
      kind: 'own',
      for: name,
      file: one.file,
      ...stateOf(one, failed, use),
    }

    function stateOf(own: OwnCertificate, failed: DirectError | null, use: readonly Use[]) {
      if (failed) return { state: 'unusable' as const, use: [], why: [reasonOf(failed)] }
      const failures = (['sign', 'encrypt'] as const).map((one) => useFailure(one, own, policy, at))
      // It is used for what it can be used for, and is newer or better than the others.
      if (use.length > 0) return { state: 'in-use' as const, use, why: [] }
      const [failure] = failures
      if (!failure || failures.includes(null)) return { state: 'reading-only' as const, use, why: [] }
      return { state: STATE_OF[failure.code] ?? ('unusable' as const), use, why: [plain(failure)] }
    }
  })
}

const STATE_OF: Readonly<Record<string, ListedCertificate['state']>> = {
  CERT_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'not-yet-valid',
}

/** As `loadIdentity`; what is wrong with it is the answer. */
export async function tryToLoad(settings: IdentitySettings): Promise<readonly Owned[] | DirectError> {
  try {
    return ownedOf(settings, await loadIdentity(settings))
  } catch (error) {
    if (error instanceof DirectError) return error
    throw error
  }
}

function unreadable({ name, file, text }: Unreadable): ListedCertificate {
  const why = [{ code: 'CERT_UNREADABLE', text }]
  return { ...NOTHING, kind: 'own', for: name, state: 'unusable', file, why }
}

function requested({ settings, managed, key }: OwnKey): ListedCertificate {
  const failed = key instanceof DirectError
  const text = managed
    ? `requested on ${managed.facts.made.slice(0, 10)} by ${managed.facts.by}`
    : `the certificate of ${settings.privateKey ?? 'a key that lives elsewhere'} is not there yet`
  return {
    ...NOTHING,
    kind: 'request',
    for: settings.for,
    state: failed ? 'unusable' : 'waiting',
    file: managed?.request ?? settings.certificate,
    why: [{ code: 'WAITING', text }, ...(failed ? [reasonOf(key)] : [])],
  }
}

async function pinned({ trust }: IdentityTools, at: Date): Promise<readonly ListedCertificate[]> {
  const { pins } = await trust().catch((error: unknown) => {
    // Anchors that cannot be read are told as such, beside the list.
    if (error instanceof DirectError) return { pins: [] }
    throw error
  })
  return pins.map(({ address, der, sha256, until, actor, why }) => {
    const certificate = parseCertificate(der)
    return {
      kind: 'pinned',
      for: address,
      sha256,
      notBefore: certificate instanceof Certificate ? certificate.notBefore : null,
      notAfter: until,
      daysLeft: daysUntil(until, at),
      state: at < until ? 'in-force' : 'expired',
      use: [],
      file: null,
      why: [{ code: 'BY_HAND', text: `pinned by ${actor}: ${why}` }],
    }
  })
}

function datesOf({ sha256, notBefore, notAfter }: Certificate, at: Date) {
  return { sha256, notBefore, notAfter, daysLeft: daysUntil(notAfter, at) }
}

function plain({ code, text }: Reason): Reason {
  return { code, text }
}

function reasonOf({ code, message }: DirectError): Reason {
  return { code, text: message }
}
