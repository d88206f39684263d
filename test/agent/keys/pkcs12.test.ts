import { execFile } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { algorithmOf, octetsOf, parse, within } from '../../../agent/identities/pkcs12/ber.ts'
import { MOST_ITERATIONS, Work } from '../../../agent/identities/pkcs12/derivation.ts'
import { decrypt } from '../../../agent/identities/pkcs12/encryption.ts'
import { Pkcs12Error } from '../../../agent/identities/pkcs12/error.ts'
import { openPkcs12 } from '../../../agent/identities/pkcs12/open.ts'
import { formsOf, type Password } from '../../../agent/identities/pkcs12/password.ts'
import { rc2DecryptBlock } from '../../../agent/identities/pkcs12/rc2.ts'
import { context, oid, sequence, smallInteger, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { corpora } from '../../corpora.ts'
import { der, pki, temporaryFolder } from '../../flow/clinics.ts'
import {
  BAG,
  certificateBag,
  data,
  explicit,
  exported,
  inBer,
  integer,
  keyBag,
  keyOf,
  octets,
  pbmac1,
  pfx,
  pkcs12Mac,
  safeOf,
  withAttributes,
} from './pkcs12-files.ts'

const PASSWORD = 'pässword'
const OWN = createPublicKey(readFileSync(pki('clinic-a.pem')))

async function failureOf(file: Uint8Array, password: string | undefined): Promise<Pkcs12Error> {
  const error = await openPkcs12(file, password).catch((error: unknown) => error)
  if (error instanceof Pkcs12Error) return error
  throw new Error('expected a Pkcs12Error', { cause: error })
}

/** Clinic A's key and certificate, and root A's. */
async function expectClinicA(file: Uint8Array, password: string | undefined = PASSWORD): Promise<void> {
  const { keys, certificates } = await openPkcs12(file, password)
  expect(keys.map((key) => createPublicKey(key).equals(OWN))).toEqual([true])
  const names = certificates.map((bytes) => Buffer.from(bytes).toString('base64'))
  expect(names).toEqual(['clinic-a.pem', 'root-a.pem'].map((name) => der(name).toString('base64')))
}

test.each([
  ['0000000000000000', 63, '0000000000000000', 'ebb773f993278eff'],
  ['ffffffffffffffff', 64, 'ffffffffffffffff', '278b27e42e2f0d49'],
  ['3000000000000000', 64, '1000000000000001', '30649edf9be7d2c2'],
  ['88', 64, '0000000000000000', '61a8a244adacccf0'],
  ['88bca90e90875a', 64, '0000000000000000', '6ccf4308974c267f'],
  ['88bca90e90875a7f0f79c384627bafb2', 64, '0000000000000000', '1a807d272bbe5db1'],
  ['88bca90e90875a7f0f79c384627bafb2', 128, '0000000000000000', '2269552ab0f85ca6'],
  [
    '88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e',
    129,
    '0000000000000000',
    '5b78d3a43dfff1f1',
  ],
])('RC2 with key %s of %i bits decrypts as RFC 2268 5 says', (key, bits, plain, cipher) => {
  const found = rc2DecryptBlock(Buffer.from(key, 'hex'), bits, Buffer.from(cipher, 'hex'))
  expect(found.toString('hex')).toBe(plain)
})

describe('files that openssl makes open', () => {
  test.each([
    ['as today', []],
    ['as -legacy: RC2 of 40 bits, 3DES and SHA-1, as old Windows too', ['-legacy']],
    ['RC2 of 128 bits', ['-legacy', '-certpbe', 'PBE-SHA1-RC2-128', '-keypbe', 'PBE-SHA1-RC2-128']],
    ['3DES with two keys', ['-legacy', '-certpbe', 'PBE-SHA1-2DES', '-keypbe', 'PBE-SHA1-2DES']],
    ['AES-128 and 192', ['-certpbe', 'AES-128-CBC', '-keypbe', 'AES-192-CBC']],
    ['3DES by PBES2', ['-certpbe', 'DES-EDE3-CBC', '-keypbe', 'DES-EDE3-CBC']],
    ['with a MAC of SHA-1', ['-macalg', 'sha1']],
    ['with a MAC of SHA-384', ['-macalg', 'sha384']],
    ['with a MAC of SHA-512', ['-macalg', 'sha512']],
    ['of one iteration', ['-iter', '1', '-nomaciter']],
    ['of 100,000 iterations', ['-iter', '100000']],
    ['that encrypt nothing', ['-certpbe', 'NONE', '-keypbe', 'NONE']],
  ])('%s', async (_, args) => {
    await expectClinicA(await exported(args))
  })

  test('without a password, whether none or an empty one is told', async () => {
    const file = await exported([], '')
    await expectClinicA(file, '')
    const { keys } = await openPkcs12(file, undefined)
    expect(keys).toHaveLength(1)
  })

  test.each(['hmacWithSHA1', 'hmacWithSHA256', 'hmacWithSHA384', 'hmacWithSHA512'])(
    'a key that PBKDF2 with %s protects',
    async (prf) => {
      const out = join(await temporaryFolder(), 'key.der')
      const how = ['-topk8', '-v2', 'aes-256-cbc', '-v2prf', prf, '-outform', 'DER', '-passout', 'pass:k']
      await promisify(execFile)('openssl', ['pkcs8', '-in', pki('clinic-a.key'), ...how, '-out', out])
      const [algorithm, encrypted] = within(parse(readFileSync(out), 'a key'), 'a key')
      const how2 = algorithmOf(algorithm, 'a key')
      const [password] = formsOf('k') as readonly [Password]
      const plain = await decrypt(how2, octetsOf(encrypted, 'a key'), password, new Work())
      expect(plain).toEqual((await keyOf('clinic-a')).export({ type: 'pkcs8', format: 'der' }))
    },
  )
})

describe('files of others', () => {
  test.each([
    ['today’s', []],
    ['of yesterday', ['-legacy']],
  ])('indefinite lengths and strings in pieces, as Windows and Java write: %s', async (_, args) => {
    const file = inBer(await exported(args), PASSWORD)
    expect(Buffer.from(file).includes(Buffer.of(0x24, 0x80))).toBe(true)
    await expectClinicA(file)
  })

  test('a MAC by PBMAC1 (RFC 9579), which a wrong password does not pass', async () => {
    const safe = safeOf(keyBag(await keyOf('clinic-a')), certificateBag(der('clinic-a.pem')))
    const file = pfx(safe, PASSWORD, pbmac1(safe, PASSWORD))
    expect((await openPkcs12(file, PASSWORD)).keys).toHaveLength(1)
    expect(await failureOf(file, 'other')).toMatchObject({ kind: 'password' })
    for (const length of [null, 4])
      expect(await failureOf(pfx(safe, PASSWORD, pbmac1(safe, PASSWORD, length)), PASSWORD)).toMatchObject({
        kind: 'malformed',
      })
  })

  test('bags within bags, attributes, and bags of other kinds', async () => {
    const key = withAttributes(keyBag(await keyOf('clinic-a')))
    const nested = sequence(oid(`${BAG}6`), explicit(sequence(certificateBag(der('clinic-a.pem')))))
    const crl = sequence(oid(`${BAG}4`), explicit(sequence()))
    const { keys, certificates } = await openPkcs12(pfx(safeOf(crl, key, nested), 'k'), 'k')
    expect([keys.length, certificates.length]).toEqual([1, 1])
  })

  const rI = corpora('java-ri')
  test.skipIf(rI === null)('of the Java reference implementation', async () => {
    for (const name of ['org-a', 'org-k4096', 'addr-d2'])
      expect(
        (await openPkcs12(readFileSync(join(rI ?? '', 'pki', `${name}.p12`)), 'direct')).keys,
      ).toHaveLength(1)
  })

  const windows = corpora('messages')
  test.skipIf(windows === null)('of Windows, with two keys', async () => {
    const file = readFileSync(join(windows ?? '', 'nhin-d', 'keys', 'nhind_umamalga1_vm1.pfx'))
    const { keys, certificates } = await openPkcs12(file, 'passw0rd!')
    expect([keys.length, certificates.length]).toEqual([2, 2])
  })

  const nss = corpora('thunderbird-smime')
  test.skipIf(nss === null)('of NSS, with RSA and EC keys', async () => {
    const types = ['Alice', 'Alice-ec'].map(async (name) => {
      const { keys } = await openPkcs12(readFileSync(join(nss ?? '', `${name}.p12`)), 'nss')
      return keys.map((key) => key.asymmetricKeyType)
    })
    expect(await Promise.all(types)).toEqual([['rsa'], ['ec']])
  })
})

describe('nothing is believed before the MAC holds', () => {
  test('a wrong password, or none, is told as that, and is in no error', async () => {
    const file = await exported([])
    for (const password of ['CANARY', '', undefined]) {
      const error = await failureOf(file, password)
      expect(error.kind).toBe('password')
      expect(`${error.message} ${error.stack}`).not.toContain('CANARY')
    }
  })

  test('content that makes no sense is not looked at while the MAC is wrong', async () => {
    const nonsense = Buffer.from('no SafeContents')
    expect((await failureOf(pfx(nonsense, 'k'), 'k')).kind).toBe('malformed')
    expect((await failureOf(pfx(nonsense, 'k'), 'other')).kind).toBe('password')
  })

  test('a file without a MAC, or with a signature in its place, is refused', async () => {
    expect(await failureOf(await exported(['-nomac']), PASSWORD)).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('no MAC'),
    })
    const signed = sequence(oid('1.2.840.113549.1.7.2'), explicit(sequence()))
    expect((await failureOf(sequence(smallInteger(3), signed), 'k')).kind).toBe('refused')
  })
})

