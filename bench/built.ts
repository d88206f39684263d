import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { clinic } from './clinics.ts'

const checkout = fileURLToPath(new URL('..', import.meta.url))

/** The command line as it is published, beside two clinics' configurations. */
export interface Built {
  /** For node: the path of `direct`. */
  readonly main: string
  readonly config: Readonly<Record<'a' | 'b', string>>
}

/** Builds the command line into a folder, if an earlier part has not. */
export async function built(dir: string): Promise<Built> {
  const dist = join(dir, 'dist')
  const config = { a: join(dir, 'a.yaml'), b: join(dir, 'b.yaml') }
  if (!existsSync(dist)) {
    const rolldown = createRequire(import.meta.url).resolve('rolldown/package.json')
    const bundle = [
      join(dirname(rolldown), 'bin/cli.mjs'),
      '--config',
      '--configLoader',
      'native',
      '--dir',
      join(dist, 'cli'),
    ]
    execFileSync(process.execPath, bundle, { cwd: checkout, stdio: ['ignore', 'ignore', 'inherit'] })
    await copyFile(join(checkout, 'package.json'), join(dir, 'package.json'))
    for (const letter of ['a', 'b'] as const)
      await writeFile(config[letter], JSON.stringify(clinic(letter, join(dir, 'data'))))
  }
  return { main: join(dist, 'cli', 'main.cjs'), config }
}
