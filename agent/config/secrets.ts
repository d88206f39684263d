import { resolve } from 'node:path'
import type { DirectError } from '../errors.ts'
import type { Password } from '../settings.ts'
import type { SettingsBase } from './base.ts'
import type { SecretKind } from './passwords.ts'
import type { KeyPath, Refuse } from './problems.ts'

/** The keys by which an entry says where a secret is. */
type Places = {
  readonly [Key in `${SecretKind}Env` | `${SecretKind}File`]?: string | undefined
} & {
  readonly [Key in `${SecretKind}Command`]?: readonly string[] | undefined
}

/** Few commands need a secret, and none needs it at its start. */
const passwords = () => import('./passwords.ts')

/**
 * What asks for a secret where the entry at `at` says that it is; undefined: it says nothing. The schema has seen to it
 * that it says one place at most. One that can be found out by whoever has seen what it signs must be of `atLeast` so many
 * characters.
 */
export function secretOf(
  kind: SecretKind,
  entry: Places,
  at: KeyPath,
  {
    base: { dir, env },
    refuse,
    atLeast = 1,
  }: { readonly base: SettingsBase; readonly refuse: Refuse; readonly atLeast?: number },
): Password | undefined {
  const found = (
    place: 'Env' | 'File' | 'Command',
    read: (refuse: RefuseHere) => string | Promise<string>,
  ) => {
    const here: RefuseHere = (...why) => refuse([...at, kind + place], ...why)
    return async () => {
      const text = await read(here)
      if (text.length >= atLeast) return text
      throw here(
        `gives a ${kind} of ${text.length} characters; it must have ${atLeast} at least`,
        'Make one with: openssl rand -hex 32',
      )
    }
  }
  const { [`${kind}Env` as const]: variable, [`${kind}File` as const]: file } = entry
  const { [`${kind}Command` as const]: command } = entry
  if (variable !== undefined) return found('Env', (here) => secretInEnv(variable, env, here))
  if (file !== undefined)
    return found('File', async () => (await passwords()).passwordFromFile(resolve(dir, file), kind))
  if (command !== undefined)
    return found('Command', async () =>
      (await passwords()).passwordFromCommand(command, { cwd: dir, env, kind }),
    )
  return undefined
}

type RefuseHere = (text: string, hint: string) => DirectError

/** Read when somebody needs it: `direct status` must not fail because the mailbox's password is not in this shell. */
export function secretInEnv(variable: string, env: NodeJS.ProcessEnv, refuse: RefuseHere): string {
  const value = env[variable]
  if (value) return value
  throw refuse(
    `names the environment variable ${variable}, which is ${value === undefined ? 'not set' : 'empty'}`,
    `export ${variable}=… first; a service has it from its environment file.`,
  )
}
