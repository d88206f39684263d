import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import type { GuardedFetch } from '../../agent/fetch.ts'
import { type Agent, type AgentOptions, createAgent } from '../../agent/index.ts'
import { type Minted, mint } from '../../fixtures/pki.ts'
import { openStore } from '../../store/index.ts'
import { toPem } from '../../trust-anchors/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { all, clinicConfig, der, pki, temporaryFolder } from '../flow/clinics.ts'
import { METADATA, p7b, p7bWithMetadata, p7m, toBer } from '../services/bundles.ts'

const URL = 'https://bundles.example/anchors.p7m'
const NOW = new Date('2026-11-21T12:00:00Z')
const KIM = { actor: 'kim' }

const rootA: Pick<Minted, 'pem'> = { pem: toPem(der('root-a.pem')) }
const rootB: Pick<Minted, 'pem'> = { pem: toPem(der('root-b.pem')) }
const other = mint({ ca: true, subject: 'Another root', key: 'intermediate' })
const signer = mint({ subject: 'The bundle signer', key: 'dr-lee' })
const stranger = mint({ subject: 'A stranger', key: 'clinic-b' })
/** The same key and name as the signer's, another certificate. */
const lookalike = mint({ subject: 'The bundle signer', key: 'dr-lee', to: '2040-01-01' })

/** What a URL gives now. */
type Served = Uint8Array | 'failed' | 'refused'

class Web {
  served: Served
  asked = 0

  constructor(served: Served) {
    this.served = served
  }

  readonly fetch: GuardedFetch = async ({ url, configured }) => {
    this.asked++
    if (url !== URL || !configured) throw new Error(`nobody should ask for ${url} that way`)
    if (this.served instanceof Uint8Array) return { status: 'ok', body: this.served }
    const refusal = { why: `it was ${this.served}`, text: `${url} was ${this.served}` }
    return this.served === 'failed' ? { status: 'failed', ...refusal } : { status: 'refused', ...refusal }
  }
}

