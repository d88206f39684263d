import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { corpora } from '../corpora.ts'
import {
  type CliClinics,
  filesBelow,
  KIM,
  LEE,
  messagesIn,
  NOBODY,
  receive,
  SILENT,
  startClinics,
  states,
  until,
} from './cli-clinic.ts'

let clinics: CliClinics
beforeAll(async () => {
  clinics = await startClinics()
})
afterAll(() => clinics?.[Symbol.asyncDispose]())

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** The corpus where it is, else the document that the project brings along. */
function documents(): string[] {
  const folder = corpora('ccda') ?? fileURLToPath(new URL('../../fixtures/ccda', import.meta.url))
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name))
}

describe('classify', () => {
  test('tells direct, insecure and undetermined apart, and one no outweighs them all (DISC-6): 1', async () => {
    const answers = await clinics.a.json(['classify', LEE, NOBODY, SILENT, '--from', KIM], 1)
    expect(answers).toMatchObject([
      { address: LEE, route: 'direct', directCapable: true, certificates: [{ foundIn: 'dns-address' }] },
      { address: NOBODY, route: 'insecure', directCapable: false, why: [{ code: 'NO_CERTIFICATE' }] },
      { address: SILENT, route: 'undetermined', directCapable: null, why: [{ code: 'LOOKUP_FAILED' }] },
    ])
  })

  test('ends with 75 when one is not known yet, and with 0 when all are reachable', async () => {
    expect((await clinics.a.run(['classify', LEE, SILENT])).code).toBe(75)
    expect((await clinics.a.run(['classify', LEE])).code).toBe(0)
  })

  test('finds a certificate of the domain too, from the other side', async () => {
    const [answer] = await clinics.b.json(['classify', KIM])
    expect(answer).toMatchObject({
      route: 'direct',
      certificates: [{ foundIn: 'dns-domain', boundTo: 'domain' }],
    })
  })
})

