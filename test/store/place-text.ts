import type { PostgresPlace, StorePlace } from '../../store/index.ts'

/** A place as one process tells it another; of tests alone, as the password stands in it. */
export type Told =
  | { readonly file: string }
  | (Omit<PostgresPlace, 'password'> & { readonly password: string })

export function textOf(told: Told): string {
  return JSON.stringify(told)
}

export function placeOf(text: string): StorePlace {
  const told = JSON.parse(text) as Told
  return 'file' in told ? told : { postgres: { ...told, password: async () => told.password } }
}
