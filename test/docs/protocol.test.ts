import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const RULE = /\b(?:MSG|ALG|DISC|CERT|TR|IN|N)-\d+\b/g

test('every rule that code, tests or docs cite stands in docs/protocol.md, and none stands there for nothing', () => {
  const cited = new Set(
    globSync('{agent,trust-anchors,dns,mailbox,store,cli,test,docs}/**/*.{ts,md}', { cwd: ROOT })
      .filter((file) => !/docs[/\\]protocol\./.test(file))
      .flatMap((file) => readFileSync(`${ROOT}${file}`, 'utf8').match(RULE) ?? []),
  )
  const rows = readFileSync(`${ROOT}docs/protocol.md`, 'utf8').matchAll(/^\| ([A-Z]+-\d+) \|/gm)
  const told = [...rows].map(([, rule = '']) => rule)
  expect(told.toSorted()).toEqual([...cited].toSorted())
})