describe('a message with its documents', () => {
  test('arrives byte for byte, is answered by one MDN, and its sender knows (MSG-14, IN-8, N-1, N-6)', async () => {
    const files = documents()
    const [sent] = await clinics.a.json([
      ...['send', '--from', KIM, '--to', LEE, '--subject', 'Referral', '--text', 'Please see attached.'],
      ...['--attach', ...files],
      ...['--actor', 'dr.kim', '--patient', 'p-17', '--document', 'doc-1', 'doc-2'],
    ])
    const messageId = String(sent?.messageId)
    expect(sent).toMatchObject({ recipients: [{ address: LEE, route: 'direct', result: 'accepted' }] })
    expect(await states(clinics.a, messageId)).toEqual({ [LEE]: 'sent' })

    const ehr = join(clinics.b.dir, 'ehr')
    const [report] = await receive(clinics.b, ehr)
    expect(report).toMatchObject({ messageId, verdict: 'accept', code: null, from: KIM, to: [LEE] })
    expect(report?.deliveredTo).toBe(join(ehr, String(report?.innerSha256)))
    const folder = String(report?.deliveredTo)
    const filed = (await filesBelow(join(folder, 'attachments'))).sort()
    expect(filed.map((file) => basename(file).replace(/^\d+-/, ''))).toEqual(
      files.map((file) => basename(file)),
    )
    for (const [index, file] of filed.entries())
      expect(sha256(await readFile(file)), file).toBe(sha256(await readFile(files[index] as string)))
    const delivery = JSON.parse(await readFile(join(folder, 'delivery.json'), 'utf8'))
    expect(delivery).toMatchObject({ subject: 'Referral', messageId, wrapped: true })
    expect(sha256(await readFile(join(folder, 'message.eml')))).toBe(report?.innerSha256)

    const [receipt] = await receive(clinics.a, null)
    expect(receipt).toMatchObject({
      notification: 'processed',
      about: messageId,
      recipients: [{ address: LEE, state: 'processed' }],
    })
    expect(await states(clinics.a, messageId)).toEqual({ [LEE]: 'processed' })

    for (const filter of [
      ['--message', messageId],
      ['--document', 'doc-2'],
      ['--patient', 'p-17'],
    ]) {
      const rows = await clinics.a.json(['audit', ...filter])
      expect(
        rows.map(({ outcome }) => outcome),
        filter.join(' '),
      ).toEqual(['queued', 'sent', 'processed'])
      expect(rows[0]).toMatchObject({ actor: 'dr.kim', address: LEE, route: 'direct', patient: 'p-17' })
      expect(rows[0]?.certificate).toMatch(/^[0-9a-f]{64}$/)
    }
    expect(await clinics.a.json(['audit', '--patient', 'p-18'])).toEqual([])
  })

  test('goes to those who can be reached, and says who cannot: 1', async () => {
    const [sent] = await clinics.a.json(
      ['send', '--from', KIM, '--to', LEE, NOBODY, '--cc', SILENT, '--text', 'For one of three.'],
      1,
    )
    expect(sent?.recipients).toMatchObject([
      { address: LEE, result: 'accepted' },
      { address: NOBODY, result: 'refused', why: [{ code: 'NO_CERTIFICATE' }] },
      { address: SILENT, result: 'undetermined', why: [{ code: 'LOOKUP_FAILED' }] },
    ])
    const [report] = await receive(clinics.b, join(clinics.b.dir, 'ehr'))
    expect(report).toMatchObject({
      messageId: sent?.messageId,
      verdict: 'accept',
      recipients: [{ address: LEE }],
    })
  })

  test('given as a file, keeps its own Message-ID and its bytes (MSG-1, MSG-4)', async () => {
    const text = [
      `From: Dr. Kim <${KIM}>`,
      `To: ${LEE}`,
      'Subject: from a file',
      'Message-ID: <file-1@clinic-a.example>',
      'Date: Sat, 21 Nov 2026 12:00:00 +0000',
      'MIME-Version: 1.0',
      'Content-Type: text/plain',
      '',
      'trailing blanks  ',
      '.dot',
      '',
    ].join('\r\n')
    await writeFile(join(clinics.a.dir, 'message.eml'), text)
    const send = ['send', '--from', KIM, '--to', LEE, '--message', 'message.eml', '--idempotency-key', 'k-1']
    const [sent] = await clinics.a.json(send)
    expect(sent?.messageId).toBe('<file-1@clinic-a.example>')
    const [again] = await clinics.a.json(send)
    expect(again).toMatchObject({ messageId: sent?.messageId, planned: true })
    const [report] = await receive(clinics.b, join(clinics.b.dir, 'ehr'))
    const filed = await readFile(join(String(report?.deliveredTo), 'message.eml'), 'utf8')
    expect(filed.endsWith(text.slice(text.indexOf('\r\n\r\n')))).toBe(true)
    expect(filed.slice(0, text.indexOf('\r\n\r\n'))).toBe(text.slice(0, text.indexOf('\r\n\r\n')))
    expect(await clinics.b.json(['receive', '--once', '--out', 'ehr'])).toEqual([])
    expect(await messagesIn(clinics.b, 'Direct-Refused')).toBe(0)
  })

  test('whose sender has no certificate that is believed is delivered, and who receives is told that no receipt goes (N-2)', async () => {
    const foreign = fileURLToPath(new URL('../../fixtures/pki/clinic-a.pem', import.meta.url))
    const config = await clinics.b.variant('unanswered.yaml', {
      'certificates: []': `certificates: ["${foreign}"]`,
    })
    const [sent] = await clinics.a.json(['send', '--from', KIM, '--to', LEE, '--text', 'Is it there?'])
    const said = await until(async () => {
      const pass = await clinics.b.run(['receive', '--once', '--out', 'ehr', '--config', config])
      return pass.stdout.includes(String(sent?.messageId)) && pass
    })
    expect(said.code).toBe(0)
    expect(said.stdout).toMatch(/^accept /)
    expect(said.stderr).toContain(
      `direct: note: no receipt for ${sent?.messageId} goes from ${LEE} to ${KIM}: UNKNOWN_ISSUER, `,
    )
    expect(said.stderr).toMatch(
      /\ndirect: hint: A receipt needs a certificate that dr\.kim@clinic-a\.example publishes/,
    )
    const rows = await clinics.b.json(['audit', '--message', String(sent?.messageId)])
    expect(rows.map(({ event }) => event)).toEqual(['received', 'delivered', 'mdn-given-up'])
  })
})
