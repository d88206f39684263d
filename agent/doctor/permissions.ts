import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { READ_ONLY } from '../../store/index.ts'
import { refused } from '../deliver/writable.ts'
import { ok, type Said } from './finding.ts'
import type { Check } from './tools.ts'

/** The folders that are written to, and the files that hold secrets, by who may do what. */
export async function* checkPermissions({ settings, deliverTo }: Parameters<Check>[0]): ReturnType<Check> {
  const { dataDir, origin } = settings
  yield* checkFolder(dataDir, 'DATA_DIR', 'dataDir')
  if (deliverTo !== undefined) yield* checkFolder(deliverTo, 'DELIVER', 'the folder to deliver into')
  if ((await holdsPassword(origin)) && (await isOpenToOthers(origin)))
    yield {
      level: 'error',
      code: 'CONFIGURATION_EXPOSED',
      about: origin,
      text: `${origin} holds a password, and its mode lets others read it`,
      do: `"chmod 600 ${origin}", or name the password's variable by passwordEnv; change a password that others could read.`,
    }
  yield* checkChangeable(settings)
}

/** What anybody may change decides nothing that is safe: whom we believe, which program gives a password. */
async function* checkChangeable({ origin, trust }: Parameters<Check>[0]['settings']): AsyncGenerator<Said> {
  const anchors = trust.flatMap((entry) => [
    ...entry.anchors,
    ...entry.bundles.flatMap(({ signedBy }) => signedBy ?? []),
  ])
  for (const file of new Set([origin, ...anchors]))
    if (((await modeOf(file)) & 0o002) !== 0)
      yield {
        level: 'error',
        code: file === origin ? 'CONFIGURATION_WRITABLE' : 'ANCHOR_WRITABLE',
        about: file,
        text: `the mode of ${file} lets everybody change it, and with it whom we believe`,
        do: `"chmod o-w ${file}"; then see that it says what it should.`,
      }
}

async function* checkFolder(
  folder: string,
  code: 'DATA_DIR' | 'DELIVER',
  what: string,
): AsyncGenerator<Said> {
  const isThere = await exists(folder)
  // Where it is made, its owner will be whoever makes it.
  const written = isThere ? folder : dirname(folder)
  const failure = await refused(written)
  const owner = await ownerOf(written)
  if (failure !== null)
    yield {
      level: 'error',
      code: `${code}_UNWRITABLE`,
      about: folder,
      text: `${what}, ${folder}, ${isThere ? 'cannot be written to' : 'is not there and cannot be made'}: ${failure}`,
      do:
        failure === 'EROFS'
          ? READ_ONLY
          : `${isThere ? 'Let' : 'Make it, and let'} the user that runs direct-agent own it.`,
    }
  else if (process.getuid?.() === 0 && owner !== 0 && owner !== null)
    yield {
      level: 'warning',
      code: `${code}_OF_ANOTHER`,
      about: folder,
      text: `${what} belongs to user ${owner}, and this is root: what root makes there, that user cannot open`,
      do: `Run direct as the user of the service: "sudo -u '#${owner}' direct doctor".`,
    }
  else if (isThere)
    yield ok(`${code}_WRITABLE`, `this user may write to ${what}; nothing was written`, folder)
  else yield ok(`${code}_NEW`, `${what} is made when it is needed`, folder)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT',
  )
}

async function ownerOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ uid }) => uid,
    () => null,
  )
}

async function isOpenToOthers(file: string): Promise<boolean> {
  return ((await modeOf(file)) & 0o077) !== 0
}

/** 0: it is not there, or modes say nothing, as on Windows. */
async function modeOf(file: string): Promise<number> {
  if (process.getuid === undefined) return 0
  return stat(file).then(
    ({ mode }) => mode,
    () => 0,
  )
}

/** In a server's URL. */
async function holdsPassword(file: string): Promise<boolean> {
  return readFile(file, 'utf8').then(
    (text) => /^[^#]*\b(smtps?|imaps?|postgres(ql)?):\/\/[^\s/:@]+:[^\s/@]+@/m.test(text),
    () => false,
  )
}
