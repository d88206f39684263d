import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import type { Fields } from '../../cli/batch.ts'
import { misspelt, rowOf } from '../../cli/chain/row.ts'
import { verdictOf } from '../../cli/chain/verdict.ts'
import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { makeCrl, makeOcspResponse } from '../../fixtures/revocation.ts'
import { judge, limbo, pkits, web } from '../conformance/rows.ts'
import { pkiWeb } from '../services/pki-web.ts'
import { direct, start, temporaryFolder } from './direct.ts'

const AT = '2026-11-21T12:00:00Z'
const root = mint({ ca: true, subject: 'Root' })
const regional = mint({ ca: true, subject: 'Regional', key: 'intermediate', issuer: root })
const leaf = (options: MintOptions = {}): Minted =>
  mint({ issuer: regional, san: ['clinic-a.example'], ...options })
const good = leaf()

const row = (fields: Fields = {}): Fields => ({
  id: '1',
  leaf: good.pem,
  trusted: [root.pem],
  untrusted: [regional.pem],
  at: AT,
  ...fields,
})
const verdict = (fields: Fields = {}) => verdictOf(rowOf(row(fields), new Date(AT)))

describe('a chain in hand (chain verify)', () => {
  test('is accepted with the fingerprints from the leaf to the anchor', () => {
    expect(verdict()).toMatchObject({
      verdict: 'accept',
      reason: null,
      path: [good, regional, root].map(({ certificate }) => certificate.sha256),
    })
  })

  test('is rejected with its code, and a sentence with the fact', () => {
    expect(verdict({ at: '2056-01-02T00:00:00Z' })).toMatchObject({
      verdict: 'reject',
      reason: 'CERT_EXPIRED',
      text: expect.stringContaining('2056-01-01'),
      path: [],
    })
  })

  test('what makes a certificate usable for Direct does not apply: no name, a CA, any key usage (CERT-1 to 4)', () => {
    const ca = leaf({ ca: true, san: [], key: 'dr-lee', subject: 'Issuing', keyUsage: ['cRLSign'] })
    expect(verdict({ leaf: ca.pem })).toMatchObject({ verdict: 'accept' })
  })

  test('an extended key usage is asked for by name or by OID, and "any" or nothing asks for none', () => {
    const server = leaf({ extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }).pem
    for (const eku of ['any', undefined, null, [], ['any'], ['serverAuth'], ['1.3.6.1.5.5.7.3.1']])
      expect([eku, verdict({ leaf: server, eku }).reason]).toEqual([eku, null])
    expect(verdict({ leaf: server, eku: ['emailProtection'] })).toMatchObject({ reason: 'EXT_KEY_USAGE' })
  })

  test('a name that is asked for must stand in the leaf', () => {
    const name = (value: string) => verdict({ name: { kind: 'DNS', value } }).reason
    expect([name('clinic-a.example'), name('clinic-b.example')]).toEqual([null, 'CERT_NOT_BOUND'])
  })

  test('max_depth counts the intermediates that are not self-issued', () => {
    expect([verdict({ max_depth: 1 }).reason, verdict({ max_depth: 0 }).reason]).toEqual([
      null,
      'PATH_LENGTH',
    ])
  })

  test('policies are as RFC 5280 6.1.1 has them, and none by default', () => {
    expect(verdict({ require_explicit_policy: true })).toMatchObject({ reason: 'POLICY' })
    const oid = '1.2.3.4'
    const policies = { policies: [oid] }
    const ca = mint({ ca: true, subject: 'Regional', key: 'intermediate', issuer: root, ...policies })
    const own = mint({ issuer: ca, san: ['clinic-a.example'], ...policies })
    const fields = { leaf: own.pem, untrusted: [ca.pem], require_explicit_policy: true }
    expect(verdict({ ...fields, initial_policy_set: [oid] })).toMatchObject({ reason: null })
    expect(verdict({ ...fields, initial_policy_set: ['1.2.3.5'] })).toMatchObject({ reason: 'POLICY' })
  })

  test('what cannot be read beside the path is passed over with a note', () => {
    const broken = good.pem.replace(/[A-Za-z]{20}/, 'AAAAAAAAAAAAAAAAAAAA')
    const { verdict: answer, notes } = verdict({ untrusted: [broken, 'nothing', regional.pem] })
    expect(answer).toBe('accept')
    expect(notes).toEqual([
      expect.stringMatching(/^untrusted\[0\]: /),
      expect.stringMatching(/^untrusted\[1\]: /),
    ])
  })

  test('a leaf that cannot be read is CERT_MALFORMED, and is told once', () => {
    expect(verdict({ leaf: 'nothing' })).toMatchObject({
      verdict: 'reject',
      reason: 'CERT_MALFORMED',
      text: expect.stringMatching(/^the leaf is no certificate: /),
      notes: [],
    })
  })

  test('a key that nearly is one of ours is told; other keys of outside suites are ignored', () => {
    expect(misspelt({ crl: [], trust: [], revokation: 'off' })).toEqual([
      '"crl" is not read; crls is',
      '"trust" is not read; trusted is',
      '"revokation" is not read; revocation is',
    ])
    expect(misspelt({ ...row({ name: null }), names: [], expect: {}, source: '', ca: '' })).toEqual([])
  })

  test('without anchors nobody is believed', () => {
    expect(verdict({ trusted: [] })).toMatchObject({ reason: 'NO_ANCHORS' })
    expect(verdict({ trusted: ['nothing'] })).toMatchObject({ reason: 'NO_ANCHORS' })
  })
})

