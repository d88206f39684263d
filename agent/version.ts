import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/** The version in package.json, which lies beside agent/ in the sources and one folder higher when built. */
export function version(): string {
  const file = findPackageJSON(import.meta.url)
  if (file === undefined) throw new Error('there is no package.json above the library')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
