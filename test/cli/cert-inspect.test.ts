import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { type CrlOptions, makeCrl } from '../../fixtures/revocation.ts'
import { type DescribedCertificate, describeFile } from '../../trust-anchors/inspect/index.ts'
import { pki } from '../flow/clinics.ts'
import { foreignMail } from '../flow/foreign-mail.ts'
import { openssl } from '../trust-anchors/judging.ts'
import { direct, temporaryFolder } from './direct.ts'

const root = mint({ ca: true, subject: 'Root', pathLength: 1 })

function said(options: MintOptions): Readonly<Record<string, readonly string[]>> {
  const [described] = describeFile(Buffer.from(mint(options).pem))
  const { extensions } = described as DescribedCertificate
  return Object.fromEntries(extensions.map(({ oid, name, says }) => [name ?? oid, says]))
}

test('every extension is told in words, for people and programs alike', () => {
  const words = said({
    ca: true,
    pathLength: 0,
    altNames: [
      { rfc822: 'dr.lee@hisp.example' },
      { dns: 'hisp.example' },
      { uri: 'https://hisp.example/' },
      { ip: '192.0.2.1' },
    ],
    nameConstraints: { permitted: [{ dns: 'hisp.example' }], excluded: [{ rfc822: 'x@hisp.example' }] },
    policies: ['1.2.3.4'],
    policyMappings: [['1.2.3.4', '1.2.3.5']],
    policyConstraints: { requireExplicitPolicy: 0, inhibitPolicyMapping: 2 },
    inhibitAnyPolicy: 1,
    crlUrls: ['http://ca.example/crl'],
    caIssuersUrls: ['http://ca.example/ca'],
    ocspUrls: ['http://ca.example/ocsp'],
    freshestCrlUrls: ['http://ca.example/delta'],
    unknownCritical: true,
  })
  expect(words).toMatchObject({
    basicConstraints: ['a CA, with at most 0 CA(s) below it'],
    subjectAltName: [
      'rfc822Name dr.lee@hisp.example',
      'dNSName hisp.example',
      'uniformResourceIdentifier https://hisp.example/',
      'iPAddress 192.0.2.1',
    ],
    nameConstraints: ['only below dNSName hisp.example', 'not below rfc822Name x@hisp.example'],
    certificatePolicies: ['1.2.3.4'],
    policyMappings: ['1.2.3.4 counts as 1.2.3.5'],
    policyConstraints: [
      'a policy is required from here on',
      'policies are no longer mapped after 2 more CA(s)',
    ],
    inhibitAnyPolicy: ['anyPolicy no longer counts after 1 more CA(s)'],
    crlDistributionPoints: ['CRL at http://ca.example/crl'],
    authorityInfoAccess: ['OCSP at http://ca.example/ocsp', "issuer's certificate at http://ca.example/ca"],
    freshestCrl: ['CRL at http://ca.example/delta'],
  })
})

test('PEM, DER, p7b and CRLs are read, one after the other, and what is none of them is told in its place', () => {
  const leaf = mint({ issuer: root, san: ['hisp.example'] })
  const p7b = openssl(
    { 'all.pem': leaf.pem + root.pem },
    ...['crl2pkcs7', '-nocrl', '-certfile', 'all.pem', '-outform', 'PEM'],
  ).output
  const crl = makeCrl({ issuer: root })
  const kinds = (bytes: Uint8Array | string) => describeFile(Buffer.from(bytes)).map(({ kind }) => kind)
  expect(kinds(leaf.certificate.der)).toEqual(['certificate'])
  expect(kinds(leaf.pem + crl.pem + root.pem)).toEqual(['certificate', 'crl', 'certificate'])
  expect(kinds(p7b)).toEqual(['certificate', 'certificate'])
  expect(kinds(crl.der)).toEqual(['crl'])
  expect(kinds('hello')).toEqual(['unreadable'])
  expect(kinds(`${leaf.pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`)).toEqual([
    'certificate',
    'unreadable',
  ])
})

test('a CRL tells its number, and who is revoked, when and why; a delta what it is to', () => {
  const [one, two] = [mint({ issuer: root, key: 'dr-lee' }), mint({ issuer: root, key: 'clinic-a' })]
  const revoked = [
    { certificate: one, date: '2026-03-01', reason: 'keyCompromise' },
    { certificate: two },
  ] as const
  const describe = (options: Omit<CrlOptions, 'issuer'>) =>
    describeFile(makeCrl({ issuer: root, ...options }).der)[0]
  expect(describe({ crlNumber: 7, revoked })).toMatchObject({
    ...{ kind: 'crl', number: '7', base: null, entries: 2, problem: null },
    revoked: [
      {
        serialNumber: one.certificate.serialHex,
        revokedAt: new Date('2026-03-01'),
        reason: expect.stringMatching(/compromise/i),
      },
      { serialNumber: two.certificate.serialHex, reason: 'no reason given' },
    ],
  })
  expect(describe({ crlNumber: 8, deltaBase: 7 })).toMatchObject({
    number: '8',
    base: '7',
    entries: 0,
    revoked: [],
  })
})

