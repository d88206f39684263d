import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The folder of outside test data of that name, or null where there is none: the published project has no such
 * folder beside it, and what needs it is skipped (`describe.skipIf(corpora('x') === null)`, with a note).
 */
export function corpora(name: string): string | null {
  const folder = fileURLToPath(new URL(`../../shared/corpora/${name}`, import.meta.url))
  if (existsSync(folder)) return folder
  console.warn(`skipped: no outside test data (${name}) beside the checkout`)
  return null
}
