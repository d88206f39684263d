/** DCDT's cases D1 to D18 against real servers, as the library answers: the table is dcdt/cases.ts. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressOf, CASES, type DcdtCase, type DirectoryName, ownerOf } from './dcdt/cases.ts'
import { CRL_PATH, INTERMEDIATE_PATH } from './dcdt/certificates.ts'
import {
  mailsIn,
  mailsOf,
  questionsIn,
  questionsOf,
  statusesOf,
  verdictsIn,
  verdictsOf,
} from './dcdt/expected.ts'
import { type Asked, ask } from './dcdt/stranger.ts'
import { startWorld, type World } from './dcdt/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

const WITH_EDNS = ['with EDNS', { edns: 'passes' }, { small: false }] as const
const REFUSES_EDNS = [
  'of 512 bytes, that answers FORMERR to EDNS',
  { edns: 'FORMERR' },
  { small: true },
] as const
const DROPS_EDNS = ['of 512 bytes, that drops what has EDNS', { edns: 'dropped' }, { small: true }] as const

describe.each([
  ['NXDOMAIN', ...WITH_EDNS],
  ['NXDOMAIN', ...REFUSES_EDNS],
  ['NXDOMAIN', ...DROPS_EDNS],
  ['NOERROR', ...WITH_EDNS],
  ['NOERROR', ...REFUSES_EDNS],
] as const)('absence as %s, from a BIND %s', (denial, _, front, size) => {
  const answers = new Map<string, Asked>()
  const searched = new Map<DirectoryName, readonly string[]>()
  let fetched: readonly string[]

  beforeAll(async () => {
    const directories = Object.entries(world.directories) as [DirectoryName, World['directories']['LDAP1']][]
    const logOf = (name: DirectoryName) => readFile(world.directories[name].logFile, 'utf8')
    const before = new Map<DirectoryName, number>()
    for (const [name] of directories) before.set(name, (await logOf(name)).length)
    const requests = world.web.requests.length
    const bind = await world.bind({ denial, ...size })
    // Side by side: to wait for what is dropped is then done once.
    await Promise.all(
      CASES.map(async (one) => answers.set(one.id, await ask(world, addressOf(one), bind, front))),
    )
    for (const [name] of directories) searched.set(name, mailsIn((await logOf(name)).slice(before.get(name))))
    fetched = world.web.requests.slice(requests)
  })

  const answerTo = ({ id }: DcdtCase): Asked => {
    const answer = answers.get(id)
    if (answer === undefined) throw new Error(`${id} was not asked`)
    return answer
  }

  test.each(CASES.map((one) => [one.id, one] as const))('%s', (_, one) => {
    const { recipient, log } = answerTo(one)
    const { evidence, certificates, route, directCapable, why } = recipient
    expect(evidence.map(({ status }) => status)).toEqual(statusesOf(one))
    expect(verdictsIn(evidence)).toEqual(verdictsOf(one, world.certificates))
    expect(questionsIn(log)).toEqual(questionsOf(one))
    const chosen = certificates.map(({ sha256, foundIn }) => ({ sha256, foundIn }))
    if (one.finds === null) {
      const isKnown = one.because !== 'LOOKUP_FAILED'
      expect({ route, directCapable }).toEqual(
        isKnown
          ? { route: 'insecure', directCapable: false }
          : { route: 'undetermined', directCapable: null },
      )
      expect(why.map(({ code }) => code)).toEqual([one.because])
      expect(chosen).toEqual([])
    } else {
      expect({ route, directCapable, why }).toEqual({ route: 'direct', directCapable: true, why: [] })
      const { sha256 } = world.certificates.get(one.finds).certificate
      expect(chosen).toEqual([{ sha256, foundIn: one.stopsAt }])
    }
  })

  test('no directory is searched for more than the places demand', () => {
    for (const [name, mails] of searched) expect(mails, name).toEqual(mailsOf(CASES, name))
  })

  test('the CRL of D17 and the issuer of D18 are fetched once', () => {
    expect(fetched.toSorted()).toEqual([`GET ${CRL_PATH}`, `GET ${INTERMEDIATE_PATH}`].toSorted())
  })

  test('what does not fit comes over TCP, and nothing else does (D14, DISC-5)', () => {
    const overTcp = CASES.filter((one) =>
      answerTo(one).log.some((line) => line.startsWith(`tcp CERT ${ownerOf(one)}`)),
    ).map(({ id }) => id)
    const published = CASES.filter(({ publishes }) => publishes.dnsAddress).map(({ id }) => id)
    if (front.edns === 'dropped') expect(overTcp).toEqual(CASES.map(({ id }) => id))
    else if (size.small) expect(overTcp).toEqual(published)
    // D9 and D17 hold two and three certificates.
    else expect(overTcp).toEqual(['D9', 'D14', 'D17'])
  })
})
