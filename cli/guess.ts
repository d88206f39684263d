import { COMMANDS } from './commands.ts'

/**
 * What may have been meant by a word that is no command: the commands of a group that are called so, else those among
 * `similar` that hand no mail to anybody, for nobody should come to send by a guess. Null: no guess.
 */
export function guessCommand(word: string, similar: readonly string[]): string | null {
  const named = COMMANDS.map(({ name }) => name).filter((name) => name.endsWith(` ${word}`))
  const harmless = similar.filter((name) => !COMMANDS.some((entry) => entry.name === name && entry.sends))
  const [first, ...others] = named.length > 0 ? named : harmless
  if (first === undefined) return null
  return others.length === 0
    ? `Did you mean ${first}?`
    : `Did you mean one of ${[first, ...others].join(', ')}?`
}
