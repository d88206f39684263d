import { readFile } from 'node:fs/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createAgent } from '../../agent/index.ts'
import { ownNotices } from '../../agent/own-notices.ts'
import { type Certificate, readCertificates } from '../../trust-anchors/index.ts'
import { clinicConfig, pki, temporaryFolder } from '../flow/clinics.ts'

const AT = new Date('2026-11-21T12:00:00Z')
const identity = (file: string, name = 'clinic-a.example') => ({
  for: name,
  certificate: pki(file),
  privateKey: pki('clinic-a.key'),
  password: undefined,
})
const told = (files: readonly string[], policy = {}) =>
  ownNotices(
    files.map((file) => identity(file)),
    policy,
    AT,
  )

describe('what is wrong with our own certificates is told before a partner is', () => {
  test('one that can sign and be encrypted to is nothing to tell', async () => {
    expect(await told(['clinic-a.pem'])).toEqual([])
  })

  test('one that has ended is told, but not beside one that is used: it stays for reading (ALG-5)', async () => {
    const ended = 'CERT2_Expired.pem'
    expect(await told([ended])).toEqual([
      expect.stringMatching(
        /^no certificate of clinic-a\.example can sign .*, or can be encrypted to: .*CERT2_Expired\.pem: .*2025.*\(CERT_EXPIRED\)$/,
      ),
    ])
    expect(await told([ended, 'clinic-a.pem'])).toEqual([])
  })

  test('one for each use is enough', async () => {
    const [sign, encrypt] = ['CERT4_KeyUsage_SignOnly.pem', 'CERT4_KeyUsage_EncryptOnly.pem'] as const
    const ofB = (file: string) => identity(file, 'clinic-b.example')
    const names = async (...files: string[]) =>
      (await ownNotices(files.map(ofB), {}, AT)).map((text) => /can (sign|be)/.exec(text)?.[1])
    expect(await names(sign)).toEqual(['be'])
    expect(await names(encrypt)).toEqual(['sign'])
    expect(await names(sign, encrypt)).toEqual([])
  })

  test('one that breaks certificatePolicy.own is told, alone and beside one that keeps it', async () => {
    const policy = { minRsaBits: 4096 }
    expect(await told(['clinic-a.pem'], policy)).toEqual([
      expect.stringMatching(/^no certificate of clinic-a\.example can sign.*4096 \(KEY_WEAK\)$/),
    ])
    const high = { issuers: readCertificates(await readFile(pki('root-b.pem'))) as readonly Certificate[] }
    expect(await told(['clinic-a.pem', 'CERT6_ClinicA_UnderRootB.pem'], high)).toEqual([
      expect.stringMatching(/clinic-a\.pem breaks certificatePolicy\.own, and only reads: .*\(POLICY\)$/),
    ])
  })

  test('one that is bound to somebody else, or not there yet, is told', async () => {
    expect((await ownNotices([identity('clinic-b.pem')], {}, AT))[0]).toMatch(/\(CERT_NOT_BOUND\)$/)
    expect(await told(['none.pem'])).toEqual([
      expect.stringMatching(/^of our own: .*none\.pem does not exist$/),
    ])
  })
})

test('the agent tells it among its notices, so that no lock is shown that send then refuses', async () => {
  const config = {
    ...clinicConfig('a', await temporaryFolder()),
    certificatePolicy: { own: { minRsaBits: 4096 } },
  }
  const agent = await createAgent(config, { at: AT })
  onTestFinished(() => agent[Symbol.asyncDispose]())
  expect((await agent.notices()).join('\n')).toMatch(/can sign.*KEY_WEAK/)
})

test('an anchor that has ended is told once, with all for whom it stood', async () => {
  const [good, ended] = [pki('root-a.pem'), pki('root-expired.pem')]
  const trust = [
    { for: '*', anchors: [good, ended] },
    { for: 'clinic-a.example', anchors: [good, ended] },
  ]
  const agent = await createAgent({ ...clinicConfig('a', await temporaryFolder()), trust }, { at: AT })
  onTestFinished(() => agent[Symbol.asyncDispose]())
  expect(await agent.notices()).toEqual([expect.stringMatching(/ for \*, clinic-a\.example is valid from /)])
})
