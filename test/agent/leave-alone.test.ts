/** Within an address book, what keeps failing is not waited for by each address anew (DISC-6, RFC 9520 3). */
import { describe, expect, test } from 'vitest'
import { leavingAlone } from '../../agent/book/leave-alone.ts'
import type { Answer, DiscoveryNetwork, FailedTry, Reached } from '../../dns/index.ts'
import { literalNetwork, literalZone } from '../dns/literal-zone.ts'

const HOST = { name: 'certdns.d.example', addresses: ['198.51.100.7'] }
const QUESTION = { name: 'h.example', type: 'A', answer: 'SERVFAIL at 192.0.2.1:53' } as const
const AWAY: Reached = { status: 'failed', text: 'not known now', questions: [QUESTION] }
const NONE: Answer = { status: 'absent', kind: 'NXDOMAIN', ttl: 60, server: '192.0.2.1:53' }
const failed = (code: FailedTry['code']): Answer => ({
  status: 'failed',
  tries: [{ server: '198.51.100.7:53', code, text: code }],
})

/** Each way of asking, for the nth address of a book. */
type Way = (network: DiscoveryNetwork, n: number) => Promise<{ readonly status: string }>

/** Counts how often somebody was asked, one of the book's addresses after the other. */
function book(way: Way, says: (asked: number) => Answer, reached: Reached = AWAY) {
  let asked = 0
  const clock = { ms: 0 }
  const count =
    <T>(answer: (asked: number) => T) =>
    async (): Promise<T> =>
      answer(++asked)
  const resolver = { resolve: count(says) }
  const network: DiscoveryNetwork = {
    ...literalNetwork(literalZone({})),
    reach: count(() => reached),
    followUrl: count(() => ({ status: 'failed' as const, text: 'away' })),
    askHost: () => resolver,
    certServer: (domain) =>
      domain === 'ldap.example'
        ? {
            kind: 'ldap',
            server: 'dir.example:389',
            ldap: { host: 'dir.example', port: 389, secure: false },
            reach: count(() => reached),
          }
        : { kind: 'dns', server: '198.51.100.7:53', resolver },
  }
  const alone = leavingAlone(network, () => clock.ms)
  return {
    clock,
    asked: () => asked,
    async ask(times: number) {
      const answers: { readonly status: string }[] = []
      for (let n = 0; n < times; n++) answers.push(await way(alone, n))
      return answers
    },
  }
}

const askHost: Way = ({ askHost }, n) => askHost(HOST).resolve(`u${n}.d.example`, 'CERT')
const configured: Way = ({ certServer }, n) => {
  const found = certServer('d.example')
  return found?.kind === 'dns' ? found.resolver.resolve(`u${n}.d.example`, 'CERT') : Promise.reject(found)
}

describe.each<[string, Way]>([
  ['the host of certdns', askHost],
  ['a cert server of the configuration', configured],
  [
    "the directory's address of such a one",
    ({ certServer }) => {
      const found = certServer('ldap.example')
      return found?.kind === 'ldap' ? found.reach('dir.example') : Promise.reject(found)
    },
  ],
  ['the address of a host', ({ reach }) => reach('certdns.d.example')],
  ['a URL', ({ followUrl }) => followUrl?.('http://d.example/a') ?? Promise.reject()],
])('%s', (_, way) => {
  test('is asked for three times, then left alone for a minute; it stays not known', async () => {
    const { ask, asked, clock } = book(way, () => failed('TIMEOUT'))
    const answers = await ask(100)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['failed']))
    expect(asked()).toBe(3)
    clock.ms = 60_000
    await ask(1)
    expect(asked()).toBe(4)
  })
})

describe.each<[string, Way]>([
  ['the host of certdns', askHost],
  ['a cert server of the configuration', configured],
])('%s', (_, way) => {
  test('that answers in between is asked for every address', async () => {
    const { ask, asked } = book(way, (n) => (n % 3 === 0 ? NONE : failed('TIMEOUT')))
    await ask(30)
    expect(asked()).toBe(30)
  })

  test('that fails one question is asked the next: only silence is waited for', async () => {
    const { ask, asked } = book(way, (n) => (n > 10 ? NONE : failed('SERVFAIL')))
    expect((await ask(20)).at(-1)).toEqual(NONE)
    expect(asked()).toBe(20)
  })
})

test('whoever is told what others heard has put no question', async () => {
  const { ask } = book(
    ({ reach }) => reach('h.example'),
    () => NONE,
  )
  const answers = await ask(4)
  expect(answers.map((one) => ('questions' in one ? one.questions : null))).toEqual([
    [QUESTION],
    [QUESTION],
    [QUESTION],
    [],
  ])
})
