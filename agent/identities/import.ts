import { join } from 'node:path'
import { bindingOf, type Certificate, readIssuers, toPem } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { wholeFile } from '../files/file-source.ts'
import { someoneAt } from '../given-address.ts'
import { requireActor } from '../trust/arguments.ts'
import { checkAnswer, intermediatesOf, pathFailure } from './answer.ts'
import { readOwnCertificates } from './certificates.ts'
import { alone, makeFolder, putCertificate, type RecordFirst } from './folder.ts'
import { type OwnKey, ownKeys, sharedKeyFile } from './keys.ts'
import { exists, FILES } from './managed.ts'
import { auditRow, type IdentityTools } from './tools.ts'
import type { ImportedCertificate, Use } from './types.ts'

const MOST_BYTES = 1 << 20
/** Keys that an error names. */
const MOST_NAMED = 8

/** A certificate that holds, and where it is to go. */
interface Accepted {
  readonly certificate: Certificate
  readonly intermediates: readonly Certificate[]
  readonly owner: OwnKey
  readonly use: readonly Use[]
  readonly notes: readonly string[]
}

/** As `IdentityAdministration.import`: where one certificate is refused, none is taken. */
export async function importAnswer(
  answer: string | Uint8Array,
  { actor }: { readonly actor: string },
  tools: IdentityTools,
): Promise<readonly [ImportedCertificate, ...ImportedCertificate[]]> {
  requireActor(actor)
  const certificates = await readAnswer(answer)
  const { audit } = await tools.store()
  using _ = await alone(tools.settings.dataDir)
  const keys = await ownKeys(tools.settings)
  const each = [...new Map(certificates.map((one) => [one.sha256, one])).values()]
  const matches = each.flatMap((certificate) => {
    const owners = keys.filter(({ key }) => 'spkiSha256' in key && key.spkiSha256 === certificate.spkiSha256)
    return owners.length === 0 ? [] : [{ certificate, owners }]
  })
  const strays = each.filter((one) => !one.isCa && !matches.some(({ certificate }) => certificate === one))
  if (strays.length > 0 || matches.length === 0) {
    const [exposed, ...more] = exposedOf(keys)
    if (exposed !== undefined) return [exposed, ...more]
  }
  const policy = await tools.policy()
  const checked = matches.flatMap(({ certificate, owners }) => {
    const intermediates = intermediatesOf(certificate, certificates)
    return onePerName(owners).map((owner) => {
      const asked = { name: owner.settings.for, exactly: owner.managed !== null, intermediates, policy }
      return {
        certificate,
        intermediates,
        owner,
        checked: checkAnswer(certificate, { ...asked, at: tools.at() }),
      }
    })
  })
  const refused = checked.flatMap(({ certificate: { sha256 }, checked }) =>
    'use' in checked ? [] : [{ outcome: 'refused' as const, sha256, why: checked }],
  )
  // A key may be several names', and its certificate is for one of them.
  const accepted = checked.flatMap(({ checked, ...one }) =>
    'use' in checked ? [{ ...one, ...checked }] : [],
  )
  const [no, ...moreNos] = refused.filter(
    ({ sha256 }) => !accepted.some(({ certificate }) => certificate.sha256 === sha256),
  )
  if (no !== undefined) return [no, ...moreNos]
  const [one, ...others] = accepted
  if (one === undefined) return [mismatch(certificates, keys)]

  const known = new Map<Accepted, string | null>()
  for (const each of accepted) {
    const file = await fileOf(each, keys)
    // All or none: what cannot be placed is known before anything is.
    if (file === null) sharedKeyFile(each.owner.settings)
    known.set(each, file)
  }
  const take = async (accepted: Accepted): Promise<ImportedCertificate> => {
    const there = known.get(accepted) ?? null
    const record = () => audit.add(auditOf(accepted, actor, tools.now()))
    const file = there ?? (await place(accepted, actor, record, tools))
    return describe(accepted, { outcome: there === null ? 'imported' : 'known', file }, tools)
  }
  const results: [ImportedCertificate, ...ImportedCertificate[]] = [await take(one)]
  for (const other of others) results.push(await take(other))
  return results
}

/** They are not read, so it may be one of them that a certificate belongs to which belongs to no other. */
function exposedOf(keys: readonly OwnKey[]): readonly ImportedCertificate[] {
  return keys.flatMap(({ key }) =>
    key instanceof DirectError && key.code === 'KEY_EXPOSED'
      ? [{ outcome: 'refused', sha256: null, why: [{ code: 'KEY_EXPOSED', text: key.message }] }]
      : [],
  )
}

async function readAnswer(answer: string | Uint8Array): Promise<readonly Certificate[]> {
  const bytes = typeof answer === 'string' ? await wholeFile(answer, MOST_BYTES) : answer
  const certificates = readIssuers(bytes)
  if (!('code' in certificates)) return certificates
  const name = typeof answer === 'string' ? answer : 'what was given'
  throw new DirectError('CERT_UNREADABLE', `${name} holds no certificate: ${certificates.text}`, {
    hint: 'Give the answer of the CA as it came: PEM, DER, or p7b.',
  })
}

