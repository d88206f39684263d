import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { certificateFixtures } from '../../fixtures/certificates.ts'
import { KEY_NAMES } from '../../fixtures/pki.ts'

const pki = new URL('../../fixtures/pki/', import.meta.url)
const fixtures = certificateFixtures()

test('fixtures/generate.ts makes the committed certificates again, byte for byte', () => {
  for (const { name, certificates } of fixtures) {
    const committed = readFileSync(new URL(`${name}.pem`, pki), 'utf8')
    expect(certificates.map(({ pem }) => pem).join(''), name).toBe(committed)
  }
})

test('fixtures/pki holds nothing else, and README.md has a line for each', () => {
  const expected = [...fixtures.map(({ name }) => `${name}.pem`), ...KEY_NAMES.map((name) => `${name}.key`)]
  expect(readdirSync(pki).toSorted()).toEqual(expected.toSorted())
  const readme = readFileSync(new URL('../../fixtures/README.md', import.meta.url), 'utf8')
  for (const { name, proves } of fixtures) expect(readme).toContain(`- \`${name}.pem\`: ${proves}\n`)
})
