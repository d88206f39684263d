import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Agent, createAgent } from '../../agent/index.ts'
import { clinicConfig, fingerprint, pki } from '../flow/clinics.ts'
import { type BouncyCastle, startBouncyCastle } from './bouncy-castle.ts'

const FROM = 'dr.kim@clinic-a.example'
const TO = 'dr.lee@clinic-b.example'
const HEADER = [
  `From: ${FROM}`,
  `To: ${TO}`,
  'Subject: Encrypted Message',
  'Message-ID: <shapes@clinic-a.example>',
  'Date: Sat, 21 Nov 2026 12:00:00 +0000',
  '',
]
const INNER = [
  ...HEADER.slice(0, 2),
  'Subject: inner',
  ...HEADER.slice(3),
  '=46rom here on, a line.',
  '',
].join('\r\n')

const ENTITY = `Content-Type: message/rfc822\r\n\r\n${INNER}`
/** As it must not be (MSG-2). */
const ENCODED: Readonly<Record<string, string>> = {
  base64: `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines(Buffer.from(INNER).toString('base64'), 76)}\r\n`,
  'quoted-printable': `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${INNER.replaceAll('=', '=3D')}`,
}

function lines(text: string, length: number): string {
  return text.match(new RegExp(`.{1,${length}}`, 'g'))?.join('\r\n') ?? ''
}

/** What IN-2 tolerates, as changes to a message of the usual shape. */
const SHAPES: Readonly<Record<string, (message: string) => string>> = {
  'the usual one': (message) => message,
  'application/x-pkcs7-mime': typed('application/x-pkcs7-mime; smime-type=enveloped-data; name=smime.p7m'),
  'no smime-type': typed('application/pkcs7-mime; name="smime.p7m"'),
  'no parameters': typed('application/pkcs7-mime'),
  'an odd smime-type': typed('application/pkcs7-mime; smime-type=enveloped; name="smime.p7m"'),
  'parameters unquoted, in another order': typed(
    'Application/PKCS7-MIME;name=smime.p7m;SMIME-TYPE=enveloped-data',
  ),
  'a type that a relay lost, its name in the disposition': typed(
    'application/octet-stream\r\nContent-Disposition: attachment; filename="smime.p7m"',
  ),
  'a folded type': typed('application/pkcs7-mime;\r\n\tname="smime.p7m";\r\n smime-type=enveloped-data'),
  'a type on the next line': typed('\r\n application/pkcs7-mime; smime-type=enveloped-data'),
  'no space after colons': (message) =>
    parted(message, (header) => header.replaceAll(/^([\w-]+): */gm, '$1:')),
  'line ends of LF': (message) => message.replaceAll('\r\n', '\n'),
  'a leading blank line': (message) => `\r\n${message}`,
  'a leading From line': (message) => `From dr.kim@clinic-a.example Sat Nov 21 12:00:00 2026\r\n${message}`,
  'base64 in one line': (message) => parted(message, same, unfolded),
  'base64 in lines of 4': (message) => parted(message, same, (body) => lines(unfolded(body), 4)),
  'base64 in lines of 61': (message) => parted(message, same, (body) => lines(unfolded(body), 61)),
  'base64 in lines of 4000': (message) => parted(message, same, (body) => lines(unfolded(body), 4000)),
  'base64 without a line end behind': (message) => message.trimEnd(),
}

const same = (text: string) => text
const unfolded = (body: string) => body.replaceAll(/\s/g, '')

function parted(message: string, header: (text: string) => string, body = same): string {
  const end = message.indexOf('\r\n\r\n') + 4
  return header(message.slice(0, end)) + body(message.slice(end))
}

function typed(type: string): (message: string) => string {
  return (message) =>
    parted(message, (header) => {
      const changed = header.replace(/^Content-Type:.*(\r\n[ \t].*)*/im, `Content-Type: ${type}`)
      expect(changed).toContain(type)
      return changed
    })
}

let folder: string
let agent: Agent
let bouncyCastle: BouncyCastle
const at = (name: string) => join(folder, name)
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

/** Complete messages by programs that wrote their own MIME. */
const MAKERS: Readonly<Record<string, () => Promise<void> | void>> = {
  'openssl cms': () => byOpenssl('cms'),
  'openssl cms, opaque': () => byOpenssl('cms', '-nodetach'),
  'openssl cms, streamed': () => byOpenssl('cms', '-stream'),
  'openssl smime, the older one': () => byOpenssl('smime'),
  BouncyCastle: () => byBouncyCastle('detached'),
  'BouncyCastle, opaque': () => byBouncyCastle('opaque'),
}

function byOpenssl(tool: 'cms' | 'smime', ...how: string[]): void {
  const signer = ['-signer', 'clinic-a.pem', '-inkey', 'clinic-a.key']
  openssl(tool, '-sign', '-in', 'entity', ...signer, '-binary', ...how, '-out', 'signed')
  openssl(tool, '-encrypt', '-in', 'signed', '-binary', '-aes256', '-out', 'sealed', 'clinic-b.pem')
  const entity = readFileSync(at('sealed'), 'latin1').replaceAll(/\r?\n/g, '\r\n')
  writeFileSync(at('message'), HEADER.join('\r\n') + entity)
}

async function byBouncyCastle(form: string): Promise<void> {
  writeFileSync(at('header'), HEADER.join('\r\n'))
  await bouncyCastle.ask('mail', {
    ...{ in: 'entity', header: 'header', out: 'message', form },
    ...{ signer: 'clinic-a:SHA256withRSA', more: 'clinic-b' },
    ...{ content: 'aes-128-cbc', recipients: 'clinic-b:rsa-pkcs1' },
  })
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'direct-shapes-'))
  for (const name of ['clinic-a', 'clinic-b'])
    for (const kind of ['pem', 'key']) copyFileSync(pki(`${name}.${kind}`), at(`${name}.${kind}`))
  agent = await createAgent(clinicConfig('b', at('data')), { network: false })
  bouncyCastle = await startBouncyCastle(folder)
})

afterAll(async () => {
  await bouncyCastle?.[Symbol.asyncDispose]()
  await agent[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

async function opens(message: string, what: string): Promise<void> {
  writeFileSync(at('shaped'), message, 'latin1')
  const opened = await agent.open({ path: at('shaped'), to: [TO], mailFrom: FROM })
  expect({ what, ...opened }).toMatchObject({
    what,
    verdict: 'accept',
    from: FROM,
    wrapped: true,
    innerSha256: fingerprint(Buffer.from(INNER)),
  })
}

describe.each(Object.entries(MAKERS))('messages of %s (IN-2)', (_, make) => {
  test('open in every shape', async () => {
    writeFileSync(at('entity'), ENTITY)
    await make()
    const message = readFileSync(at('message'), 'latin1')
    for (const [shape, change] of Object.entries(SHAPES)) await opens(change(message), shape)
  })

  test.each(Object.entries(ENCODED))('open where message/rfc822 is in %s', async (encoding, entity) => {
    writeFileSync(at('entity'), entity)
    await make()
    await opens(readFileSync(at('message'), 'latin1'), encoding)
  })
})
