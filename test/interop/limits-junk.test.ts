import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ImapFlow } from 'imapflow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type CliClinic,
  type CliClinics,
  filesBelow,
  jsonLines,
  KIM,
  LEE,
  messagesIn,
  reached,
  startClinics,
  until,
} from './cli-clinic.ts'

let clinics: CliClinics
beforeAll(async () => {
  clinics = await startClinics()
})
afterAll(() => clinics?.[Symbol.asyncDispose]())

/** Puts messages into a clinic's INBOX as they are, as no mail server would let them through. */
async function putInto(clinic: CliClinic, messages: readonly Buffer[]): Promise<void> {
  const { mail } = clinics
  const { user = '', password = '' } = mail.mailboxes[clinic.domain] ?? {}
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: mail.imap.imapPort,
    auth: { user, pass: password },
    secure: false,
    doSTARTTLS: false,
    logger: false,
  })
  await client.connect()
  for (const message of messages) await client.append('INBOX', message)
  await client.logout()
}

/** A message for Dr. Lee, sealed by clinic A, as a file. */
async function sealed(): Promise<string> {
  const { a } = clinics
  await writeFile(
    join(a.dir, 'm.eml'),
    `From: ${KIM}\r\nTo: ${LEE}\r\nSubject: s\r\n\r\n${'text '.repeat(500)}\r\n`,
  )
  await a.json(['message', 'seal', '--from', KIM, '--to', LEE, '--in', 'm.eml', '--out', 'sealed.eml'])
  return readFile(join(a.dir, 'sealed.eml'), 'latin1')
}

test('junk goes aside with its code, one by one, and the good message between is delivered: 0 (IN-1, IN-4, IN-9)', async () => {
  const { a, b } = clinics
  const good = await sealed()
  const crlf = (lines: readonly string[]) => Buffer.from(`${lines.join('\r\n')}\r\n`)
  const header = [
    'From: someone@elsewhere.example',
    `To: ${LEE}`,
    'Subject: Lottery',
    'Message-ID: <junk@x.example>',
  ]
  const junk: [string, Buffer, string][] = [
    ['nothing but a line end', Buffer.from('\r\n'), 'MALFORMED'],
    ['1 MB of zeros', Buffer.alloc(1 << 20), 'MALFORMED'],
    ['1 MB of the digit zero', Buffer.alloc(1 << 20, '0'), 'MALFORMED'],
    ['spam', crlf([...header, '', 'You have won.']), 'NOT_ENCRYPTED'],
    [
      'signed only',
      crlf([
        ...header,
        'MIME-Version: 1.0',
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="b"',
        ...['', '--b', 'Content-Type: text/plain', '', 'signed', '--b'],
        ...[
          'Content-Type: application/pkcs7-signature',
          'Content-Transfer-Encoding: base64',
          '',
          'MIIB',
          '--b--',
        ],
      ]),
      'NOT_ENCRYPTED',
    ],
    ['cut off in the middle', Buffer.from(good.slice(0, good.length / 2)), 'UNDECRYPTABLE'],
    ['cut off after its header', Buffer.from(good.slice(0, good.indexOf('\r\n\r\n') + 4)), 'UNDECRYPTABLE'],
    ['base64 that is none', Buffer.from(good.replace(/\r\n\r\nM.*/s, '\r\n\r\n!!!!\r\n')), 'UNDECRYPTABLE'],
    [
      'a bounce',
      crlf([
        'Return-Path: <>',
        'From: MAILER-DAEMON@mail.example',
        `To: ${LEE}`,
        'MIME-Version: 1.0',
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        ...['', '--b', '', 'It did not arrive.', '--b', 'Content-Type: message/delivery-status', ''],
        ...['Reporting-MTA: dns; mail.example', '', 'Action: failed', 'Status: 5.1.1', '--b--'],
      ]),
      'NOT_ENCRYPTED',
    ],
  ]
  await putInto(
    b,
    junk.slice(0, 5).map(([, message]) => message),
  )
  const [sent] = await a.json(['send', '--from', KIM, '--to', LEE, '--text', 'Good.'])
  await until(async () => (await messagesIn(b, 'INBOX')) === 6)
  await putInto(
    b,
    junk.slice(5).map(([, message]) => message),
  )

  const said = await b.run(['receive', '--once', '--out', 'ehr', '--json'])
  expect(said.code, said.stderr).toBe(0)
  const reports = jsonLines(said.stdout)
  expect(reports).toHaveLength(junk.length + 1)
  const [accepted] = reports.splice(5, 1)
  expect(accepted).toMatchObject({ verdict: 'accept', messageId: sent?.messageId })
  for (const [index, [name, , code]] of junk.entries())
    expect(reports[index], name).toMatchObject({ verdict: 'reject', code, deliveredTo: null })
  expect(said.stdout).not.toContain('Lottery')

  expect(await messagesIn(b, 'Direct-Refused')).toBe(junk.length)
  expect(await messagesIn(b, 'INBOX')).toBe(1)
  const delivered = (await filesBelow(join(b.dir, 'ehr'))).filter((file) => file.endsWith('message.eml'))
  expect(delivered).toEqual([join(String(accepted?.deliveredTo), 'message.eml')])
  const refused = (await b.json(['audit'])).filter(({ outcome }) => outcome === 'refused')
  expect(refused).toHaveLength(junk.length)

  // Nothing leaves about what was refused, and the good message is answered.
  await until(async () => (await a.json(['receive', '--once', '--out', 'ehr'])).length > 0)
  await reached(a, String(sent?.messageId), 'processed')
  expect(await messagesIn(a, 'INBOX')).toBe(1)
  expect(await b.json(['receive', '--once', '--out', 'ehr'])).toEqual([])
})