/** Of the keys that are one and the same: those that wait come first (`ownKeys`), and one is enough for a name. */
function onePerName(owners: readonly OwnKey[]): readonly OwnKey[] {
  return [...new Map(owners.toReversed().map((owner) => [owner.settings.for, owner])).values()].reverse()
}

function mismatch(certificates: readonly Certificate[], keys: readonly OwnKey[]): ImportedCertificate {
  const named = keys.slice(0, MOST_NAMED).map(({ settings, waits, key }) => {
    const state = key instanceof DirectError ? 'cannot be read' : waits ? 'waits for its certificate' : null
    return `${settings.privateKey ?? 'a key that lives elsewhere'} (${[settings.for, ...(state ? [state] : [])].join(', ')})`
  })
  const more = keys.length > named.length ? [`${keys.length - named.length} more`] : []
  const looked = [...named, ...more].join(', ') || 'there is none'
  const whose = certificates.find(({ isCa }) => !isCa) ?? (certificates[0] as Certificate)
  const one = `certificate ${whose.sha256.slice(0, 16)}…`
  const what =
    certificates.length === 1 ? one : `none of ${certificates.length} certificates, ${one} among them,`
  const belongs = certificates.length === 1 ? 'belongs to no key of ours' : 'belongs to a key of ours'
  return {
    outcome: 'refused',
    sha256: null,
    why: [
      {
        code: 'KEY_MISMATCH',
        text: `${what} ${belongs}; its key is ${whose.spkiSha256.slice(0, 16)}…. Looked at: ${looked}`,
      },
    ],
  }
}

/** Where the same certificate lies already; null: nowhere. */
async function fileOf({ certificate, owner }: Accepted, keys: readonly OwnKey[]): Promise<string | null> {
  const there = keys.filter(({ waits, settings }) => !waits && settings.for === owner.settings.for)
  const read = await readOwnCertificates(there.map(({ settings }) => settings))
  const same = read.find((one) => 'certificate' in one && one.certificate.sha256 === certificate.sha256)
  return same?.file ?? null
}

/** Into the file that waits for it; else into a new folder, beside the older certificates of the same key. */
async function place(
  { certificate, intermediates, owner }: Accepted,
  actor: string,
  record: RecordFirst,
  tools: IdentityTools,
): Promise<string> {
  const pem = [certificate, ...intermediates].map(({ der }) => toPem(der)).join('')
  const { settings, waits } = owner
  // Of a pair for one key, the second goes beside the first.
  if (waits && !(await exists(settings.certificate))) {
    await putCertificate(settings.certificate, pem, record)
    return settings.certificate
  }
  const key = { file: sharedKeyFile(settings) }
  const made = { for: settings.for, at: tools.now(), by: actor, key, certificate: pem }
  return join(await makeFolder(tools.settings.dataDir, made, record), FILES.certificate)
}

function auditOf({ certificate, owner }: Accepted, actor: string, at: Date) {
  const { sha256, notAfter } = certificate
  const text = `until ${notAfter.toISOString().slice(0, 10)}`
  const event = 'certificate-imported' as const
  return auditRow({ at, event, actor, name: owner.settings.for, certificate: sha256, text })
}

async function describe(
  { certificate, intermediates, owner, use, notes }: Accepted,
  { outcome, file }: { readonly outcome: 'imported' | 'known'; readonly file: string },
  tools: IdentityTools,
): Promise<ImportedCertificate> {
  const failure = await anchorFailure(certificate, intermediates, tools)
  const { sha256, notBefore, notAfter, spkiSha256 } = certificate
  const name = owner.settings.for
  const address = someoneAt(name)
  const binding = address && bindingOf(certificate, address, { subjectEmail: false })
  return {
    outcome,
    for: name,
    sha256,
    notBefore,
    notAfter,
    // Of a domain, one of its addresses may be it.
    boundTo: binding?.boundTo ?? 'address',
    use,
    key: spkiSha256,
    file,
    intermediates: intermediates.map((one) => one.sha256),
    leadsToAnchor: failure === null,
    notes: failure === null ? notes : [...notes, failure],
  }
}

/** Null: it leads to an anchor that somebody of ours believes. */
async function anchorFailure(
  certificate: Certificate,
  intermediates: readonly Certificate[],
  { trust, candidates, at }: IdentityTools,
): Promise<string | null> {
  try {
    const { entries } = await trust()
    const anchors = entries.filter(({ removal }) => removal === null).map((entry) => entry.certificate)
    const failure = pathFailure(certificate, [...intermediates, ...(await candidates())], anchors, at())
    if (failure === null) return null
    return `it leads to no anchor of ours, which it need not; partners must have its CA as an anchor (${failure.text})`
  } catch (error) {
    // Whoever's mail needs the anchors is told by an error of its own.
    if (error instanceof DirectError)
      return `whether it leads to an anchor of ours is not known: ${error.message}`
    throw error
  }
}
