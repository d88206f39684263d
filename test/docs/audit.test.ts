import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

test('docs/daemon.md says of each event of the audit what it is, and of no other', async () => {
  const source = (await read('store/audit.ts')).split('export type AuditEvent =')[1]?.split('\n\n')[0] ?? ''
  const ofIdentities =
    (await read('agent/identities/tools.ts')).split('readonly event: ')[1]?.split('\n')[0] ?? ''
  const known = [...`${source} ${ofIdentities}`.matchAll(/'([a-z-]+)'/g)].map(([, event]) => event)
  expect(known.length).toBeGreaterThan(30)
  const table = (await read('docs/daemon.md')).split('| event | what happened |')[1]?.split('\n\n')[0] ?? ''
  const told = table
    .split('\n')
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z-]+)`/g)].map(([, event]) => event))
  expect([...new Set(told)].sort()).toEqual([...new Set(known)].sort())
})