describe('the work for one file is bounded', () => {
  test(`a MAC of more than ${MOST_ITERATIONS} iterations is refused before one is made`, async () => {
    const safe = safeOf()
    for (const count of [MOST_ITERATIONS + 1, 0x7fffffff])
      expect(await failureOf(pfx(safe, 'k', pkcs12Mac(safe, 'k', integer(count))), 'k')).toMatchObject({
        kind: 'refused',
        message: expect.stringContaining(`${MOST_ITERATIONS}`),
      })
    const huge = tlv(TAG.INTEGER, Buffer.alloc(100, 0x7f))
    expect((await failureOf(pfx(safe, 'k', pkcs12Mac(safe, 'k', huge)), 'k')).kind).toBe('malformed')
  })

  test('so are all parts together', async () => {
    const scheme = sequence(
      oid('1.2.840.113549.1.12.1.3'),
      sequence(octets(Buffer.alloc(8)), integer(MOST_ITERATIONS)),
    )
    const bag = sequence(oid(`${BAG}2`), explicit(sequence(scheme, octets(Buffer.alloc(8)))))
    expect(await failureOf(pfx(safeOf(bag), 'k'), 'k')).toMatchObject({ kind: 'refused' })
  })

  test('a budget is spent once', () => {
    const work = new Work()
    work.spend(MOST_ITERATIONS)
    expect(() => work.spend(1)).toThrow(Pkcs12Error)
  })
})