async function agentOf(
  config: Record<string, unknown> = {},
  parts: AgentOptions & { readonly dir?: string } = {},
): Promise<Agent> {
  const { dir = await temporaryFolder(), ...rest } = parts
  const resolver = literalZone({ 'clinic-b.example': [der('clinic-b.pem')] })
  const agent = await createAgent(
    { ...clinicConfig('a', dir), revocation: 'off', ...config },
    { resolver, now: () => NOW, ...rest },
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return agent
}

async function file(content: string | Uint8Array, name = 'file.pem'): Promise<string> {
  const path = join(await temporaryFolder(), name)
  await writeFile(path, content)
  return path
}

/** An agent whose only trust is one bundle, for everyone. */
async function bundled(web: Web, bundle: Record<string, unknown> = {}, parts: AgentOptions = {}) {
  const trust = [{ for: '*', bundles: [{ url: URL, ...bundle }] }]
  return await agentOf({ trust }, { fetch: web.fetch, ...parts })
}

const routeOf = async (agent: Agent) =>
  (await agent.classify(['dr.lee@clinic-b.example'], { from: 'dr.kim@clinic-a.example' }))[0]?.route

const inForce = async (agent: Agent) =>
  (await agent.trust.list()).filter(({ state }) => state === 'in-force').map(({ subject }) => subject)

const events = async (agent: Agent) =>
  (await all(agent.audit())).map(({ event, actor }) => `${event} ${actor ?? '-'}`)

test.each([
  ['a p7b', p7b([rootA])],
  ['a p7b as PEM', p7b([rootA], 'PEM')],
  ['a p7b in BER', toBer(p7b([rootA]))],
  ['a p7b with metadata', p7bWithMetadata([rootA as Minted], signer)],
  ['a signed p7m around a p7b', p7m(p7b([rootA]), signer)],
])('%s makes its anchors believed where no signer is asked for (TR-4)', async (_, served) => {
  const agent = await bundled(new Web(served))
  expect(await routeOf(agent)).toBe('direct')
})

test.each([
  ['in DER', p7b([rootA]), {}],
  ['in BER', toBer(p7b([rootA])), {}],
  ['as PEM text', p7b([rootA], 'PEM'), {}],
  ['as PEM certificates', Buffer.from(rootA.pem), {}],
  ['with XML metadata', p7bWithMetadata([rootA as Minted], signer), {}],
  ['in a PEM shell', p7b([rootA]), { form: 'PEM' as const }],
  ['in a streamed BER shell', p7b([rootA]), { options: ['-stream'] }],
  ["in a shell without the signer's certificate", p7b([rootA]), { options: ['-nocerts'] }],
  ['in a shell without signed attributes', p7b([rootA]), { options: ['-noattr'] }],
  ['signed with SHA-512', p7b([rootA]), { digest: 'sha512' }],
])('a p7m by the configured signer is taken, its content %s (TR-4)', async (_, content, options) => {
  const web = new Web(p7m(content, signer, options))
  const agent = await bundled(web, { signedBy: await file(signer.pem) })
  const [report] = await agent.trust.bundles.refresh(KIM)
  expect(report).toMatchObject({ outcome: 'refreshed', anchors: 1, why: null })
  expect(await routeOf(agent)).toBe('direct')
})

function tampered(cms: Buffer): Buffer {
  const copy = Buffer.from(cms)
  const at = copy.indexOf('Test Root A')
  copy.write('Test Root X', at, 'latin1')
  return copy
}

test.each([
  ['unsigned content', p7b([rootB]), 'NOT_SIGNED'],
  ['content signed by somebody else', p7m(p7b([rootB]), stranger), 'SIGNER_UNTRUSTED'],
  [
    "content signed by the signer's key under another certificate",
    p7m(p7b([rootB]), lookalike),
    'SIGNER_UNTRUSTED',
  ],
  [
    'content signed by the signer but changed on the way',
    tampered(p7m(p7b([rootA, rootB]), signer)),
    'SIGNATURE_INVALID',
  ],
  [
    'an anchor beside the signature, signed by nobody',
    p7m(Buffer.from(METADATA), signer, { beside: [other] }),
    'MALFORMED',
  ],
  [
    'a mail by the signer that quotes certificates',
    p7m(
      Buffer.from(`Subject: Re: yours\r\n\r\nYou wrote:\r\n> ${rootB.pem.replaceAll('\n', '\r\n> ')}`),
      signer,
    ),
    'MALFORMED',
  ],
  ['a signature by SHA-1', p7m(p7b([rootB]), signer, { digest: 'sha1' }), 'ALGORITHM_REFUSED'],
  ['a bundle without anchors', p7m(p7b([]), signer), 'NO_ANCHORS'],
  ['a bundle signed twice', p7m(p7m(p7b([rootB]), stranger), signer), 'MALFORMED'],
  ['an error page', Buffer.from('<html>sorry</html>'), 'NOT_SIGNED'],
])('%s is refused, and the last good one stays (TR-4)', async (_, served, code) => {
  const web = new Web(p7m(p7b([rootA]), signer))
  const agent = await bundled(web, { signedBy: await file(signer.pem) })
  await agent.trust.bundles.refresh(KIM)
  web.served = served
  const [report] = await agent.trust.bundles.refresh(KIM)
  expect(report).toMatchObject({ outcome: 'refused', anchors: 1, added: [], removed: [] })
  expect(report?.why?.code).toBe(code)
  expect(await inForce(agent)).toEqual([expect.stringContaining('Test Root A')])
  expect(await routeOf(agent)).toBe('direct')
  expect(await agent.notices()).toContainEqual(expect.stringContaining('could not be refreshed since'))
  expect((await events(agent)).at(-1)).toBe('bundle-failed kim')
})

test('an anchor beside the signature of a good bundle is no anchor', async () => {
  const web = new Web(p7m(p7b([rootA]), signer, { beside: [other] }))
  const agent = await bundled(web)
  await agent.trust.bundles.refresh(KIM)
  expect(await inForce(agent)).toHaveLength(1)
})

test('where no signer is asked for, a signature that is there must be right all the same', async () => {
  const agent = await bundled(new Web(tampered(p7m(p7b([rootA]), signer))))
  const [report] = await agent.trust.bundles.refresh(KIM)
  expect(report?.why?.code).toBe('SIGNATURE_INVALID')
})

test('a signer whose certificate has ended is believed no more', async () => {
  const ended = mint({ subject: 'Ended', key: 'dr-lee', to: '2026-06-01' })
  const agent = await bundled(new Web(p7m(p7b([rootA]), ended)), { signedBy: await file(ended.pem) })
  const [report] = await agent.trust.bundles.refresh(KIM)
  expect(report?.why).toMatchObject({ code: 'CERT_EXPIRED', text: expect.stringContaining('2026-06-01') })
})

test('what an unsigned bundle brought counts no more once a signer is asked for', async () => {
  const dir = await temporaryFolder()
  const web = new Web(p7b([rootA]))
  const trust = (bundle: object) => ({ trust: [{ for: '*', bundles: [{ url: URL, ...bundle }] }] })
  const before = await agentOf(trust({}), { dir, fetch: web.fetch })
  await before.trust.bundles.refresh(KIM)
  const after = await agentOf(trust({ signedBy: await file(signer.pem) }), { dir, fetch: web.fetch })
  expect(await inForce(after)).toEqual([])
})

test('the same bytes again are passed over; what came and went is told and audited', async () => {
  const web = new Web(p7b([rootA]))
  const agent = await bundled(web)
  const [first] = await agent.trust.bundles.refresh(KIM)
  expect(first?.added.map(({ subject }) => subject)).toEqual([expect.stringContaining('Test Root A')])
  const [second] = await agent.trust.bundles.refresh(KIM)
  expect(second).toMatchObject({ outcome: 'unchanged', anchors: 1, added: [], removed: [] })
  web.served = p7b([rootB])
  const [third] = await agent.trust.bundles.refresh(KIM)
  expect(third?.added.map(({ subject }) => subject)).toEqual([expect.stringContaining('Test Root B')])
  expect(third?.removed.map(({ subject }) => subject)).toEqual([expect.stringContaining('Test Root A')])
  expect(await routeOf(agent)).toBe('insecure')
  expect(await events(agent)).toEqual([
    ...['bundle-refreshed kim', 'anchor-added kim'],
    ...['bundle-refreshed kim', 'anchor-added kim', 'anchor-removed kim'],
  ])
})

test('diff tells what a refresh would change, and changes nothing', async () => {
  const web = new Web(p7b([rootA]))
  const agent = await bundled(web)
  await agent.trust.bundles.refresh(KIM)
  web.served = p7b([rootB])
  const [report] = await agent.trust.bundles.diff()
  expect(report).toMatchObject({
    added: [{ subject: expect.stringContaining('Test Root B') }],
    removed: [{}],
  })
  expect(await inForce(agent)).toEqual([expect.stringContaining('Test Root A')])
})

test('a bundle that was never had is fetched when trust is first needed, once, and not where the network is forbidden', async () => {
  const web = new Web(p7b([rootA]))
  const agent = await bundled(web)
  await agent.notices()
  expect(web.asked).toBe(0)
  expect(await routeOf(agent)).toBe('direct')
  expect(await routeOf(agent)).toBe('direct')
  expect(web.asked).toBe(1)
  const offline = await bundled(web, {}, { network: false })
  expect((await offline.trust.bundles.refresh(KIM))[0]?.why?.code).toBe('NETWORK_FORBIDDEN')
  expect(web.asked).toBe(1)
})

/** Hosts that never answer, and how many of them were asked. */
function hanging() {
  const asked: string[] = []
  const fetch: GuardedFetch = async ({ url, signal }) => {
    asked.push(url)
    await new Promise((_, reject) => {
      const onAbort = () => reject(new DirectError('ABORTED', 'the fetch was given up', { temporary: true }))
      if (signal?.aborted) onAbort()
      signal?.addEventListener('abort', onAbort)
    })
    throw new Error('it never answers')
  }
  return { asked, fetch }
}

test('a bundle that a command has fetched outlives it, where there was no store before (TR-4)', async () => {
  const dir = await temporaryFolder()
  const web = new Web(p7b([rootA]))
  const config = { trust: [{ for: '*', bundles: [{ url: URL }] }] }
  expect(await routeOf(await agentOf(config, { dir, fetch: web.fetch }))).toBe('direct')
  web.served = 'failed'
  expect(await routeOf(await agentOf(config, { dir, fetch: web.fetch }))).toBe('direct')
})

test('several bundles that were never had are asked for at once, and whoever gives up is free at once', async () => {
  const { asked, fetch } = hanging()
  const urls = ['a', 'b', 'c'].map((name) => `https://${name}.example/anchors.p7b`)
  const trust = [{ for: '*', bundles: urls.map((url) => ({ url })) }]
  const agent = await agentOf({ trust }, { fetch })
  const classify = () => {
    const stop = new AbortController()
    return { stop, ended: agent.classify(['dr.lee@clinic-b.example'], { signal: stop.signal }) }
  }
  const [one, two] = [classify(), classify()]
  await expect.poll(() => asked.toSorted()).toEqual(urls)
  one.stop.abort()
  await expect(one.ended).rejects.toMatchObject({ code: 'ABORTED' })
  expect(asked).toHaveLength(3)
  two.stop.abort()
  await expect(two.ended).rejects.toMatchObject({ code: 'ABORTED' })
  // Nobody waited for them any longer, which is no failure of theirs.
  const three = classify()
  await expect.poll(() => asked.length).toBe(6)
  three.stop.abort()
  await expect(three.ended).rejects.toMatchObject({ code: 'ABORTED' })
})

test('a bundle host that is away is not asked again by each message, and the administrator is told', async () => {
  const web = new Web('failed')
  const files = [{ for: '*', anchors: [pki('root-a.pem')], bundles: [{ url: URL }] }]
  const agent = await agentOf({ trust: files }, { fetch: web.fetch })
  expect(await routeOf(agent)).toBe('direct')
  expect(await routeOf(agent)).toBe('direct')
  expect(web.asked).toBe(1)
  expect(await agent.notices()).toContainEqual(expect.stringContaining('was never had'))
})

test("the daemon's refresh asks when the interval has passed, sooner after a failure", async () => {
  const web = new Web(p7b([rootA]))
  let now = NOW
  const agent = await bundled(web, { refreshHours: 24 }, { now: () => now })
  const hours = async (later: number) => {
    now = new Date(NOW.getTime() + later * 3_600_000)
    return (await agent.trust.bundles.refresh({ due: true })).map(({ outcome }) => outcome)
  }
  expect(await hours(0)).toEqual(['refreshed'])
  expect(await hours(23)).toEqual([])
  expect(await hours(24)).toEqual(['unchanged'])
  web.served = 'failed'
  expect(await hours(48)).toEqual(['failed'])
  expect(await hours(48.5)).toEqual([])
  web.served = p7b([rootA])
  expect(await hours(49)).toEqual(['unchanged'])
})

test('an anchor added by hand is believed at once, and ended at once, in another agent on the same store (TR-1)', async () => {
  const dir = await temporaryFolder()
  const one = await agentOf({ trust: [{ for: '*', anchors: [pki('root-b.pem')] }] }, { dir })
  const two = await agentOf({ trust: [{ for: '*', anchors: [pki('root-b.pem')] }] }, { dir })
  expect(await routeOf(two)).toBe('insecure')
  const path = await file(rootA.pem)
  const { anchors } = await one.trust.add(path, { for: '*', direction: 'outgoing', ...KIM })
  expect(anchors).toMatchObject([{ change: 'added', state: 'in-force', origin: 'added', from: 'kim' }])
  expect(await routeOf(two)).toBe('direct')
  await two.trust.remove(path, { ...KIM })
  expect(await routeOf(one)).toBe('insecure')
  expect(await events(one)).toEqual(['anchor-added kim', 'anchor-removed kim'])
})

test("an anchor removed by hand stays out although the configuration's file and a bundle have it, until it is added again", async () => {
  const dir = await temporaryFolder()
  const web = new Web(p7b([rootA]))
  const config = { trust: [{ for: '*', anchors: [pki('root-a.pem')], bundles: [{ url: URL }] }] }
  const agent = await agentOf(config, { dir, fetch: web.fetch })
  expect(await routeOf(agent)).toBe('direct')
  const [anchor] = await agent.trust.list()
  const change = await agent.trust.remove(anchor?.sha256 ?? '', { ...KIM })
  expect(change.anchors.map((one) => one.change)).toContain('removed')
  await agent.trust.bundles.refresh(KIM)
  const again = await agentOf(config, { dir, fetch: web.fetch })
  expect(await inForce(again)).toEqual([])
  await expect(again.classify(['dr.lee@clinic-b.example'])).rejects.toMatchObject({ code: 'NO_ANCHORS' })
  await again.trust.add(pki('root-a.pem'), { for: '*', direction: 'both', ...KIM })
  expect(await routeOf(agent)).toBe('direct')
})

test('an anchor removed by hand stays out when it is renewed: it is its name and its key (CERT-6)', async () => {
  const first = mint({ ca: true, subject: 'Some Root', key: 'root-b' })
  const renewed = mint({ ca: true, subject: 'Some Root', key: 'root-b', to: '2050-01-01' })
  const web = new Web(p7b([rootA, first]))
  const agent = await bundled(web)
  await agent.trust.bundles.refresh(KIM)
  await agent.trust.remove(first.certificate.sha256, { ...KIM })
  web.served = p7b([rootA, renewed])
  const [report] = await agent.trust.bundles.refresh(KIM)
  expect(report).toMatchObject({
    added: [],
    staysOut: [{ sha256: renewed.certificate.sha256, actor: 'kim' }],
  })
  expect(await inForce(agent)).toEqual([expect.stringContaining('Test Root A')])
  await agent.trust.add(await file(renewed.pem), { for: '*', direction: 'both', ...KIM })
  expect(await inForce(agent)).toHaveLength(2)
})

test('an older bundle of the same signer does not take the place of a newer one, and bring its anchors back (TR-4)', async () => {
  const store = await openStore({ file: ':memory:' })
  onTestFinished(() => store[Symbol.asyncDispose]())
  const web = new Web(p7m(p7b([rootA, rootB]), signer))
  const agent = await bundled(web, { signedBy: await file(signer.pem) }, { store })
  await agent.trust.bundles.refresh(KIM)
  const [{ signedAt } = { signedAt: null }] = await store.trust.bundles()
  expect(signedAt).toBeInstanceOf(Date)
  // As if a bundle without Root B had come that was signed a day later.
  await store.trust.bundleRefreshed(
    { url: URL, signer: signer.certificate.sha256 },
    {
      checksum: 'of a later one',
      signedAt: new Date(Number(signedAt) + 86_400_000),
      certificates: [der('root-a.pem')],
      staysOut: [],
      scopes: [],
    },
    { actor: null, at: NOW },
  )
  const [report] = await agent.trust.bundles.refresh(KIM)
  expect(report).toMatchObject({ outcome: 'refused', why: { code: 'BUNDLE_OLDER' } })
  expect(await inForce(agent)).toEqual([expect.stringContaining('Test Root A')])
})

test('what is removed for one name does not come back by a wider entry', async () => {
  const agent = await agentOf()
  const { notes } = await agent.trust.remove(pki('root-a.pem'), { for: 'clinic-a.example', ...KIM })
  expect(notes).toEqual([
    expect.stringContaining('an anchor for *, does not count for clinic-a.example now'),
    'nobody is believed for clinic-a.example any more, for incoming and outgoing mail',
  ])
  await expect(routeOf(agent)).rejects.toMatchObject({ code: 'NO_ANCHORS' })
  const [elsewhere] = await agent.classify(['dr.lee@clinic-b.example'], { from: 'x@clinic-c.example' })
  expect(elsewhere?.route).toBe('direct')
})

test('an anchor that only another name has is not removed for this one: nothing is recorded, and where it counts is told', async () => {
  const agent = await agentOf()
  await agent.trust.add(pki('root-b.pem'), {
    for: 'dr.kim@clinic-a.example',
    direction: 'both',
    narrow: true,
    ...KIM,
  })
  const before = await events(agent)
  for (const name of ['*', 'clinic-a.example']) {
    const change = await agent.trust.remove(pki('root-b.pem'), { for: name, ...KIM })
    expect(change).toEqual({
      anchors: [],
      notes: [expect.stringContaining('is an anchor for dr.kim@clinic-a.example and still counts there')],
    })
  }
  expect(await events(agent)).toEqual(before)
  const change = await agent.trust.remove(pki('root-b.pem'), { for: 'dr.kim@clinic-a.example', ...KIM })
  expect(change.anchors).toMatchObject([{ for: 'dr.kim@clinic-a.example', change: 'removed' }])
})

test('an anchor that is removed for a domain is told to count on where an address of it has it as its own', async () => {
  const agent = await agentOf()
  await agent.trust.add(pki('root-a.pem'), {
    for: 'dr.kim@clinic-a.example',
    direction: 'both',
    narrow: true,
    ...KIM,
  })
  const change = await agent.trust.remove(pki('root-a.pem'), { for: 'clinic-a.example', ...KIM })
  expect(change.anchors).toMatchObject([{ for: '*', change: 'none' }])
  expect(change.notes).toContainEqual(
    expect.stringContaining('is an anchor for dr.kim@clinic-a.example and still counts there'),
  )
  expect(await agent.trust.list({ for: 'dr.kim@clinic-a.example' })).toMatchObject([{ state: 'in-force' }])
})

test('nor by a wider entry that was made by hand, until it is added for that name again', async () => {
  const agent = await agentOf({ trust: [] })
  await agent.trust.add(pki('root-a.pem'), { for: '*', direction: 'both', ...KIM })
  expect(await routeOf(agent)).toBe('direct')
  await agent.trust.remove(pki('root-a.pem'), { for: 'clinic-a.example', ...KIM })
  await expect(routeOf(agent)).rejects.toMatchObject({ code: 'NO_ANCHORS' })
  await agent.trust.add(pki('root-a.pem'), { for: 'clinic-a.example', direction: 'both', ...KIM })
  expect(await routeOf(agent)).toBe('direct')
})

test('an anchor that a bundle has and that was added again is not told as one that stays out', async () => {
  const agent = await bundled(new Web(p7b([rootA])))
  await agent.trust.bundles.refresh(KIM)
  await agent.trust.remove(pki('root-a.pem'), KIM)
  expect(await agent.trust.bundles.diff()).toMatchObject([{ staysOut: [{ actor: 'kim' }] }])
  await agent.trust.add(pki('root-a.pem'), { for: '*', direction: 'both', ...KIM })
  expect(await agent.trust.bundles.diff()).toMatchObject([{ staysOut: [] }])
})

describe('a first anchor for one name, which would end what it has by a wider entry (TR-1)', () => {
  const scope = { for: 'clinic-a.example', direction: 'both' as const, ...KIM }

  test.each(['clinic-a.example', 'dr.kim@clinic-a.example'])(
    'is refused for %s, and the two choices are told',
    async (name) => {
      const agent = await agentOf()
      const adding = agent.trust.add(pki('root-b.pem'), { ...scope, for: name })
      await expect(adding).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining(`${name} has no anchors of its own for incoming and outgoing mail`),
        hint: expect.stringMatching(/^--for '\*' adds .*\n--narrow \(narrow: true\) gives/),
      })
      expect(await events(agent)).toEqual([])
      expect(await routeOf(agent)).toBe('direct')
    },
  )

  test('is added where narrowing is meant; what ends is told, and the list says for whom each counts', async () => {
    const agent = await agentOf()
    const { notes } = await agent.trust.add(pki('root-b.pem'), {
      ...scope,
      direction: 'outgoing',
      narrow: true,
    })
    expect(notes).toEqual([
      expect.stringMatching(
        /^clinic-a.example has anchors of its own for outgoing mail now: those of \* no longer count for it: CN=Test Root A \([0-9a-f]{16}…\)$/,
      ),
    ])
    expect(await routeOf(agent)).toBe('insecure')
    const listed = async (name?: string) =>
      (await agent.trust.list(name === undefined ? {} : { for: name })).map((one) => [one.for, one.exceptFor])
    const narrowed = [{ for: 'clinic-a.example', direction: 'outgoing', because: 'its-own' }]
    expect(await listed()).toEqual([
      ['*', narrowed],
      ['clinic-a.example', []],
    ])
    // Its incoming mail is still judged by the wider entry.
    expect(await listed('clinic-a.example')).toEqual(await listed())
    const again = { ...scope, direction: 'outgoing' as const }
    expect((await agent.trust.add(pki('root-a.pem'), again)).notes).toEqual([])
  })

  test('goes by itself where the wider entry has no anchor, or speaks of the other direction', async () => {
    const empty = await agentOf({ trust: [{ for: '*', anchors: [] }] })
    expect((await empty.trust.add(pki('root-a.pem'), scope)).notes).toEqual([])
    const incoming = await agentOf({
      trust: [{ for: '*', direction: 'incoming', anchors: [pki('root-a.pem')] }],
    })
    expect((await incoming.trust.add(pki('root-a.pem'), { ...scope, direction: 'outgoing' })).notes).toEqual(
      [],
    )
  })

  test('once it is the last one and is removed, the wider ones count again, and that is told', async () => {
    const agent = await agentOf()
    await agent.trust.add(pki('root-b.pem'), { ...scope, narrow: true })
    const { notes } = await agent.trust.remove(pki('root-b.pem'), { for: 'clinic-a.example', ...KIM })
    expect(notes).toEqual(
      ['incoming', 'outgoing'].map(
        (direction) =>
          `clinic-a.example has no anchors of its own for ${direction} mail any more: those of * count again there`,
      ),
    )
    expect(await routeOf(agent)).toBe('direct')
  })

  test('as a bundle is refused before it is fetched; narrowing, it tells what ends, and removed, what counts again', async () => {
    const web = new Web(p7b([rootB]))
    const agent = await agentOf({}, { fetch: web.fetch })
    await expect(agent.trust.bundles.add(URL, scope)).rejects.toMatchObject({ code: 'USAGE' })
    expect(web.asked).toBe(0)
    const { notes } = await agent.trust.bundles.add(URL, { ...scope, narrow: true })
    expect(notes).toEqual([expect.stringContaining('those of * no longer count for it')])
    const removal = await agent.trust.bundles.remove(URL, KIM)
    expect(removal.notes).toContainEqual(expect.stringContaining('those of * count again there'))
  })
})

