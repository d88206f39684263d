import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build, KINDS, type Sample } from './second-opinion/chains.ts'
import { type Opinion, openssl, ours } from './second-opinion/opinions.ts'
import { PINS } from './second-opinion/pins.ts'

const CHAINS_OF_A_KIND = 120
/** As many openssl processes as run at once. */
const AT_ONCE = 4

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'direct-second-opinion-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Compared {
  readonly sample: Sample
  readonly ours: Opinion
  readonly theirs: Opinion
}

let files = 0

async function compare(samples: readonly Sample[]): Promise<readonly Compared[]> {
  const compared: Compared[] = []
  const waiting = samples.values()
  const worker = async () => {
    for (const sample of waiting) {
      const chain = build(sample)
      const theirs = await openssl(chain, sample.wishes, folder, files++)
      compared.push({ sample, ours: ours(chain, sample.wishes), theirs })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return compared
}

describe('validatePath and openssl verify say the same (RFC 5280 6.1, CERT-5)', () => {
  test.each(Object.entries(KINDS))(`of ${CHAINS_OF_A_KIND} generated chains: %s`, async (_, chains) => {
    const compared = await compare(fc.sample(chains, { numRuns: CHAINS_OF_A_KIND, seed: 5280 }))
    expect(compared.filter(({ ours, theirs }) => ours.ok !== theirs.ok).filter(isNotPinned)).toEqual([])
    // A sample of one verdict only would prove little.
    const accepted = compared.filter(({ ours }) => ours.ok).length
    expect(accepted).toBeGreaterThan(CHAINS_OF_A_KIND / 6)
    expect(compared.length - accepted).toBeGreaterThan(CHAINS_OF_A_KIND / 6)
  })
})

const isNotPinned = ({ sample }: Compared): boolean => !PINS.some((pin) => pin.covers?.(sample))

describe('where they differ, an RFC decides for us', () => {
  test.each(PINS.map((pin) => [pin.name, pin] as const))('%s', async (_, pin) => {
    const [compared] = await compare([pin.sample])
    expect(compared).toMatchObject({ ours: { ok: pin.ours }, theirs: { ok: !pin.ours } })
  })
})
