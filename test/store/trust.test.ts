import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { openStore, type Store } from '../../store/index.ts'
import { folder, memoryStore } from './places.ts'
import { all, at } from './scenario.ts'

const URL = 'https://trust.example/bundle.p7m'
const ROOT = Uint8Array.of(1, 2, 3)
const OTHER = Uint8Array.of(4, 5, 6)
const sha256 = (der: Uint8Array) => createHash('sha256').update(der).digest('hex')
const by = (seconds: number) => ({ actor: 'kim', at: at(seconds) })
const anchor = (der: Uint8Array, name = '*', seconds = 0) => ({
  for: name,
  direction: 'both' as const,
  der,
  sha256: sha256(der),
  ...by(seconds),
})
const removal = (name: string | null, seconds: number) => ({
  sha256: sha256(ROOT),
  der: ROOT,
  for: name,
  ...by(seconds),
})
const content = (...certificates: readonly Uint8Array[]) => ({
  checksum: sha256(Buffer.concat(certificates)),
  certificates,
  signedAt: null,
  staysOut: [],
  scopes: [{ for: '*', direction: 'both' as const }],
})

async function audited(store: Store) {
  const rows = await all(store.audit.list())
  return rows.map(({ event, actor, certificate, outcome }) => [event, actor, certificate, outcome])
}

test('an anchor added by hand is read back, once, and the audit says by whom', async () => {
  await using store = await memoryStore()
  expect(await store.trust.addAnchor(anchor(ROOT))).toBe(true)
  expect(await store.trust.addAnchor(anchor(ROOT, '*', 9))).toBe(false)
  const { added, removed } = await store.trust.read()
  expect(added).toEqual([anchor(ROOT)])
  expect(removed).toEqual([])
  expect(await audited(store)).toEqual([['anchor-added', 'kim', sha256(ROOT), null]])
})

test('a removal ends what was added, and stands until the anchor is added again for that name', async () => {
  await using store = await memoryStore()
  await store.trust.addAnchor(anchor(ROOT))
  for (const seconds of [1, 5]) await store.trust.removeAnchor(removal('*', seconds))
  expect((await audited(store)).map(([event]) => event)).toEqual(['anchor-added', 'anchor-removed'])
  const removed = await store.trust.read()
  expect(removed.added).toEqual([])
  expect(removed.removed).toEqual([removal('*', 1)])
  await store.trust.addAnchor(anchor(ROOT, '*', 2))
  const again = await store.trust.read()
  expect(again.added).toHaveLength(1)
  expect(again.removed).toEqual([])
})

test('a removal for everyone ends what was added for each name', async () => {
  await using store = await memoryStore()
  await store.trust.addAnchor(anchor(ROOT, 'a.example'))
  await store.trust.addAnchor(anchor(ROOT, 'b.example'))
  await store.trust.addAnchor(anchor(OTHER, 'b.example'))
  await store.trust.removeAnchor(removal(null, 1))
  const { added } = await store.trust.read()
  expect(added.map((one) => [one.for, one.sha256])).toEqual([['b.example', sha256(OTHER)]])
})

test('every change has a new revision, which another process sees', async () => {
  await using dir = await folder()
  await using one = await openStore({ file: dir.file })
  await using other = await openStore({ file: dir.file })
  const before = await other.trust.revision()
  await one.trust.addAnchor(anchor(ROOT))
  const after = await other.trust.revision()
  expect(after).not.toBe(before)
  const bundle = { url: URL, signer: null }
  const failed = () => one.trust.bundleFailed(bundle, { code: 'X', text: 'x' }, by(0))
  await failed()
  const failing = await other.trust.revision()
  expect(failing).not.toBe(after)
  expect((await other.trust.read()).failing).toEqual([{ ...bundle, code: 'X', text: 'x', since: at(0) }])
  await failed()
  expect(await other.trust.revision()).toBe(failing)
  await one.trust.bundleRefreshed(bundle, content(ROOT), by(1))
  const had = await other.trust.revision()
  await failed()
  expect(await other.trust.revision()).toBe(had)
})

test('new content of a bundle takes the place of the old at once, each anchor that came or went audited (TR-4)', async () => {
  await using store = await memoryStore()
  const bundle = { url: URL, signer: null }
  const first = await store.trust.bundleRefreshed(bundle, content(ROOT), { actor: null, at: at(0) })
  expect(first).toEqual({ added: [sha256(ROOT)], removed: [] })
  const second = await store.trust.bundleRefreshed(bundle, content(OTHER), by(5))
  expect(second).toEqual({ added: [sha256(OTHER)], removed: [sha256(ROOT)] })
  const { contents } = await store.trust.read()
  expect(contents).toEqual([{ ...bundle, certificates: [OTHER] }])
  expect(await audited(store)).toEqual([
    ['bundle-refreshed', null, null, URL],
    ['anchor-added', null, sha256(ROOT), URL],
    ['bundle-refreshed', 'kim', null, URL],
    ['anchor-added', 'kim', sha256(OTHER), URL],
    ['anchor-removed', 'kim', sha256(ROOT), URL],
  ])
})