describe('what is not supported is refused by name', () => {
  const encrypted = (algorithm: Uint8Array) => {
    const info = sequence(
      oid('1.2.840.113549.1.7.1'),
      algorithm,
      tlv(context(0, 'primitive'), Buffer.alloc(16)),
    )
    const content = sequence(smallInteger(0), info)
    return sequence(sequence(oid('1.2.840.113549.1.7.6'), explicit(content)))
  }
  const old = sequence(octets(Buffer.alloc(8)), integer(1))

  test.each([
    ['RC4', encrypted(sequence(oid('1.2.840.113549.1.12.1.1'), old)), 'RC4'],
    [
      'a key derivation that is not PBKDF2',
      encrypted(
        sequence(
          oid('1.2.840.113549.1.5.13'),
          sequence(
            sequence(oid('1.3.6.1.4.1.11591.4.11'), sequence()),
            sequence(oid('2.16.840.1.101.3.4.1.42'), octets(Buffer.alloc(16))),
          ),
        ),
      ),
      '1.3.6.1.4.1.11591.4.11',
    ],
    [
      'encryption to a certificate',
      sequence(sequence(oid('1.2.840.113549.1.7.3'), explicit(sequence()))),
      'certificate',
    ],
  ])('%s', async (_, safe, named) => {
    expect(await failureOf(pfx(safe, 'k'), 'k')).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(named),
    })
  })

  test('a part that another password encrypts says so', async () => {
    const safe = encrypted(sequence(oid('1.2.840.113549.1.12.1.6'), old))
    expect((await failureOf(pfx(safe, 'k'), 'k')).message).toContain('another password')
  })
})

test('a time that is none is no BER', async () => {
  const time = tlv(0x18, Buffer.from('2026-11-22'))
  await expect(openPkcs12(time, 'k')).rejects.toThrow(Pkcs12Error)
})

test('whatever bytes are changed or cut off, it opens or says why not', async () => {
  const safe = safeOf(keyBag(await keyOf('ec-p256')), certificateBag(der('clinic-a.pem')))
  const ofOpenssl = await exported(['-iter', '1', '-nomaciter'])
  const files = [Buffer.from(pfx(safe, 'k')), ofOpenssl, Buffer.from(data(safe))]
  const changed = fc.record({
    file: fc.constantFrom(...files),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    byte: fc.nat(255),
    end: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  })
  await fc.assert(
    fc.asyncProperty(changed, async ({ file, at, byte, end }) => {
      const copy = Buffer.from(file)
      copy[Math.floor(at * copy.length)] = byte
      const cut = copy.subarray(0, end === null ? copy.length : Math.floor(end * copy.length))
      const failure = await openPkcs12(cut, 'k').then(
        () => null,
        (error: unknown) => error,
      )
      expect(failure === null || failure instanceof Pkcs12Error).toBe(true)
    }),
    { numRuns: 400 },
  )
  // The same where the MAC is made anew, so that what is within is reached.
  await fc.assert(
    fc.asyncProperty(fc.nat(safe.length - 1), fc.nat(255), async (at, byte) => {
      const inner = Buffer.from(safe)
      inner[at] = byte
      const failure = await openPkcs12(pfx(inner, 'k'), 'k').then(
        () => null,
        (error: unknown) => error,
      )
      expect(failure === null || failure instanceof Pkcs12Error).toBe(true)
    }),
    { numRuns: 400 },
  )
})
