import { chmod, glob } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** A checkout makes every file readable by all, and a private key that others may read is refused. */
export default async function setup(): Promise<void> {
  for await (const name of glob('**/*.key', { cwd: FIXTURES })) await chmod(`${FIXTURES}${name}`, 0o600)
}