test('what is added for * does not reach a name that has its own, and that is told', async () => {
  const trust = ['*', 'clinic-a.example'].map((name) => ({ for: name, anchors: [pki('root-a.pem')] }))
  const agent = await agentOf({ trust })
  const { notes } = await agent.trust.add(pki('root-b.pem'), { for: '*', direction: 'outgoing', ...KIM })
  expect(notes).toEqual([
    'what is for * does not count for outgoing mail of clinic-a.example, which has anchors of its own',
  ])
})

describe('anchors are for who of ours believes', () => {
  const add = async (name: string, config: object = {}) =>
    (await agentOf({ trust: [], ...config })).trust.add(pki('root-a.pem'), {
      for: name,
      direction: 'both',
      ...KIM,
    })

  test.each(['*', 'clinic-a.example', 'dr.kim@clinic-a.example', 'lab@other.example', 'other.example'])(
    '%s is ours',
    async (name) => {
      const mailboxes = [{ imap: 'imaps://mail.example', addresses: ['lab@other.example'] }]
      expect((await add(name, { mailboxes })).anchors).toMatchObject([{ change: 'added' }])
    },
  )

  test.each(['partner.example', 'dr.lee@partner.example', 'sub.clinic-a.example'])(
    '%s is not, and who is is told',
    async (name) => {
      await expect(add(name)).rejects.toMatchObject({
        code: 'USAGE',
        message: `${name} is nobody of ours`,
        hint: expect.stringContaining('clinic-a.example, or * for all of them'),
      })
      const web = new Web(p7b([rootA]))
      const agent = await agentOf({}, { fetch: web.fetch })
      const adding = agent.trust.bundles.add(URL, { for: name, direction: 'both', ...KIM })
      await expect(adding).rejects.toMatchObject({ code: 'USAGE' })
      expect(web.asked).toBe(0)
      await expect(agent.trust.list({ for: name })).rejects.toMatchObject({ code: 'USAGE' })
    },
  )

  test('where the configuration names nobody, anybody may be', async () => {
    expect((await add('clinic-z.example', { identities: [], mailboxes: [] })).anchors).toHaveLength(1)
  })
})

