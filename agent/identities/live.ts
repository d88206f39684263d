import { dirname } from 'node:path'
import type { CertificatePolicy } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { Identities } from '../identities.ts'
import type { Log } from '../log.ts'
import type { Settings } from '../settings.ts'
import type { Identity } from '../smime/identity.ts'
import { type OwnFile, ownFiles } from './files.ts'
import { loadIdentity, type Owned } from './load.ts'
import type { Damaged } from './managed.ts'

export interface LiveTools {
  readonly settings: Pick<Settings, 'identities' | 'dataDir'>
  /** `certificatePolicy.own`. */
  readonly policy: CertificatePolicy
  readonly log: Log
}

const NOT = 'it does not count'
const STILL = 'what was read before still counts'

/** One certificate with its key as it was last read well. */
interface Unit {
  readonly file: OwnFile
  readonly identity: Identity
  /** Beside it in the same file of PKCS#12. */
  readonly others: readonly Identity[]
  /** What stood in the same files before: mail that is on its way may be sealed to it (ALG-5). */
  readonly former: readonly Identity[]
  /** Its files cannot be read since. */
  readonly stale: boolean
}

/**
 * Our own certificates with their keys as their files are now: a renewal counts from the next call of `current` on, in
 * every process. Whoever works on one message keeps what `current` gave for it.
 */
export class LiveIdentities {
  readonly #tools: LiveTools
  #units: ReadonlyMap<string, Unit> = new Map()
  #seen: string | null = null
  #current: Identities | null = null
  #looking: Promise<Identities> | null = null
  /** Files and folders whose trouble was told. */
  readonly #told = new Set<string>()

  constructor(tools: LiveTools) {
    this.#tools = tools
  }

  /**
   * Reads what has changed since the last call, and nothing otherwise. What cannot be read any more stays as it was and
   * is logged once, be it that others may read its key now; one of the configuration that was never read throws as
   * `loadIdentity` does, a managed one of that kind does not count.
   */
  current(): Promise<Identities> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #look(): Promise<Identities> {
    const { files, damaged } = await this.#filesNow()
    const seen = files.map(({ settings, stamp }) => `${settings.certificate} ${stamp}`).join('\n')
    if (this.#current !== null && seen === this.#seen) return this.#current
    const read = files.map(async (file) => [keyOf(file), await this.#unit(file)] as const)
    const units = [...(await Promise.all(read)), ...damaged.flatMap((folder) => this.#kept(folder))]
    this.#units = new Map(units.flatMap(([key, unit]) => (unit === null ? [] : [[key, unit]])))
    // What could not be read may be readable without having changed.
    this.#seen = units.every(([, unit]) => unit !== null && !unit.stale) ? seen : null
    this.#current = new Identities([...this.#units.values()].flatMap(ownedOf), this.#tools.policy)
    return this.#current
  }

  /** What a folder held before it was damaged. */
  #kept({ folder, text }: Damaged): readonly (readonly [key: string, unit: Unit])[] {
    const kept = [...this.#units].filter(([, { file }]) => dirname(file.settings.certificate) === folder)
    this.#tell(folder, text, kept.length === 0 ? NOT : STILL)
    return kept.map(([key, unit]) => [key, { ...unit, stale: true }])
  }

  async #filesNow() {
    try {
      const files = await ownFiles(this.#tools.settings)
      this.#told.delete('identities')
      return files
    } catch (error) {
      if (!(error instanceof DirectError) || this.#current === null) throw error
      this.#tell('identities', error.message, STILL)
      return { files: [...this.#units.values()].map(({ file }) => file), damaged: [] }
    }
  }

  /** Null: it was never read well. */
  async #unit(file: OwnFile): Promise<Unit | null> {
    const known = this.#units.get(keyOf(file))
    if (known !== undefined && known.file.stamp === file.stamp && !known.stale) return known
    const { settings, isManaged } = file
    try {
      const { identity, others } = await loadIdentity(settings)
      this.#told.delete(keyOf(file))
      if (known === undefined) {
        if (this.#current !== null) this.#tellRenewal(file, identity)
        return { file, identity, others, former: [], stale: false }
      }
      const isSame = known.identity.certificate.sha256 === identity.certificate.sha256
      if (!isSame) this.#tellRenewal(file, identity)
      const keys = [identity, ...others].map(({ certificate }) => certificate.spkiSha256)
      if (!keys.includes(known.identity.certificate.spkiSha256)) this.#tellOverwritten(file, known.identity)
      const now = new Set([identity, ...others].map(({ certificate }) => certificate.sha256))
      const former = [known.identity, ...known.others, ...known.former].filter(
        ({ certificate }) => !now.has(certificate.sha256),
      )
      return { file, identity, others, former, stale: false }
    } catch (error) {
      if (!(error instanceof DirectError) || (known === undefined && !isManaged)) throw error
      this.#tell(keyOf(file), error.message, known === undefined ? NOT : STILL)
      return known === undefined ? null : { ...known, stale: true }
    }
  }

  #tell(what: string, text: string, consequence: string): void {
    if (this.#told.has(what)) return
    this.#told.add(what)
    this.#tools.log.warn({ loop: 'identities' }, `of our own: ${text}; ${consequence}`)
  }

  /** The one moment at which it can be seen: the next process finds the new key alone. */
  #tellOverwritten({ settings }: OwnFile, { certificate }: Identity): void {
    const { sha256, notAfter } = certificate
    this.#tools.log.warn(
      { for: settings.for, sha256, notAfter },
      `${settings.privateKey ?? settings.certificate} held another key before: mail to the old certificate of ${settings.for} opens until this process ends, and never after; put the old key and certificate back under other names, as another entry of identities`,
    )
  }

  #tellRenewal({ settings }: OwnFile, { certificate }: Identity): void {
    const { sha256, notAfter } = certificate
    this.#tools.log.info(
      { for: settings.for, sha256, notAfter },
      `a new certificate of ${settings.for} counts from now on`,
    )
  }
}

function keyOf({ settings }: OwnFile): string {
  return `${settings.certificate} ${settings.privateKey} ${settings.for}`
}

function ownedOf({ file: { settings }, identity, others, former }: Unit): readonly Owned[] {
  return [
    { settings, identity, readsOnly: false },
    ...[...others, ...former].map((one) => ({ settings, identity: one, readsOnly: true })),
  ]
}