describe('revocation of a chain in hand (CERT-7)', () => {
  const pointed = leaf({ crlUrls: ['http://crl.example/'], key: 'dr-lee' })
  const rootCrl = makeCrl({ issuer: root })
  const crl = (...revoked: readonly Minted[]) =>
    makeCrl({ issuer: regional, revoked: revoked.map((certificate) => ({ certificate })) }).pem

  test('a row that brings CRLs and says nothing has them used', () => {
    const crls = [rootCrl.pem, crl(pointed)]
    expect(verdict({ leaf: pointed.pem, crls })).toMatchObject({ reason: 'CERT_REVOKED' })
    expect(verdict({ leaf: good.pem, crls })).toMatchObject({ reason: null, revocation: ['good', 'good'] })
  })

  test('a row that brings none and says nothing is not asked for any', () => {
    expect(verdict({ leaf: pointed.pem })).toMatchObject({
      reason: null,
      revocation: ['not-checked', 'not-checked'],
    })
  })

  test('require: what is not known stops the path; prefer lets it pass, and says so; off does not ask', () => {
    const answers = ['require', 'prefer', 'off'].map((revocation) => {
      const { reason, revocation: statuses } = verdict({ leaf: pointed.pem, revocation })
      return [reason, statuses[0]]
    })
    expect(answers).toEqual([
      ['REVOCATION_UNKNOWN', undefined],
      [null, 'unknown'],
      [null, 'not-checked'],
    ])
  })

  test('CRLs that speak of nobody here leave the status unknown, even where no CRL is pointed to', () => {
    expect(verdict({ crls: [rootCrl.pem] })).toMatchObject({ reason: 'REVOCATION_UNKNOWN' })
    expect(verdict({ revocation: 'require' })).toMatchObject({
      reason: null,
      revocation: ['not-revocable', 'not-revocable'],
    })
  })

  test('OCSP responses are base64 of DER', () => {
    const about = (certificate: Minted, issuer: Minted, revoked = false) =>
      Buffer.from(
        makeOcspResponse({
          issuer,
          for: certificate,
          thisUpdate: '2026-11-21',
          ...(revoked && { status: { revoked: '2026-11-20' } }),
        }),
      ).toString('base64')
    const ca = about(regional, root)
    expect(verdict({ ocsp: [ca, about(good, regional)] })).toMatchObject({ reason: null })
    expect(verdict({ ocsp: [ca, about(good, regional, true)] })).toMatchObject({ reason: 'CERT_REVOKED' })
  })

  test('a CRL past its nextUpdate is no longer believed: there is no grace for what is handed in', () => {
    const old = makeCrl({ issuer: regional, nextUpdate: '2026-11-21T11:00:00Z' }).pem
    expect(verdict({ crls: [rootCrl.pem, old] })).toMatchObject({ reason: 'REVOCATION_UNKNOWN' })
  })
})

test.each([
  [{ leaf: undefined }, 'leaf is missing'],
  [{ leaf: 7 }, 'leaf must be PEM text'],
  [{ trusted: good.pem }, 'trusted must be a list of texts'],
  [{ crls: [1] }, 'crls must be a list of texts'],
  [{ at: 'yesterday' }, '"yesterday" is not a time'],
  [{ eku: ['mail'] }, 'eku must be "any", or a list of serverAuth'],
  [{ eku: 'emailProtection' }, 'eku must be a list of texts'],
  [{ name: 'clinic-a.example' }, 'name must be an object with kind and value, or null'],
  [{ name: { kind: 'URI', value: 'x' } }, 'name.kind must be RFC822, DNS, IP'],
  [{ name: { kind: 'DNS' } }, 'name.value is missing'],
  [{ revocation: 'soft' }, 'revocation must be off, prefer, require'],
  [{ initial_policy_set: ['any'] }, 'initial_policy_set must be a list of OIDs'],
  [{ require_explicit_policy: 'yes' }, 'require_explicit_policy must be true or false'],
  [{ max_depth: -1 }, 'max_depth must be a whole number, or null'],
  [{ max_depth: 1.5 }, 'max_depth must be a whole number, or null'],
])('%o is refused: %s', (fields: Fields, message) => {
  expect(() => rowOf(row(fields), new Date(AT))).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) }),
  )
})