test('what counts for a name is listed from whatever entry, and what was removed there is told with who did it', async () => {
  const agent = await agentOf()
  expect(await agent.trust.list({ for: 'dr.kim@clinic-a.example' })).toMatchObject([
    { for: '*', state: 'in-force' },
  ])
  await agent.trust.remove(pki('root-a.pem'), { for: 'clinic-a.example', ...KIM })
  expect(await agent.trust.list({ for: 'clinic-a.example' })).toMatchObject([
    { for: '*', state: 'removed', removed: { actor: 'kim', at: NOW }, exceptFor: [] },
  ])
  expect(await agent.trust.list({ for: 'dr.kim@clinic-a.example' })).toMatchObject([
    { for: '*', state: 'removed', removed: { actor: 'kim', at: NOW }, exceptFor: [] },
  ])
  expect(await agent.trust.list()).toMatchObject([
    { for: '*', exceptFor: [{ for: 'clinic-a.example', because: 'removed' }] },
  ])
  await agent.trust.remove(pki('root-a.pem'), KIM)
  expect(await agent.trust.list()).toMatchObject([{ state: 'removed', removed: { actor: 'kim', at: NOW } }])
})

test('what was removed for a name is told as removed there once it is renewed for all, as it does not count (CERT-6)', async () => {
  const agent = await agentOf({ trust: [] })
  const [first, renewed] = ['2040-01-01', '2050-01-01'].map((to) =>
    mint({ ca: true, subject: 'Some Root', key: 'root-b', to }),
  ) as [Minted, Minted]
  await agent.trust.add(await file(first.pem), { for: '*', direction: 'both', ...KIM })
  await agent.trust.remove(first.certificate.sha256, { for: 'clinic-a.example', ...KIM })
  await agent.trust.add(await file(renewed.pem), { for: '*', direction: 'both', ...KIM })
  expect(await agent.trust.list({ for: 'clinic-a.example' })).toMatchObject([
    { sha256: first.certificate.sha256, state: 'removed', removed: { actor: 'kim' } },
    { sha256: renewed.certificate.sha256, state: 'removed', removed: { actor: 'kim' } },
  ])
})

