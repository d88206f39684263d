import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

test('docs/daemon.md says of each code of received mail what it means and what to do, and of no other', async () => {
  const source = (await read('agent/errors.ts')).split('export type MessageCode =')[1]?.split('\n\n')[0] ?? ''
  const known = [...source.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code)
  expect(known.length).toBeGreaterThan(12)
  const table =
    (await read('docs/daemon.md')).split('| code | what is wrong | what to do |')[1]?.split('\n\n')[0] ?? ''
  const told = table.split('\n').flatMap((row) => /^\| `([A-Z_]+)` \| .+ \| .+ \|$/.exec(row)?.[1] ?? [])
  expect(told.toSorted()).toEqual(known.toSorted())
})