describe('the command', () => {
  test('answers each line as it comes, in order, and goes on after a line that is wrong', async () => {
    await using folder = await temporaryFolder()
    const child = start(['chain', 'verify', '--batch', '-'], { cwd: folder.path })
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const ask = async (line: string): Promise<Fields> => {
      child.stdin.write(`${line}\n`)
      return JSON.parse((await answers.next()).value as string)
    }
    expect(await ask(JSON.stringify(row({ id: 'a' })))).toMatchObject({ id: 'a', verdict: 'accept' })
    expect(await ask('{"id": "b", "leaf": 1}')).toMatchObject({ id: 'b', error: { code: 'USAGE' } })
    expect(await ask('nonsense')).toMatchObject({ id: null, error: { code: 'USAGE' } })
    expect(await ask('[1]')).toMatchObject({ id: null, error: { code: 'USAGE' } })
    expect(await ask(JSON.stringify(row({ id: 7, trusted: [] })))).toMatchObject({
      id: 7,
      verdict: 'reject',
      reason: 'NO_ANCHORS',
      path: [],
      ms: expect.any(Number),
    })
    child.stdin.end()
    expect(await once(child, 'close')).toEqual([0, null])
  })

  test('of a file: 0 accept, 1 reject, 2 what it cannot read', async () => {
    await using folder = await temporaryFolder()
    const file = async (name: string, text: string) => {
      await writeFile(join(folder.path, name), text)
      return direct(['chain', 'verify', name], { cwd: folder.path })
    }
    const accepted = await file('good.json', JSON.stringify(row()))
    expect([accepted.code, accepted.stdout]).toEqual([
      0,
      expect.stringMatching(/^verdict +accept\nleaf +[0-9a-f]{64}/),
    ])
    const rejected = await file('bad.json', JSON.stringify(row({ trusted: [] })))
    expect([rejected.code, rejected.stdout]).toEqual([
      1,
      expect.stringMatching(/^verdict +reject: NO_ANCHORS\nwhy +/),
    ])
    expect(await file('none.json', 'no JSON')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^direct: none\.json is not JSON\ndirect: hint: /),
    })
  })

  test.each([[[]], [['-']]])('what comes by stdin is named so (%j)', async (args) => {
    await using folder = await temporaryFolder()
    expect(await direct(['chain', 'verify', ...args], { cwd: folder.path, input: '{' })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^direct: stdin is not JSON\n/),
    })
  })

  test('a misspelt key is a note beside the answer', async () => {
    await using folder = await temporaryFolder()
    const input = JSON.stringify(row({ crl: [] }))
    const { stdout } = await direct(['chain', 'verify', '--json'], { cwd: folder.path, input })
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'accept', notes: ['"crl" is not read; crls is'] })
  })

  test('of stdin, at the time of --at where the row has none', async () => {
    await using folder = await temporaryFolder()
    const input = JSON.stringify(row({ at: null }))
    const at = (time: string) =>
      direct(['chain', 'verify', '--json', '--at', time], { cwd: folder.path, input })
    const [now, later] = [await at(AT), await at('2060-01-01T00:00:00Z')]
    expect([now.code, JSON.parse(now.stdout).id]).toEqual([0, '1'])
    expect([later.code, JSON.parse(later.stdout).reason]).toEqual([1, 'CERT_EXPIRED'])
  })

  test('contacts nobody, whatever the certificates point to', async () => {
    await using folder = await temporaryFolder()
    await using ca = await pkiWeb()
    const pointing = leaf({
      crlUrls: [ca.url('/crl')],
      caIssuersUrls: [ca.url('/ca')],
      ocspUrls: [ca.url('/ocsp')],
    })
    const input = JSON.stringify(row({ leaf: pointing.pem, untrusted: [], revocation: 'require' }))
    const { code, stdout } = await direct(['chain', 'verify', '--json'], { cwd: folder.path, input })
    expect([code, JSON.parse(stdout).reason]).toEqual([1, 'UNKNOWN_ISSUER'])
    expect(ca.connections).toBe(0)
  })

  const rows = [...pkits(), ...limbo(), ...web()]
  test.skipIf(rows.length === 0)(
    'gives all rows of the outside suites the verdicts of the library',
    async () => {
      await using folder = await temporaryFolder()
      const input = `${rows.map((one) => JSON.stringify(one)).join('\n')}\n`
      const { code, stdout } = await direct(['chain', 'verify', '--batch', '-'], { cwd: folder.path, input })
      const short = ({ id, verdict, reason, path }: Fields) => ({ id, verdict, reason, path })
      const answers = stdout
        .trim()
        .split('\n')
        .map((line): Fields => JSON.parse(line))
      expect(answers.map(short)).toEqual(rows.map((one) => short({ id: one.id, ...judge(one).verdict })))
      expect(code).toBe(0)
    },
  )
})