test('an anchor that is not valid now is told with its dates when it is added (CERT-6)', async () => {
  const agent = await agentOf()
  const later = await file(mint({ ca: true, subject: 'Later', from: '2030-01-01', to: '2040-01-01' }).pem)
  const { notes } = await agent.trust.add(later, { for: '*', direction: 'both', ...KIM })
  expect(notes).toEqual([
    expect.stringMatching(/ is valid from 2030-01-01.* to 2040-01-01.* and does not count now$/),
  ])
})

test('an anchor that is no CA is told as one whose revocation is not asked (CERT-7)', async () => {
  const agent = await agentOf()
  const { notes } = await agent.trust.add(pki('clinic-b.pem'), { for: '*', direction: 'both', ...KIM })
  expect(notes).toEqual([
    expect.stringMatching(/revoked will not be asked; "direct cert pin" would also say/),
  ])
})

test('an anchor that is nowhere is not removed, and nothing is recorded', async () => {
  const agent = await agentOf()
  const change = await agent.trust.remove('00'.repeat(32), { ...KIM })
  expect(change.anchors).toEqual([])
  expect(await events(agent)).toEqual([])
})

test.each([
  ['a name', { for: 'not a name', direction: 'both' as const, actor: 'kim' }],
  ['who does it', { for: '*', direction: 'both' as const, actor: ' ' }],
])('a change of trust without %s is wrong usage, and changes nothing', async (_, options) => {
  const agent = await agentOf()
  await expect(agent.trust.add(pki('root-b.pem'), options)).rejects.toMatchObject({ code: 'USAGE' })
  expect(await inForce(agent)).toHaveLength(1)
})

