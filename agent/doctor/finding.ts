import type { DirectError } from '../errors.ts'
import type { Finding } from './types.ts'

/** For one area, in milliseconds, whose servers are asked at once: whoever has not answered by then is unreachable. */
export const PATIENCE_MS = 20_000

/** What one check says; its area is known. */
export type Said = Omit<Finding, 'area'>

export function ok(code: string, text: string, about: string | null = null): Said {
  return { level: 'ok', code, about, text, do: null }
}

/** What an error of ours says. */
export function findingOf(error: DirectError, about: string | null): Said {
  const { code, message, hint, temporary } = error
  return {
    level: temporary ? 'unreachable' : 'error',
    code,
    about,
    text: message,
    do: hint ?? 'Correct what it names, and ask again.',
  }
}

export const NOT_ASKED: Said = {
  level: 'note',
  code: 'NOT_ASKED',
  about: null,
  text: 'the network is forbidden, and no server was asked',
  do: 'Leave out --no-network.',
}
