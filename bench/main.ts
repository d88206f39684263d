/**
 * `npm run bench`: the figures that the README claims, as ratios within one run. Each file is a bench of its own:
 * `node bench/seal.ts`.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

for (const name of ['seal', 'memory', 'path', 'text', 'send', 'start', 'discovery']) {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  const { status } = spawnSync(process.execPath, [file], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
