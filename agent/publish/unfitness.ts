import { DirectError } from '../errors.ts'

/** Why `check` of dns/zone/owner.ts refuses a name, and what to do; null: DNS can carry it. */
export function unfitness(check: (name: string) => string, name: string): string | null {
  try {
    check(name)
    return null
  } catch (error) {
    if (!(error instanceof DirectError && error.code === 'CONFIG_INVALID')) throw error
    return [error.message, error.hint ?? []].flat().join('. ')
  }
}
