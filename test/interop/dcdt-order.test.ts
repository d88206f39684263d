/** DCDT's cases in which order or chance may not decide: D2, D9 and D17 in every order, D16 thirty times. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Bind } from '../services/bind.ts'
import { addressOf, caseNamed } from './dcdt/cases.ts'
import { mailsIn, verdictsIn, verdictsOf } from './dcdt/expected.ts'
import { ask } from './dcdt/stranger.ts'
import { startWorld, type World } from './dcdt/world.ts'

let world: World
let bind: Bind

beforeAll(async () => {
  world = await startWorld()
  bind = await world.bind({ denial: 'NXDOMAIN' })
})

afterAll(() => world[Symbol.asyncDispose]())

describe('in whatever order the records of one set come', () => {
  test.each([
    ['D2', 2],
    ['D9', 2],
    ['D17', 3],
  ] as const)('%s, of %i certificates: the valid one is chosen', async (id, count) => {
    const one = caseNamed(id)
    const { sha256 } = world.certificates.get(one.finds as NonNullable<typeof one.finds>).certificate
    const seen = new Set<string>()
    for (const order of permutations([...Array(count).keys()])) {
      const { recipient } = await ask(world, addressOf(one), bind, { order })
      expect(recipient).toMatchObject({ route: 'direct', certificates: [{ sha256, foundIn: one.stopsAt }] })
      expect(verdictsIn(recipient.evidence)).toEqual(verdictsOf(one, world.certificates))
      const judged = recipient.evidence.flatMap(({ certificates }) => certificates)
      seen.add(judged.map((each) => each.sha256).join())
    }
    expect(seen.size).toBe(count === 3 ? 6 : 2)
  })
})

describe('D16: of two directories of one priority, the one of weight 100 before the one of weight 0 (DISC-7)', () => {
  const d16 = caseNamed('D16')
  const chosen = () => world.certificates.get('D16_LDAP2_AB_Valid').certificate.sha256
  const searchesAtLdap1 = async () => {
    const log = await readFile(world.directories.LDAP1.logFile, 'utf8')
    return mailsIn(log).filter((mail) => mail === addressOf(d16))
  }

  test('thirty times in thirty', async () => {
    const strangers = Array.from({ length: 30 }, () => ask(world, addressOf(d16), bind))
    for (const { recipient } of await Promise.all(strangers))
      expect(recipient).toMatchObject({ certificates: [{ sha256: chosen(), foundIn: 'ldap-address' }] })
    expect(await searchesAtLdap1()).toEqual([])
  })

  test.each([0, 0.5, 1 - 2 ** -53])('whatever is drawn: %d', async (drawn) => {
    const { recipient } = await ask(world, addressOf(d16), bind, {}, { random: () => drawn })
    expect(recipient).toMatchObject({ certificates: [{ sha256: chosen() }] })
    expect(await searchesAtLdap1()).toEqual([])
  })
})

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length <= 1) return [items]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}
