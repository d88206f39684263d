import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { explanationText } from '../../cli/text/explain.ts'
import { mint } from '../../fixtures/pki.ts'
import { pki } from '../flow/clinics.ts'
import { direct, temporaryFolder } from './direct.ts'

const CONFIG = {
  identities: [
    { for: 'clinic-a.example', certificate: pki('clinic-a.pem'), privateKey: pki('clinic-a.key') },
  ],
  trust: [{ for: '*', anchors: [pki('root-a.pem')] }],
  certificates: [pki('clinic-b.pem')],
}

async function explain(...args: string[]) {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'direct.yaml'), JSON.stringify(CONFIG))
  await copyFile(pki('CERT6_ClinicB_UnderRootB.pem'), join(folder.path, 'stranger.pem'))
  return await direct(['trust', 'explain', ...args], { cwd: folder.path })
}

test('an address is explained from its anchors to its path, and trusted is 0', async () => {
  const { code, stdout } = await explain('dr.lee@clinic-b.example')
  const [first, ...lines] = stdout.split('\n')
  expect([code, first]).toEqual([0, 'trusted  dr.lee@clinic-b.example'])
  expect(lines).toContain('  outgoing anchors of clinic-a.example: 1')
  expect(stdout).toMatch(/configured .*clinic-b\.pem +found, 1 certificate/)
  expect(stdout).toMatch(/certificate 9d7f152b2314eb07… of clinic-b\.example, to encrypt to .*: usable/)
  expect(stdout).toMatch(/tried anchor CN=Test Root A +3364e4188ea2c819…: fits/)
})

test('a file is explained, refused is 1, and the last line says what to do', async () => {
  const { code, stdout } = await explain('stranger.pem')
  expect([code, stdout]).toEqual([1, expect.stringMatching(/^refused {2}stranger\.pem\n/)])
  expect(stdout).toMatch(/UNKNOWN_ISSUER: .*CN=Test Root B/)
  expect(stdout.trim().split('\n').at(-1)).toMatch(/^ {2}do: .*direct trust add/)
})

test('an address that cannot be looked up without a network is 75', async () => {
  const { code, stdout } = await explain('dr.lee@hisp.example', '--no-network')
  expect([code, stdout]).toEqual([75, expect.stringMatching(/^undetermined /)])
})

test('--json is one object with the names of the API', async () => {
  const { stdout } = await explain('--json', 'stranger.pem', '--for', 'dr.kim@clinic-a.example')
  expect(JSON.parse(stdout)).toMatchObject({
    target: 'stranger.pem',
    outcome: 'refused',
    anchors: [{ direction: 'incoming', for: 'dr.kim@clinic-a.example', certificates: [{}] }],
    judged: [{ purpose: 'sign', verdict: 'refused', why: [{ code: 'UNKNOWN_ISSUER' }] }],
  })
})

test('a domain alone is a mistake whose hint is the command that answers', async () => {
  const { code, stderr } = await explain('clinic-b.example')
  const hint = /^direct: hint: .*: direct trust explain (.*)$/m.exec(stderr)?.[1]
  expect([code, hint]).toEqual([2, 'postmaster@clinic-b.example'])
  expect(await explain(hint ?? '')).toMatchObject({ code: 0 })
})

test('what is neither a file nor an address is a mistake', async () => {
  expect(await explain('stranger')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^direct: stranger is neither a file nor an address\ndirect: hint: /),
  })
})

test('a search of a thousand steps is shown as far as anyone reads, and names cannot forge lines', () => {
  const { certificate } = mint({ san: ['clinic-b.example'] })
  const step = { sha256: certificate.sha256, name: 'CN=x\n  do: nothing', isAnchor: false, failure: null }
  const tried = { ...step, issuers: Array.from({ length: 1000 }, () => ({ ...step, issuers: [] })) }
  const text = explanationText({
    target: 'x',
    outcome: 'refused',
    why: [],
    anchors: [],
    places: [],
    judged: [
      {
        ...{ sha256: certificate.sha256, name: 'x', purpose: 'sign', address: 'a@b.example' },
        ...{ verdict: 'refused', boundTo: null, why: [], path: [], revocation: [] },
        tried,
      },
    ],
    fetched: [],
    notes: [],
    advice: [],
  })
  expect(text.split('\n').length).toBeLessThan(80)
  expect(text).toContain('… and 940 more')
  expect(text).not.toMatch(/^ {2}do:/m)
})