test('an anchor of a bundle that stays out is not audited as one that came (TR-4)', async () => {
  await using store = await memoryStore()
  const staysOut = [sha256(ROOT)]
  await store.trust.bundleRefreshed({ url: URL, signer: null }, { ...content(ROOT, OTHER), staysOut }, by(0))
  const rows = await all(store.audit.list())
  expect(rows.map(({ event, certificate, why }) => [event, certificate, why[0]?.text])).toEqual([
    ['bundle-refreshed', null, '1 added, 0 removed, 1 out by hand'],
    ['anchor-added', sha256(OTHER), 'for *, both'],
  ])
})

test('a bundle of thousands of anchors is kept whole', async () => {
  await using store = await memoryStore()
  const many = Array.from({ length: 1234 }, (_, i) => Buffer.from(`certificate ${i}`))
  const bundle = { url: URL, signer: null }
  await store.trust.bundleRefreshed(bundle, content(...many), by(0))
  expect((await store.trust.bundles())[0]?.certificates).toBe(1234)
  const change = await store.trust.bundleRefreshed(bundle, content(...many.slice(1000)), by(1))
  expect(change.removed).toHaveLength(1000)
  expect((await store.trust.read()).contents[0]?.certificates).toHaveLength(234)
})

test('a failure keeps what the bundle brought last, and is audited once for each reason', async () => {
  await using store = await memoryStore()
  const bundle = { url: URL, signer: 'ab' }
  await store.trust.bundleRefreshed(bundle, content(ROOT), by(0))
  const why = { code: 'NOT_SIGNED', text: 'it is not signed' }
  for (const seconds of [10, 20]) await store.trust.bundleFailed(bundle, why, by(seconds))
  const [row] = await store.trust.bundles()
  expect(row).toMatchObject({ certificates: 1, fetchedAt: at(0), checkedAt: at(20) })
  expect(row?.failure).toEqual({ ...why, since: at(10) })
  expect((await store.trust.read()).contents[0]?.certificates).toEqual([ROOT])
  expect((await audited(store)).filter(([event]) => event === 'bundle-failed')).toHaveLength(1)
  await store.trust.bundleUnchanged(bundle, at(30))
  expect((await store.trust.bundles())[0]).toMatchObject({
    failure: null,
    checkedAt: at(30),
    fetchedAt: at(0),
  })
})

test('what came before another signer was asked for is no content of that bundle', async () => {
  await using store = await memoryStore()
  await store.trust.bundleRefreshed({ url: URL, signer: null }, content(ROOT), by(0))
  await store.trust.bundleFailed({ url: URL, signer: 'ab' }, { code: 'X', text: 'x' }, by(1))
  const { contents } = await store.trust.read()
  expect(contents.map(({ signer }) => signer)).toEqual([null])
})

test('a bundle added by hand is read back, replaced, and removed, with what it brought', async () => {
  await using store = await memoryStore()
  const bundle = {
    url: URL,
    for: '*',
    direction: 'both' as const,
    signedBy: OTHER,
    refreshHours: 24,
    ...by(0),
  }
  expect(await store.trust.addBundle(bundle)).toBe(true)
  expect(await store.trust.addBundle({ ...bundle, refreshHours: 0.5, ...by(1) })).toBe(false)
  expect((await store.trust.read()).addedBundles).toEqual([{ ...bundle, refreshHours: 0.5, ...by(1) }])
  await store.trust.bundleRefreshed({ url: URL, signer: sha256(OTHER) }, content(ROOT), by(2))
  expect(await store.trust.removeBundle(URL, 'a.example', { ...by(3), forget: true })).toBe(0)
  expect(await store.trust.removeBundle(URL, null, { ...by(4), forget: true })).toBe(1)
  const { addedBundles, contents } = await store.trust.read()
  expect([addedBundles, contents]).toEqual([[], []])
})

test('a pin says who, why and until when; a second one of the same certificate takes its place (TR-5)', async () => {
  await using store = await memoryStore()
  const pin = {
    address: 'Lee@hisp.example',
    der: ROOT,
    sha256: sha256(ROOT),
    why: 'met in person',
    until: at(100),
    ...by(0),
  }
  await store.trust.pin(pin)
  const id = await store.trust.pin({ ...pin, until: at(200) })
  const { pins } = await store.trust.read()
  expect(pins).toEqual([{ ...pin, id, address: 'lee@hisp.example', until: at(200) }])
  expect(await store.trust.unpin('lee@hisp.example', sha256(OTHER), by(1))).toBe(0)
  expect(await store.trust.unpin('LEE@hisp.example', null, by(2))).toBe(1)
  expect((await store.trust.read()).pins).toEqual([])
  const rows = await all(store.audit.list())
  expect(rows.map(({ event, address }) => [event, address])).toEqual([
    ['certificate-pinned', 'lee@hisp.example'],
    ['certificate-pinned', 'lee@hisp.example'],
    ['certificate-unpinned', 'lee@hisp.example'],
  ])
  expect(rows[0]?.why[0]?.text).toContain('met in person')
})
