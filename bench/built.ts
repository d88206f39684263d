import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
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
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
    const settings = ['-p', join(checkout, 'tsconfig.build.json'), '--noCheck', '--declaration', 'false']
    execFileSync(process.execPath, [tsc, ...settings, '--outDir', dist])
    await copyFile(join(checkout, 'package.json'), join(dir, 'package.json'))
    await symlink(join(checkout, 'node_modules'), join(dir, 'node_modules'))
    for (const letter of ['a', 'b'] as const)
      await writeFile(config[letter], JSON.stringify(clinic(letter, join(dir, 'data'))))
  }
  return { main: join(dist, 'cli', 'main.js'), config }
}
