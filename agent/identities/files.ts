import { lstatSync, statSync } from 'node:fs'
import type { IdentitySettings, Settings } from '../settings.ts'
import { type Damaged, managedFolder, readManaged, settingsOf } from './managed.ts'

/** Where each certificate of ours and its key lie: those of the configuration, and the managed ones. */
export interface OwnFiles {
  readonly files: readonly OwnFile[]
  /** Names with a request that the CA has not answered. */
  readonly requested: ReadonlySet<string>
  readonly damaged: readonly Damaged[]
}

export interface OwnFile {
  readonly settings: IdentitySettings
  readonly isManaged: boolean
  /** Managed, and no entry of the configuration names its key: where that is not to be had here, it is lost. */
  readonly keepsKey: boolean
  /** Its private key's file is there, or it lives elsewhere. */
  readonly hasKey: boolean
  /** Another one after every change of its files. */
  readonly stamp: string
}

const NONE = { managed: [], damaged: [] }

/**
 * As of now; a few `stat`s. They are for every message: in the thread pool each would wait behind RSA, a hundred times as
 * long as it takes.
 */
export async function ownFiles({
  identities,
  dataDir,
}: Pick<Settings, 'identities' | 'dataDir'>): Promise<OwnFiles> {
  const { managed, damaged } = mayHaveManaged(dataDir) ? await readManaged(dataDir) : NONE
  const all = [
    ...identities.map((settings) => ({ settings, isManaged: false, keepsKey: false })),
    ...managed
      .filter(({ answered }) => answered)
      .map((one) => ({
        settings: settingsOf(one, identities),
        isManaged: true,
        keepsKey: !identities.some(({ privateKey }) => privateKey === one.privateKey),
      })),
  ]
  const files = all.map((one) => ({ ...one, ...seen(one.settings) }))
  const open = managed.filter(({ answered }) => !answered)
  return {
    files,
    requested: new Set(open.map(({ facts }) => facts.for)),
    damaged,
  }
}

/**
 * False: there is no folder of managed ones, as mostly. Reading it would say so by an error, which costs each message more
 * than all of its other files together. What cannot be looked at is left to whoever reads it.
 */
function mayHaveManaged(dataDir: string): boolean {
  const quietly = { throwIfNoEntry: false } as const
  try {
    const isFolder = statSync(dataDir, quietly)?.isDirectory() ?? true
    return !isFolder || lstatSync(managedFolder(dataDir), quietly) !== undefined
  } catch {
    return true
  }
}

/** Whose certificates these are, each name once. One whose key is lost makes nobody of ours. */
export function namesOf({ files }: Pick<OwnFiles, 'files'>): readonly string[] {
  return [...new Set(files.filter(counts).map(({ settings }) => settings.for))]
}

/** What the configuration names counts although its files are not all there yet. */
export function counts({ keepsKey, hasKey }: OwnFile): boolean {
  return hasKey || !keepsKey
}

function seen({ certificate, privateKey }: IdentitySettings) {
  const ofKey = privateKey === null ? 'elsewhere' : fileStamp(privateKey)
  return { stamp: `${fileStamp(certificate)} ${ofKey}`, hasKey: ofKey !== 'ENOENT' }
}

/** Another one after every change of the file, its mode included. */
export function fileStamp(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return `${ino}:${size}:${mtimeNs}:${ctimeNs}`
  } catch (error) {
    // Reading it will tell what is wrong.
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}
