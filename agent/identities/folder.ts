import { randomBytes } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { exclusively } from '../../store/index.ts'
import { DirectError } from '../errors.ts'
import { syncFolder, writeDurably } from '../files/durable-file.ts'
import { exists, FILES, type ManagedFacts, managedFolder } from './managed.ts'

/** How long one change waits for another of the same folder: making a key of 4096 bits takes seconds. */
const PATIENCE_MS = 60_000

export interface NewIdentity {
  readonly for: string
  readonly at: Date
  readonly by: string
  /** PEM of a key of its own; or where one lies that it shares. */
  readonly key: { readonly pem: string } | { readonly file: string }
  /** PEM. */
  readonly request?: string
  /** PEM, the leaf first. */
  readonly certificate?: string
}

/**
 * Writes the audit row of what is about to appear: all of it is on the disk then. Where this fails nothing appears, and
 * nothing appears that no row speaks of.
 */
export type RecordFirst = () => Promise<void>

/** One change of the managed identities at a time, among all processes. */
export async function alone(dataDir: string): Promise<Disposable> {
  await attempt(dataDir, () => mkdir(managedFolder(dataDir), { recursive: true, mode: 0o700 }))
  return exclusively(join(dataDir, 'identities.lock'), {
    what: 'makes or takes a certificate',
    patienceMs: PATIENCE_MS,
  })
}

/**
 * Makes the folder of a managed identity, 0700, its files 0600. It appears complete, by rename, after everything in it is
 * on the disk. Returns it. Throws FILE_UNWRITABLE, and what `record` throws.
 */
export async function makeFolder(dataDir: string, made: NewIdentity, record: RecordFirst): Promise<string> {
  const parent = managedFolder(dataDir)
  const random = randomBytes(4).toString('hex')
  const day = made.at.toISOString().slice(0, 10)
  const folder = join(parent, `${made.for.replace(/[^a-z0-9._@-]/g, '_')}-${day}-${random}`)
  const unfinished = join(parent, `.${random}.unfinished`)
  return await attempt(folder, async () => {
    await mkdir(unfinished, { mode: 0o700 })
    try {
      for (const [name, text] of Object.entries(filesOf(made, folder)))
        await writeDurably(join(unfinished, name), [Buffer.from(text)])
      await syncFolder(unfinished)
      await record()
      await rename(unfinished, folder)
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true })
      throw error
    }
    await syncFolder(parent)
    return folder
  })
}

/** Puts a certificate where none is yet. Throws FILE_UNWRITABLE, and what `record` throws; only under `alone`. */
export async function putCertificate(path: string, pem: string, record: RecordFirst): Promise<void> {
  if (await exists(path))
    throw new DirectError('FILE_UNWRITABLE', `${path} is there already; it was not overwritten`, {
      hint: 'Old certificates stay for reading: name another file in identities, or move that one away.',
    })
  const unfinished = join(dirname(path), `.${randomBytes(6).toString('hex')}.unfinished`)
  await attempt(path, async () => {
    try {
      await writeDurably(unfinished, [Buffer.from(pem)])
      await record()
      await rename(unfinished, path)
      await syncFolder(dirname(path))
    } catch (error) {
      await rm(unfinished, { force: true })
      throw error
    }
  })
}

function filesOf(
  { for: name, at, by, key, request, certificate }: NewIdentity,
  folder: string,
): Readonly<Record<string, string>> {
  const facts: ManagedFacts = {
    version: 1,
    for: name,
    made: at.toISOString(),
    by,
    key: 'pem' in key ? FILES.key : relative(folder, key.file),
  }
  return {
    ...('pem' in key && { [FILES.key]: key.pem }),
    ...(request !== undefined && { [FILES.request]: request }),
    ...(certificate !== undefined && { [FILES.certificate]: certificate }),
    [FILES.facts]: `${JSON.stringify(facts, null, 2)}\n`,
  }
}

async function attempt<Value>(path: string, make: () => Promise<Value>): Promise<Value> {
  try {
    return await make()
  } catch (cause) {
    if (cause instanceof DirectError) throw cause
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException
    throw new DirectError('FILE_UNWRITABLE', `cannot write ${path} (${code})`, {
      hint: 'Let the user that runs direct-agent own dataDir, and see whether the disk has room.',
      cause,
    })
  }
}
