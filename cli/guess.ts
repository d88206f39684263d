import { CommanderError } from 'commander'
import { COMMANDS } from './commands.ts'

/** For commander's `exitOverride`: what it throws, with a guess of ours where a word is no command. */
export function guessing(error: CommanderError): never {
  if (error.code !== 'commander.unknownCommand') throw error
  const [what = '', similar = ''] = error.message.split('\n(')
  const word = what.replace(/^error: unknown command '(.*)'$/s, '$1')
  const names = similar.match(/^Did you mean (?:one of )?(.*)\?\)$/)?.[1]?.split(', ') ?? []
  const guess = guessCommand(word, names)
  throw new CommanderError(error.exitCode, error.code, guess === null ? what : `${what}\n(${guess})`)
}

/**
 * What may have been meant by a word that is no command: the commands of a group that are called so, else those among
 * `similar` that hand no mail to anybody, for nobody should come to send by a guess. Null: no guess.
 */
function guessCommand(word: string, similar: readonly string[]): string | null {
  const named = COMMANDS.map(({ name }) => name).filter((name) => name.endsWith(` ${word}`))
  const harmless = similar.filter((name) => !COMMANDS.some((entry) => entry.name === name && entry.sends))
  const [first, ...others] = named.length > 0 ? named : harmless
  if (first === undefined) return null
  return others.length === 0
    ? `Did you mean ${first}?`
    : `Did you mean one of ${[first, ...others].join(', ')}?`
}
