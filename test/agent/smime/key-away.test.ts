import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { DirectError } from '../../../agent/errors.ts'
import { describeOpened } from '../../../agent/open/report.ts'
import { context, NULL, oid, sequence, tlv } from '../../../agent/smime/ber/der.ts'
import { keyAgreeInfo } from '../../../agent/smime/enveloped/recipient-info.ts'
import { Identity } from '../../../agent/smime/identity.ts'
import type { PrivateKey } from '../../../agent/smime/private-key.ts'
import { type Minted, mint } from '../../../fixtures/pki.ts'
import { badlyPadded, blocks, envelope, gcm, KEY, keyTrans, multipart } from './hostile.ts'
import { judge, mail, signed, wrapped } from './opening.ts'
import { bob, countingSpool, drLee, identity, root } from './parties.ts'

/**
 * A message to two of our keys, one of which lives elsewhere and is away: it is opened with the other one, or it waits;
 * it is never given up (ALG-2, ALG-5, IN-9).
 */

const bobEc = mint({ issuer: root, san: ['clinic-b.example'], key: 'ec-p256' })
const drLeeEc = mint({ issuer: root, san: ['dr.lee@clinic-b.example'], key: 'ec-p384' })

function elsewhere({ certificate }: Minted, decrypt: PrivateKey['decrypt']): Identity {
  return Identity.of(certificate, [], { sign: () => Promise.reject(new Error('not asked')), decrypt })
}

function away(minted: Minted): Identity {
  return elsewhere(minted, async () => {
    throw new DirectError('KEY_UNREACHABLE', 'the key is away', { temporary: true })
  })
}

const KEYS = [away(drLee), identity(bob)]
const INFOS = [keyTrans(drLee), keyTrans(bob)]
const GOOD = signed()

async function judged(cms: Uint8Array, keys: readonly Identity[] = KEYS) {
  let spooled = 0
  const { spool, open } = countingSpool()
  const counting: typeof spool = (bytes) => {
    spooled++
    return spool(bytes)
  }
  const judged = await judge(mail(cms), { keys, tools: { spool: counting } })
  const opened = describeOpened(judged)
  await judged[Symbol.asyncDispose]()
  expect(open(), 'spools left behind').toBe(0)
  return { opened, spooled }
}

describe('a key at hand opens what names a key that is away as well', () => {
  const ec = (one: Minted) => keyAgreeInfo(one.certificate, KEY)

  test.each<[string, readonly Uint8Array[], readonly Identity[]]>([
    ['the one away first', INFOS, KEYS],
    ['the one away last', [...INFOS].reverse(), KEYS],
    ['by key agreement', [ec(drLeeEc), ec(bobEc)], [away(drLeeEc), identity(bobEc)]],
    ['an RSA key away, an EC key at hand', [keyTrans(drLee), ec(bobEc)], [away(drLee), identity(bobEc)]],
    ['two away', [...INFOS, ec(bobEc)], [away(drLee), away(bob), identity(bobEc)]],
  ])('%s', async (_, recipientInfos, keys) => {
    const { opened } = await judged(envelope(GOOD, { recipientInfos }), keys)
    expect(opened).toMatchObject({ verdict: 'accept', from: 'dr.kim@clinic-a.example' })
  })

  test('and what is wrong with a message that was opened is final, as it is without the other key', async () => {
    const forged = GOOD.replace('Please see her', 'Please see him')
    const { opened } = await judged(envelope(forged, { recipientInfos: INFOS }))
    expect(opened).toMatchObject({ verdict: 'reject', code: 'SIGNATURE_INVALID' })
    const plain = await judged(envelope(wrapped(), { recipientInfos: INFOS }))
    expect(plain.opened).toMatchObject({ verdict: 'reject', code: 'NOT_SIGNED' })
  })

  test('all are asked at once, so that silence is waited for once', async () => {
    const both = Promise.withResolvers<null>()
    let asked = 0
    const together = async () => {
      asked++
      if (asked === 2) both.resolve(null)
      return both.promise
    }
    const keys = [elsewhere(drLee, together), elsewhere(bob, together), identity(bobEc)]
    const { opened } = await judged(envelope(GOOD, { recipientInfos: [...INFOS, ec(bobEc)] }), keys)
    expect(opened.verdict).toBe('accept')
  })
})

describe('what the key at hand does not open waits for the other, whatever is wrong with it: one outcome (ALG-2)', () => {
  const toBoth = { recipientInfos: INFOS }
  const withInfo = (options: Parameters<typeof keyTrans>[1]) =>
    envelope(GOOD, { recipientInfos: [keyTrans(drLee), keyTrans(bob, options)] })
  const encrypted = (bytes: Uint8Array) =>
    envelope('', { ...toBoth, encryptedContent: tlv(context(0, 'primitive'), bytes) })
  const noPadding = Buffer.concat([Buffer.of(1), randomBytes(255)])

  const faults: Readonly<Record<string, () => Uint8Array>> = {
    'another content key': () => withInfo({ key: randomBytes(16) }),
    'a content key of another length': () => withInfo({ key: randomBytes(24) }),
    'the padding of RSA': () => withInfo({ encryptedKey: noPadding }),
    'the padding of the content': () => encrypted(badlyPadded(GOOD)),
    'no padding at all': () => encrypted(blocks(randomBytes(16 * 40))),
    'no whole number of blocks': () => encrypted(randomBytes(33)),
    'the tag of the content': () => gcm(GOOD, { ...toBoth, tag: randomBytes(16) }),
    'text that is no header': () => envelope('no header, no sense. '.repeat(200), toBoth),
    'a boundary that does not occur': () => envelope(GOOD.replace('boundary=b', 'boundary=c'), toBoth),
    'a signature that is no CMS': () => envelope(multipart(wrapped(), Buffer.alloc(900, 'no CMS')), toBoth),
    'CMS that is cut short': () => envelope(GOOD, toBoth).subarray(0, -50),
  }

  test.each(Object.entries(faults))('%s', async (_, make) => {
    const { opened, spooled } = await judged(make())
    expect(opened).toEqual(WAITS)
    expect(spooled).toBeLessThanOrEqual(1)
  })

  test('a message whose only key is away waits, though another of ours is named in a way that is refused', async () => {
    const algorithm = sequence(oid('1.2.840.113549.1.1.99'), NULL)
    const recipientInfos = [keyTrans(drLee), keyTrans(bob, { algorithm })]
    const { opened } = await judged(envelope(GOOD, { recipientInfos }))
    expect(opened).toEqual(WAITS)
  })

  test('a key that fails in another way than being away is a fault that is not hidden', async () => {
    const broken = elsewhere(drLee, async () => {
      throw new TypeError('a bug')
    })
    await expect(judged(envelope(GOOD, toBoth), [broken, identity(bob)])).rejects.toThrow('a bug')
  })
})

const WAITS = expect.objectContaining({
  verdict: 'undetermined',
  code: 'KEY_UNREACHABLE',
  why: [{ code: 'KEY_UNREACHABLE', text: 'the key is away' }],
  recipients: [expect.objectContaining({ verdict: 'undetermined', code: 'KEY_UNREACHABLE' })],
  signer: null,
  from: null,
  algorithms: null,
  mdn: 'none',
  innerSha256: null,
  parts: [],
})
