import { DirectError } from '../../agent/errors.ts'
import type { PostgresPlace } from '../../store/index.ts'
import { placeOf } from './place-text.ts'

/** Where a test's store is, to be opened in some other way. */
export async function placeIn(temporary: { readonly told: string }): Promise<PostgresPlace> {
  const place = placeOf(temporary.told)
  if (!('postgres' in place)) throw new Error('this run is over SQLite')
  return place.postgres
}

/** What opening or asking is refused with. */
export async function refusal(opening: Promise<unknown>): Promise<Record<string, unknown>> {
  const error: unknown = await opening.then(
    () => null,
    (error: unknown) => error,
  )
  return { ...(error as object), message: (error as Error).message, all: String((error as Error).stack) }
}

/** Asked again while the connections that were ended are given up, one by one. */
export async function passing<T>(ask: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof DirectError && error.temporary)) throw error
    }
}
