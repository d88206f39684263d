import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Log } from '../../agent/index.ts'
import { envelope, keyTrans } from '../agent/smime/hostile.ts'
import { type Fields, judge, KIM, LEE, mail, signed, wrapped } from '../agent/smime/opening.ts'
import { address, alice, bob, bytesOf, identity } from '../agent/smime/parties.ts'
import { direct } from '../cli/direct.ts'
import { all, temporaryFolder, twoClinics } from './clinics.ts'
import { clinicB } from './hostile-clinic.ts'
import { withoutSockets } from './without-sockets.ts'

/**
 * What is accepted and made harmless: trusted senders can be broken into, too. Nothing that was decrypted is rendered,
 * run or fetched; names become safe; no value that is copied brings a line of its own (IN-8, IN-11, MSG-13).
 */

const sealed = (entity: string) =>
  mail(envelope(Buffer.from(signed(entity), 'utf8'), { recipientInfos: [keyTrans(bob)] }))

async function received(entity: string, log?: Log) {
  const clinics = await twoClinics({ b: await clinicB(), ...(log && { parts: { log } }) })
  clinics.post.drop(LEE, KIM, sealed(entity))
  const ehr = await temporaryFolder()
  const reports = await withoutSockets(() => all(clinics.b.receiveOnce({ deliverTo: ehr })))
  const [folder = ''] = await readdir(ehr)
  return { ...clinics, reports, folder: join(ehr, folder) }
}