test('a bundle added by hand is fetched at once, and its anchors go with it', async () => {
  const web = new Web(p7b([rootB]))
  const agent = await agentOf({}, { fetch: web.fetch })
  const scope = { for: '*', direction: 'both' as const }
  const report = await agent.trust.bundles.add(URL, { ...scope, ...KIM, refreshHours: 12 })
  expect(report).toMatchObject({ outcome: 'refreshed', anchors: 1 })
  expect(await inForce(agent)).toHaveLength(2)
  expect(await agent.trust.bundles.list()).toMatchObject([
    { url: URL, origin: 'added', refreshHours: 12, anchors: 1, fetchedAt: NOW, failure: null },
  ])
  expect(await agent.trust.bundles.remove(URL, { ...KIM })).toEqual({ removed: 1, notes: [] })
  expect(await inForce(agent)).toHaveLength(1)
})

test.each([
  ['unsigned though a signer is asked for', p7b([rootB]), 'refused', 'NOT_SIGNED'],
  ['signed by somebody else', p7m(p7b([rootB]), stranger), 'refused', 'SIGNER_UNTRUSTED'],
  ['empty', p7m(p7b([]), signer), 'refused', 'NO_ANCHORS'],
  ['an error page', Buffer.from('<html>sorry</html>'), 'refused', 'NOT_SIGNED'],
  ['no bytes at all', Buffer.alloc(0), 'refused', 'NOT_SIGNED'],
  ['a refused URL', 'refused', 'refused', 'URL_REFUSED'],
  ['a host that is away', 'failed', 'failed', 'FETCH_FAILED'],
] as const)(
  'a bundle that is added by hand and is %s changes nothing (TR-4)',
  async (_, served, outcome, code) => {
    const web = new Web(served)
    const agent = await agentOf({}, { fetch: web.fetch })
    const scope = { for: '*', direction: 'both' as const, ...KIM }
    const adding = { ...scope, signedBy: await file(signer.pem) }
    expect(await agent.trust.bundles.add(URL, adding)).toMatchObject({ outcome, why: { code } })
    expect(await agent.trust.bundles.list()).toEqual([])
    expect(await events(agent)).toEqual([])
    expect(await agent.notices()).toEqual([])
    expect(await routeOf(agent)).toBe('direct')
    web.served = p7m(p7b([rootB]), signer)
    expect(await agent.trust.bundles.add(URL, adding)).toMatchObject({ outcome: 'refreshed' })
    expect(await inForce(agent)).toHaveLength(2)
  },
)

