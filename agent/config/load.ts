import { dirname, resolve } from 'node:path'
import { DirectError } from '../errors.ts'
import { fileBytes } from '../file-bytes.ts'
import type { Settings } from '../settings.ts'
import { whyUnread } from '../why-unread.ts'
import type { SettingsBase } from './base.ts'
import { configurationError, type Locate, type Refuse, typeMessage } from './problems.ts'
import { configuration } from './schema.ts'
import { toSettings } from './to-settings.ts'
import { parseYaml } from './yaml.ts'

/** Read when no file is named. */
const DEFAULT_FILE = 'direct.yaml'
const MAX_BYTES = 1024 * 1024

/**
 * Reads and checks a configuration file (YAML; JSON is YAML). `undefined` means `direct.yaml` in the working folder,
 * and an empty configuration where there is none. Throws DirectError CONFIG_INVALID, which
 * names the key and where it stands.
 */
export async function loadSettings(file: string | undefined, env: NodeJS.ProcessEnv): Promise<Settings> {
  const origin = file ?? DEFAULT_FILE
  const base = { origin, dir: dirname(resolve(origin)), env }
  const text = await read(origin, file === undefined)
  if (text === null)
    return settingsOf({}, { ...base, origin: `no configuration (there is no ${origin} here)` })
  const { value, locate } = parseYaml(text, origin)
  // Comments alone are no more than nothing.
  if (value === null) return { ...settingsOf({}, { ...base, origin: `${origin} is empty` }), isEmpty: true }
  return check(value, base, locate)
}

/** Checks an options object of the same shape as the file. Throws as `loadSettings` does. */
export function settingsOf(input: unknown, base: SettingsBase): Settings {
  return check(input, base, () => null)
}

async function read(file: string, mayBeMissing: boolean): Promise<string | null> {
  try {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of await fileBytes(file)) {
      chunks.push(chunk)
      bytes += chunk.length
      // No further than the limit: a device or an image of a disk has no end in sight.
      if (bytes > MAX_BYTES)
        throw new DirectError('CONFIG_INVALID', `${file} is larger than ${MAX_BYTES} bytes`, {
          hint: 'Give the path of a direct.yaml; this is another kind of file.',
        })
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch (error) {
    if (error instanceof DirectError) throw error
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' && mayBeMissing) return null
    throw new DirectError('CONFIG_INVALID', `cannot read the configuration ${file}: ${whyUnread(error)}`, {
      hint: 'Give the path of a configuration that can be read, or make one with "direct init".',
      cause: error,
    })
  }
}

function check(input: unknown, base: SettingsBase, locate: Locate): Settings {
  const result = configuration.safeParse(withoutEmptyKeys(input), {
    error: typeMessage,
    reportInput: true,
    // It is checked once: to compile a check of its own for it takes twice as long.
    jitless: true,
  })
  if (!result.success) throw configurationError(base.origin, result.error.issues, locate)
  const refuse: Refuse = (path, message, hint) =>
    configurationError(
      base.origin,
      [{ code: 'custom', path: [...path], message, input: undefined, params: { hint } }],
      locate,
    )
  return toSettings(result.data, base, refuse)
}

/** `smtp:` with nothing after it, as when everything below is commented out, says nothing. */
function withoutEmptyKeys(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null))
}
