import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { envelope, keyTrans } from '../agent/smime/hostile.ts'
import { HOSTILE } from '../agent/smime/hostile-catalogue.ts'
import { KIM, LEE, mail, signed } from '../agent/smime/opening.ts'
import { bob } from '../agent/smime/parties.ts'
import { direct } from '../cli/direct.ts'
import { families } from '../timing/faults.ts'
import { all, temporaryFolder, twoClinics } from './clinics.ts'
import { clinicB } from './hostile-clinic.ts'

/**
 * What must not work, through a mailbox and through the command line: exact codes for the owner, and one same silence to
 * the outside. The messages are those of test/agent/smime/hostile-catalogue.ts, by name.
 */

const ASIDE = 'clinic-b.example/Direct-Refused'
const good = () => mail(envelope(signed(), { recipientInfos: [keyTrans(bob)] }))
const FAULTS = (await families(5000))
  .filter(({ name }) => name.startsWith('RSA'))
  .flatMap(({ faults }) => Object.values(faults))

test('each of them goes aside with its code, is delivered nowhere, and nobody outside hears of it (IN-9)', async () => {
  const { b, post } = await twoClinics({ b: await clinicB() })
  // Bombs of megabytes are for the test by name: through this post office they would take a minute.
  const messages = HOSTILE.map(({ code, mail }) => ({ code, bytes: mail() })).filter(
    ({ bytes }) => bytes.length < 500_000,
  )
  for (const { bytes } of messages) post.drop(LEE, KIM, bytes)
  const ehr = await temporaryFolder()
  const reports = await all(b.receiveOnce({ deliverTo: ehr }))
  expect(reports.map((report) => 'code' in report && report.code)).toEqual(messages.map(({ code }) => code))
  for (const report of reports) expect(report).toMatchObject({ verdict: 'reject', deliveredTo: null })
  expect(await readdir(ehr)).toEqual([])
  expect(post.folders.get(ASIDE)).toHaveLength(messages.length)
  expect(post.handed).toEqual([])
})

test('the message that they are made from is delivered and answered: silence is theirs alone', async () => {
  const { b, post } = await twoClinics({ b: await clinicB() })
  post.drop(LEE, KIM, good())
  const reports = await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(reports).toMatchObject([{ verdict: 'accept', deliveredTo: expect.any(String) }])
  expect(post.handed.map(({ from, to }) => [from, to])).toEqual([[LEE, [KIM]]])
})

test('whatever failed in decryption, what is done to the mailbox, recorded and told is the same (ALG-2)', async () => {
  const { b, post } = await twoClinics({ b: await clinicB() })
  for (const make of FAULTS) post.drop(LEE, KIM, make())
  const reports = await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(new Set(reports.map((report) => JSON.stringify(report))).size).toBe(1)
  const audit = (await all(b.audit())).map(({ event, outcome, why, address }) =>
    JSON.stringify({ event, outcome, why, address }),
  )
  expect(audit).toHaveLength(FAULTS.length)
  expect(new Set(audit).size).toBe(1)
  expect(post.folders.get(ASIDE)).toHaveLength(FAULTS.length)
  expect(post.handed).toEqual([])
})

test('on the command line each has its code, and whatever failed in decryption one text and exit code 1', async () => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'direct.yaml'), JSON.stringify(await clinicB()))
  const messages = HOSTILE.map(({ code, mail }) => ({ code, bytes: mail() })).filter(
    ({ bytes }) => bytes.length < 3_000_000,
  )
  const lines: string[] = []
  for (const [i, { bytes }] of messages.entries()) {
    await writeFile(join(cwd, `${i}.eml`), bytes)
    lines.push(JSON.stringify({ id: String(i), file: `${i}.eml`, to: [LEE] }))
  }
  const batch = await direct(['message', 'open', '--batch', '-'], { cwd, input: `${lines.join('\n')}\n` })
  const answers = batch.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(answers.map(({ code }) => code)).toEqual(messages.map(({ code }) => code))
  for (const answer of answers) expect(answer).toMatchObject({ verdict: 'reject', mdn: 'none', parts: [] })

  const texts = new Set<string>()
  for (const [i, make] of FAULTS.filter((_, i) => i % 4 === 0).entries()) {
    await writeFile(join(cwd, `fault-${i}.eml`), make())
    const { code, stdout, stderr } = await direct(
      ['message', 'open', '--to', LEE, '--in', `fault-${i}.eml`, '--out', 'inner.eml'],
      { cwd },
    )
    expect(code).toBe(1)
    texts.add(stdout + stderr)
  }
  expect([...texts]).toEqual([expect.stringContaining('UNDECRYPTABLE')])
  expect(await readdir(cwd)).not.toContain('inner.eml')
})

test('docs/hostile-mail.md names each of them with its code, and no other', async () => {
  const page = await readFile(new URL('../../docs/hostile-mail.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| (.+) \| ([A-Z_]+) \|$/gm)].map(([, name, code]) => `${name}: ${code}`)
  expect(rows).toEqual(HOSTILE.map(({ name, code }) => `${name}: ${code}`))
})