test('an anchor that was removed by hand is not counted as added by a bundle, and who removed it is told', async () => {
  const web = new Web(p7b([rootA, rootB]))
  const agent = await agentOf({}, { fetch: web.fetch })
  await agent.trust.remove(pki('root-a.pem'), KIM)
  const scope = { for: '*', direction: 'both' as const, actor: 'lee' }
  const report = await agent.trust.bundles.add(URL, scope)
  expect(report.added.map(({ subject }) => subject)).toEqual([expect.stringContaining('Test Root B')])
  const staysOut = [{ subject: expect.stringContaining('Test Root A'), actor: 'kim', at: NOW }]
  expect(report).toMatchObject({ anchors: 2, staysOut })
  expect(await agent.trust.bundles.refresh(KIM)).toMatchObject([{ outcome: 'unchanged', staysOut }])
  const rows = await all(agent.audit())
  expect(rows.map(({ event, outcome, why }) => [event, outcome, why[0]?.text])).toEqual([
    ['anchor-removed', null, 'for everyone'],
    ['bundle-added', URL, 'for *, both'],
    ['bundle-refreshed', URL, '1 added, 0 removed, 1 out by hand'],
    ['anchor-added', URL, 'for *, both'],
  ])
})

test('a bundle by plain http that nobody signs is not asked for, by hand neither; where that is allowed it is told (TR-4)', async () => {
  const open = 'http://bundles.example/anchors.p7b'
  const scope = { for: '*', direction: 'both' as const, ...KIM }
  const agent = await agentOf({}, { fetch: async () => ({ status: 'ok', body: p7b([rootB]) }) })
  await expect(agent.trust.bundles.add(open, scope)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('whoever is on the way could change whom we believe'),
  })
  expect(await agent.trust.bundles.list()).toEqual([])
  await agent.trust.bundles.add(open, { ...scope, signedBy: await file(signer.pem) })
  expect(await agent.notices()).not.toContainEqual(expect.stringContaining('on the way'))
  const lab = await agentOf({
    network: { allowPrivate: true },
    trust: [{ for: '*', bundles: [{ url: open }] }],
  })
  expect(await lab.notices()).toContainEqual(expect.stringMatching(/http:\/\/bundles.*whoever is on the way/))
})