/** Counts who calls. */
async function listener() {
  let calls = 0
  const server = createServer((socket) => {
    calls++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}/track`, calls: () => calls }
}

const calling = (url: string) => `Content-Type: multipart/related; boundary=r; start="<a>"

--r
Content-Type: text/html; charset=utf-8
Content-Location: ${url}/base
Content-ID: <a>

<html><head><base href="${url}"><link rel="stylesheet" href="${url}.css"><meta http-equiv="refresh" content="0;url=${url}">
<script src="${url}.js"></script><script>fetch("${url}"); require("fs").writeFileSync("/tmp/x", "")</script>
<style>@import url(${url}.css); body { background: url(${url}.png) }</style></head>
<body onload="fetch('${url}')"><img src="${url}.gif"><iframe src="${url}"></iframe><object data="${url}"></object>
<video poster="${url}"></video><a ping="${url}" href="javascript:fetch('${url}')">x</a><form action="${url}"></form></body></html>
--r
Content-Type: message/external-body; access-type=URL; URL="${url}"

Content-Type: image/png

--r
Content-Type: application/xml

<?xml version="1.0"?><?xml-stylesheet href="${url}.xsl" type="text/xsl"?><!DOCTYPE a SYSTEM "${url}.dtd" [<!ENTITY b SYSTEM "${url}">]><a>&b;</a>
--r
Content-Type: application/pkcs7-mime; smime-type=signed-data
Content-Transfer-Encoding: base64

MIIB
--r--
`

test('HTML with remote content and scripts, external bodies and XML entities: nothing is fetched or run, and the EHR gets it byte for byte (IN-8, IN-11)', async () => {
  const { url, calls } = await listener()
  const entity = wrapped({ 'List-Unsubscribe': `<${url}>` }, calling(url).replaceAll('\n', '\r\n'))
  const { reports, folder } = await received(entity)
  expect(reports).toMatchObject([{ verdict: 'accept' }])
  const inner = entity.slice(entity.indexOf('\r\n\r\n') + 4)
  expect(await readFile(join(folder, 'message.eml'), 'utf8')).toBe(inner)
  expect(calls()).toBe(0)
})

const NAMES: Readonly<Record<string, string>> = {
  'a path': '../../../etc/cron.d/x',
  'a path of Windows': 'C:\\Windows\\System32\\a.dll',
  'a share of Windows': '\\\\eve.example\\share\\a.txt',
  'an absolute path': '/etc/cron.d/job',
  'a folder that ends in a slash': 'a/b/',
  'two dots': '..',
  'a hidden file': '.profile',
  'a device': 'CON',
  'a device with an extension': 'lpt1.txt',
  'the clock of DOS': 'CLOCK$',
  'an alternate stream': 'a.txt:evil.exe',
  'a NUL before the extension': 'a.pdf\u0000.exe',
  'line ends': 'a\r\nX-Evil: 1\r\n\r\n.txt',
  'an escape sequence': '\u001b[2J\u001b]0;owned\u0007.txt',
  'a mark that turns the rest around': 'invoice\u202excod.exe',
  'isolates and marks of direction': '\u2066a\u2069\u200f\u200e\u061c.txt',
  'invisible letters': 'a\u200b\u200d\ufeff\u00ad.txt',
  'a tag of five thousand characters': `${'x'.repeat(5000)}.xml`,
  'five thousand characters of four bytes': `${'\u{1f600}'.repeat(5000)}.xml`,
  'blanks alone': '   ',
  'wildcards and quotes': '*?"<>|.txt',
  'what a shell would run': '$(reboot);`id`&.txt',
}

const percent = (name: string) =>
  encodeURIComponent(name).replace(/[()'*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)

/** RFC 2231, so that any name can be said. */
const named = (name: string, n: number) =>
  `--f\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename*=utf-8''${percent(name)}\r\n\r\ncontent ${n}\r\n`

const WITH_NAMES = wrapped(
  {},
  `Content-Type: multipart/mixed; boundary=f\r\n\r\n${Object.values(NAMES).map(named).join('')}--f--\r\n`,
)

test('attachment names with paths, devices, controls, marks of direction, thousands of characters: safe names on the disk, the original kept as data', async () => {
  const { reports, folder } = await received(WITH_NAMES)
  expect(reports).toMatchObject([{ verdict: 'accept' }])
  const files = (await readdir(join(folder, 'attachments'))).sort()
  expect(files).toHaveLength(Object.keys(NAMES).length)
  for (const [n, file] of files.entries()) {
    expect(file).toMatch(/^\d\d-[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\:*?"<>|]+$/u)
    expect(file).not.toMatch(/^\d\d-[. ]|[. ]$|^\d\d-(con|lpt1)(\.|$)/i)
    expect(Buffer.byteLength(file)).toBeLessThanOrEqual(255)
    expect(await readFile(join(folder, 'attachments', file), 'utf8')).toBe(`content ${n}`)
  }
  const delivery = JSON.parse(await readFile(join(folder, 'delivery.json'), 'utf8'))
  for (const [n, name] of Object.values(NAMES).entries())
    expect(delivery.parts[n].filename === name, name.slice(0, 40)).toBe(true)
})

test('nothing that a message says reaches the terminal as a control', async () => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'direct.yaml'), JSON.stringify(await clinicB()))
  await writeFile(join(cwd, 'sealed.eml'), sealed(WITH_NAMES))
  for (const json of [[], ['--json']]) {
    const { code, stdout, stderr } = await direct(
      ['message', 'open', '--to', LEE, '--in', 'sealed.eml', ...json],
      { cwd },
    )
    expect(code).toBe(0)
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
    expect(stdout).toContain('\\u202e')
  }
})

function recordingLog() {
  const lines: string[] = []
  const level = () => (facts: object, text: string) => {
    lines.push(...Object.values(facts).filter((value) => typeof value === 'string'), text)
  }
  return { lines, log: { info: level(), warn: level(), error: level() } satisfies Log }
}

/** Whether somebody could be fooled by a copy of it. */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

test.each<[what: string, fields: Fields, answered: boolean]>([
  [
    'a Message-ID that is folded',
    { 'Message-ID': '<1@clinic-a.example>\r\n Bcc: eve@clinic-e.example' },
    true,
  ],
  ['a Message-ID with a line separator', { 'Message-ID': '<1\u2028Bcc: eve@clinic-e.example>' }, false],
  ['a Message-ID with NEL', { 'Message-ID': '<1\u0085Bcc: eve@clinic-e.example>' }, false],
  ['a Message-ID in another script', { 'Message-ID': '<\u4f60\u597d@clinic-a.example>' }, false],
  [
    'a Message-ID of ten thousand characters',
    { 'Message-ID': `<${'a'.repeat(10_000)}@clinic-a.example>` },
    false,
  ],
  [
    'an encoded word that is a line end in its Message-ID',
    { 'Message-ID': '<=?utf-8?Q?=0D=0ABcc:_eve=40clinic-e.example?=>' },
    true,
  ],
  [
    'line ends in encoded words of its subject, and of the names of its people',
    {
      Subject: '=?utf-8?Q?a=0D=0ABcc:_eve=40clinic-e.example?=',
      From: `=?utf-8?Q?a=0D=0ABcc=3A_eve=40clinic-e.example?= <${KIM}>`,
      To: `=?utf-8?Q?=00=1B=5B2J?= <${LEE}>`,
    },
    true,
  ],
  [
    'others to notify, behind an encoded line end',
    { 'Disposition-Notification-To': `=?utf-8?Q?=0D=0A?= <eve@clinic-e.example>` },
    true,
  ],
  [
    'options with controls in words',
    {
      'Disposition-Notification-Options':
        'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,=?utf-8?Q?=0D=0A?=true',
    },
    true,
  ],
  [
    'In-Reply-To and References that are folded',
    { 'In-Reply-To': '<1>\r\n Bcc: x', References: '<1>\r\n\t<2>' },
    true,
  ],
])(
  '%s: accepted; no line of its own in the MDN, the log, the audit or the report',
  async (_, fields, answered) => {
    const { log, lines } = recordingLog()
    const { reports, post, b } = await received(wrapped(fields), log)
    expect(reports).toMatchObject([{ verdict: 'accept', from: KIM }])
    expect(post.handed).toHaveLength(answered ? 1 : 0)
    for (const { bytes, to, from } of post.handed) {
      expect([from, to]).toEqual([LEE, [KIM]])
      await using judged = await judge(bytes, { keys: [identity(alice)], recipients: [address(KIM)] })
      if (judged.trusted === null) throw new Error(judged.code)
      const mdn = (await bytesOf(judged.trusted.inner)).toString('latin1')
      const [outer = ''] = bytes.toString('latin1').split('\r\n\r\n')
      for (const text of [mdn, outer]) expect(text).not.toMatch(/^bcc:/im)
      expect(mdn.split('\r\n\r\n')[0]?.match(/^[\w-]+(?=:)/gm)).toEqual(MDN_FIELDS)
      expect(mdn.match(/^Original-Message-ID: .*$/m)?.[0]).not.toMatch(CONTROLS)
    }
    for (const line of lines) expect(line).not.toMatch(CONTROLS)
    for (const { why } of await all(b.audit())) for (const { text } of why) expect(text).not.toMatch(CONTROLS)
  },
)

const MDN_FIELDS = [
  'From',
  'To',
  'Subject',
  'Date',
  'Message-ID',
  'In-Reply-To',
  'References',
  'Auto-Submitted',
  'MIME-Version',
  'Content-Type',
]

test.each([
  ['a CR', '<1\rBcc: eve@clinic-e.example>'],
  ['a NUL', '<1\0>'],
  ['an escape sequence', '<1\u001b[2J>'],
])('a Message-ID with %s can be read in two ways: refused, and nothing is copied', async (_, messageId) => {
  const { log, lines } = recordingLog()
  const { reports, post } = await received(wrapped({ 'Message-ID': messageId }), log)
  expect(reports).toMatchObject([{ verdict: 'reject', code: 'MALFORMED' }])
  expect(post.handed).toEqual([])
  for (const line of lines) expect(line).not.toMatch(CONTROLS)
})
