import { lstat, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { domainOrAddressOf } from '../config/values.ts'
import { DirectError } from '../errors.ts'
import { wholeFile } from '../files/file-source.ts'
import type { IdentityFiles, Settings } from '../settings.ts'

/** What `identity.json` says. Later versions may say more. */
const facts = z.object({
  version: z.literal(1),
  for: z.string().refine((name) => domainOrAddressOf(name) === name),
  made: z.iso.datetime(),
  by: z.string(),
  /** Path of the private key, relative to the folder: its own `key.pem`, or one that another identity has too. */
  key: z.string().min(1),
})

export type ManagedFacts = z.output<typeof facts>

/** A folder of `dataDir/identities`: a key and a request, and the certificate once it is there. */
export interface Managed {
  readonly facts: ManagedFacts
  readonly folder: string
  readonly request: string
  readonly certificate: string
  readonly privateKey: string
  /** The CA has answered. */
  readonly answered: boolean
}

/** A folder that is not as it was made. */
export interface Damaged {
  readonly folder: string
  readonly text: string
}

export const FILES = {
  key: 'key.pem',
  request: 'request.pem',
  certificate: 'certificate.pem',
  facts: 'identity.json',
} as const

/** Of an `identity.json`, which is a few lines. */
const MOST_BYTES = 64 << 10

export function managedFolder(dataDir: string): string {
  return join(dataDir, 'identities')
}

/** Every managed identity. Unfinished ones, which begin with a dot, are passed over. */
export async function readManaged(
  dataDir: string,
): Promise<{ readonly managed: readonly Managed[]; readonly damaged: readonly Damaged[] }> {
  const parent = managedFolder(dataDir)
  const names = (await entriesOf(parent)).filter((name) => !name.startsWith('.')).sort()
  const read = await Promise.all(names.map((name) => readFolder(join(parent, name))))
  return {
    managed: read.filter((one) => one !== null).filter((one) => 'facts' in one),
    damaged: read.filter((one) => one !== null).filter((one) => 'text' in one),
  }
}

/** As an entry of the configuration's `identities` has it. */
export function settingsOf(
  { facts, certificate, privateKey }: Managed,
  configured: Settings['identities'],
): IdentityFiles {
  // A key that the configuration names may be encrypted.
  const named = configured.find((one) => one.privateKey === privateKey)
  const password = named?.privateKey ? named.password : undefined
  return { for: facts.for, certificate, privateKey, password }
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' && !(await isLink(folder))) return []
    throw new DirectError(
      'CERT_UNREADABLE',
      `the folder of our own certificates, ${folder}, cannot be read (${code})`,
      {
        hint: 'dataDir has to be a folder that the user that runs direct-agent owns.',
        cause,
      },
    )
  }
}

/** One that leads nowhere is no empty folder: what it led to may be away for a moment. */
async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  )
}

/** Null: it is no folder, or was taken away meanwhile. */
async function readFolder(folder: string): Promise<Managed | Damaged | null> {
  try {
    const text = await wholeFile(join(folder, FILES.facts), MOST_BYTES)
    const read = facts.safeParse(jsonOf(text.toString()))
    if (!read.success) return { folder, text: `${join(folder, FILES.facts)} does not read as it was written` }
    const certificate = join(folder, FILES.certificate)
    return {
      facts: read.data,
      folder,
      request: join(folder, FILES.request),
      certificate,
      privateKey: resolve(folder, read.data.key),
      answered: await exists(certificate),
    }
  } catch (error) {
    if (!(error instanceof DirectError)) throw error
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
    if (code === 'ENOTDIR') return null
    if (code === 'ENOENT' && !(await exists(folder))) return null
    return { folder, text: error.message }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A SyntaxError, the one thing that it throws: the caller's schema refuses what is no object.
    return null
  }
}

/** Or something else that is in the way, which whoever reads or writes it is told. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT' && code !== 'ENOTDIR',
  )
}
