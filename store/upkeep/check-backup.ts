import { DirectError } from '../../agent/errors.ts'
import { NEWEST } from '../migrate.ts'
import type { StoreFinding } from '../upkeep-types.ts'
import { reading } from './backup.ts'
import { type CheckOptions, check } from './check.ts'
import { sealOf } from './restore.ts'

/** What `check` says of a store, of a backup that lies in a file; it is not changed. */
export async function* checkBackup(file: string, options: CheckOptions): AsyncGenerator<StoreFinding> {
  const seal = await sealOf(file, options.tell)
  yield SEAL[seal]
  try {
    yield* await reading(file, async (db) => {
      const { version } = await db
        .selectFrom('schema_versions')
        .select(({ fn }) => fn.max('version').as('version'))
        .executeTakeFirstOrThrow()
      if (version === NEWEST) return await Array.fromAsync(check(db, options))
      return [
        {
          ...FINE,
          text: `its schema is of version ${version}: what is in it is looked at when it is restored`,
        },
      ]
    })
  } catch (error) {
    if (!(seal === 'broken' && error instanceof DirectError)) throw error
    yield unread(error)
  }
}

/** It was a store of ours: its beginning is what is damaged. */
function unread({ message }: DirectError): StoreFinding {
  return {
    area: 'file',
    level: 'error',
    code: 'PAGES_DAMAGED',
    about: null,
    text: `nothing else was looked at, as it cannot be read as a store: ${message}`,
    do: 'A restore has to read it, too, and cannot take it, with --even-damaged neither: keep another backup.',
  }
}

const FINE = { area: 'file', level: 'ok', code: 'OK', about: null, do: null } as const

const SEAL: Readonly<Record<Awaited<ReturnType<typeof sealOf>>, StoreFinding>> = {
  whole: { ...FINE, text: 'every byte is as "direct store backup" wrote it' },
  none: {
    ...FINE,
    text: 'it has no seal: made by other means or by an older direct-agent, it may have changed without a sign of it',
  },
  broken: {
    area: 'file',
    level: 'error',
    code: 'SEAL_BROKEN',
    about: null,
    text: 'it is not what "direct store backup" wrote',
    do: 'Keep an older backup, or make a new one while the store is whole; look after the disk that it lies on.',
  },
}