test('a bundle of the configuration is not removed by hand', async () => {
  const agent = await bundled(new Web(p7b([rootA])))
  await expect(agent.trust.bundles.remove(URL, { ...KIM })).rejects.toMatchObject({ code: 'USAGE' })
})

test('anchors of the configuration may be a p7b file; a signed one is refused, its signature being nobody’s', async () => {
  const good = await agentOf({ trust: [{ for: '*', anchors: [await file(p7b([rootA]), 'all.p7b')] }] })
  expect(await routeOf(good)).toBe('direct')
  const signed = await file(p7m(p7b([rootA]), signer), 'all.p7m')
  const bad = await agentOf({ trust: [{ for: '*', anchors: [signed] }] })
  await expect(routeOf(bad)).rejects.toMatchObject({ code: 'CERT_UNREADABLE' })
})

test('discovery never adds trust: after an address was found, nothing more is believed (TR-5)', async () => {
  const agent = await agentOf({ trust: [{ for: '*', anchors: [pki('root-b.pem')] }] })
  expect(await routeOf(agent)).toBe('insecure')
  await agent.discover('dr.lee@clinic-b.example', { from: 'dr.kim@clinic-a.example' })
  expect(await inForce(agent)).toEqual([expect.stringContaining('Test Root B')])
  expect(await agent.pins.list()).toEqual([])
  expect(await routeOf(agent)).toBe('insecure')
})

test('anchors that have ended are told with whom they stand for, those of a bundle together (CERT-6)', async () => {
  const old = (name: string) => mint({ ca: true, subject: name, key: 'root-b', to: '2026-02-01' })
  const path = await file(old('Old').pem)
  const web = new Web(p7b([old('Older'), old('Oldest'), rootA]))
  const trust = [{ for: '*', anchors: [path], bundles: [{ url: URL }] }]
  const agent = await agentOf({ trust }, { fetch: web.fetch })
  expect(await routeOf(agent)).toBe('direct')
  const notices = (await agent.notices()).filter((notice) => notice.includes('not used'))
  expect(notices).toEqual([
    expect.stringMatching(/CN=Old for \* .* to 2026-02-01/),
    `2 of the anchors in the trust bundle ${URL} are not valid now and are not used`,
  ])
})

test('while a bundle was never had, want of an anchor is not known yet, for addresses and for mail', async () => {
  const web = new Web('failed')
  const trust = [{ for: '*', anchors: [pki('root-b.pem')], bundles: [{ url: URL }] }]
  const agent = await agentOf({ trust }, { fetch: web.fetch })
  const [recipient] = await agent.classify(['dr.lee@clinic-b.example'], { from: 'dr.kim@clinic-a.example' })
  expect(recipient?.route).toBe('undetermined')
  expect(recipient?.why[0]?.text).toContain(URL)
})