test('of a long CRL the first entries are shown, and how many there are in all', async () => {
  await using folder = await temporaryFolder()
  const revoked = Array.from({ length: 1200 }, (_, i) => ({ serial: Buffer.from([1, i >> 8, i & 255]) }))
  await writeFile(join(folder.path, 'long.crl'), makeCrl({ issuer: root, revoked }).der)
  const text = await direct(['cert', 'inspect', 'long.crl'], { cwd: folder.path })
  expect(text.stdout).toMatch(/^ {2}revoked +1200$/m)
  expect(text.stdout).toMatch(
    /^ +010013 {2}2026-03-01T00:00:00\.000Z {2}no reason given\n +… and 1180 more$/m,
  )
  const json = await direct(['cert', 'inspect', '--json', 'long.crl'], { cwd: folder.path })
  const { entries, revoked: listed } = JSON.parse(json.stdout)
  expect([entries, listed.length]).toEqual([1200, 1000])
})

test('the command shows what a certificate says, and says that it verified nothing', async () => {
  await using folder = await temporaryFolder()
  const { code, stdout, stderr } = await direct(['cert', 'inspect', pki('CERT2_Expired.pem')], {
    cwd: folder.path,
  })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^ {2}certificate +[0-9a-f]{64}$/m)
  expect(stdout).toMatch(/^ {2}valid +.* to 2025-01-01T00:00:00\.000Z {2}\(ended\)$/m)
  expect(stdout).toMatch(/^ {2}keyUsage, critical +digitalSignature/m)
  expect(stderr).toBe('direct: note: nothing was verified; "direct trust explain FILE" judges\n')
  const help = await direct(['cert', 'inspect', '--help'], { cwd: folder.path })
  expect(help.stdout).toMatch(/It verifies nothing/)
})

test('of a mail, the signers whose signatures hold are shown; one that is sealed to others says so', async () => {
  await using folder = await temporaryFolder()
  const identity = {
    for: 'clinic-a.example',
    certificate: pki('clinic-a.pem'),
    privateKey: pki('clinic-a.key'),
  }
  await writeFile(join(folder.path, 'direct.yaml'), JSON.stringify({ identities: [identity] }))
  const signers = [{ certificate: pki('clinic-b.pem'), privateKey: pki('clinic-b.key') }]
  const file = async (name: string, encryptTo: readonly string[] | null) =>
    writeFile(join(folder.path, name), await foreignMail({ signers, encryptTo }))
  await file('signed.eml', null)
  await file('sealed.eml', [pki('clinic-a.pem')])
  await file('others.eml', [pki('clinic-b.pem')])
  const inspect = (name: string, ...more: string[]) =>
    direct(['cert', 'inspect', name, ...more], { cwd: folder.path })
  const sha256 = '9d7f152b2314eb07'
  expect(await inspect('signed.eml')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      new RegExp(`^signed.eml\n  mail +not sealed;[^]* certificate +${sha256}[0-9a-f]{48}$`, 'm'),
    ),
  })
  const rows = (await inspect('sealed.eml', '--json')).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(rows).toMatchObject([
    { kind: 'mail', sealed: true },
    { kind: 'certificate', sha256: expect.stringMatching(sha256) },
  ])
  expect(await inspect('others.eml')).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(
      /NOT_FOR_US: the mail is sealed, and cannot be opened by this configuration/,
    ),
  })
})

test('a forged certificate is shown like any other; one that cannot be read is exit 1', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'none.pem'), 'hello')
  const inspect = (...files: string[]) =>
    direct(['cert', 'inspect', '--json', ...files], { cwd: folder.path })
  const { code, stdout } = await inspect(pki('CERT5_BadSignature.pem'), 'none.pem')
  const lines = stdout.trim().split('\n')
  expect(code).toBe(1)
  expect(JSON.parse(lines[0] as string)).toMatchObject({ kind: 'certificate', isCa: false })
  expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
    file: 'none.pem',
    kind: 'unreadable',
    code: 'CERT_MALFORMED',
  })
  expect(await inspect('missing.pem')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /^direct: cannot read missing\.pem \(there is no such file\)\ndirect: hint: /,
    ),
  })
})
