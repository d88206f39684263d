import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ScriptedSmtp, scriptedSmtp } from '../mailbox/scripted-smtp.ts'
import { type ServerCertificate, serverCertificate } from '../services/certificates.ts'
import { type CliClinics, KIM, LEE, reached, startClinics, states } from './cli-clinic.ts'

/** No certificate, in a domain that has a name server. */
const PARTNER = 'mom@clinic-b.example'

let certificate: ServerCertificate
let stranger: ServerCertificate
let clinics: CliClinics
let partner: ScriptedSmtp
let misnamed: ScriptedSmtp
let plain: ScriptedSmtp
let limited: ScriptedSmtp
beforeAll(async () => {
  certificate = await serverCertificate(['IP:127.0.0.1'])
  stranger = await serverCertificate(['DNS:elsewhere.example'])
  clinics = await startClinics({ tls: certificate })
  partner = await scriptedSmtp({ tls: certificate, extensions: ['8BITMIME'] })
  misnamed = await scriptedSmtp({ tls: stranger })
  plain = await scriptedSmtp()
  // One recipient per transaction: 452 to every further one (RFC 5321 4.5.3.1.10).
  limited = await scriptedSmtp({
    tls: certificate,
    answer: (line, { lines }) => {
      const since = lines.slice(lines.findLastIndex((said) => /^MAIL/i.test(said)))
      return /^RCPT/i.test(line) && since.filter((said) => /^RCPT/i.test(said)).length > 1
        ? '452 too many recipients'
        : undefined
    },
  })
})
afterAll(async () => {
  for (const server of [partner, misnamed, plain, limited, clinics, certificate, stranger])
    await server?.[Symbol.asyncDispose]()
})

/** Clinic A with that domain on its list of secured ones, reached at this server. */
function withPartner(name: string, server: ScriptedSmtp, ca: ServerCertificate): Promise<string> {
  const entry = `{ domain: clinic-b.example, server: 'smtp://127.0.0.1:${server.port}', ca: '${ca.certificate}' }`
  return clinics.a.variant(name, {
    'tlsDomains: []': `tlsDomains: [${entry}]`,
  })
}

describe('our own servers', () => {
  test('smtp:// with a CA goes by STARTTLS, imaps:// by TLS from the start, both ways', async () => {
    const { a, b } = clinics
    const yaml = await readFile(join(a.dir, 'direct.yaml'), 'utf8')
    expect(yaml).toMatch(/imaps:\/\//)
    const [sent] = await a.json(['send', '--from', KIM, '--to', LEE, '--text', 'By TLS.'])
    expect(sent?.recipients).toMatchObject([{ result: 'accepted' }])
    await using _atA = a.daemon('--deliver', 'ehr')
    await using _atB = b.daemon('--deliver', 'ehr')
    await reached(a, String(sent?.messageId), 'processed')
    expect(await readFile(clinics.mail.smtp.logFile, 'utf8')).toMatch(/starttls=1 mail=1 rcpt=1 data=1/)
  })

  test('with a CA that is not theirs nothing is sent: the message is kept and TLS is named', async () => {
    const { a } = clinics
    const config = await a.variant('wrong-ca.yaml', {
      [`${clinics.mail.smtp.port}", ca: ${certificate.certificate}`]: `${clinics.mail.smtp.port}", ca: ${stranger.certificate}`,
    })
    const [sent] = await a.json(['send', '--config', config, '--from', KIM, '--to', LEE, '--text', 'x'], 75)
    expect(sent?.recipients).toMatchObject([
      {
        result: 'queued',
        why: [{ code: 'SMTP_TEMPORARY', text: expect.stringMatching(/TLS.*self-signed/) }],
      },
    ])
    expect(await states(a, String(sent?.messageId))).toEqual({ [LEE]: 'queued' })
  })

  test('with a CA that is not theirs no mail is fetched: one line, a hint, 2', async () => {
    const { a } = clinics
    const config = await a.variant('wrong-imap-ca.yaml', {
      [`, ca: ${certificate.certificate}, addresses`]: `, ca: ${stranger.certificate}, addresses`,
    })
    const said = await a.run(['receive', '--once', '--out', 'none', '--config', config])
    expect(said).toMatchObject({ code: 2, stdout: '' })
    expect(said.stderr.replace(/^direct: note: .*\n/gm, '')).toMatch(
      /^direct: no TLS with 127\.0\.0\.1:\d+: .*\ndirect: hint: .*ca\.\n$/,
    )
  })
})

describe('the tls route', () => {
  test('goes straight to the partner over TLS with a valid certificate, and hands over the inner message', async () => {
    const { a } = clinics
    const config = await withPartner('partner.yaml', partner, certificate)
    const [answer] = await a.json(['classify', '--config', config, '--from', KIM, PARTNER])
    expect(answer).toMatchObject({ route: 'tls', directCapable: false })
    const [sent] = await a.json([
      'send',
      '--config',
      config,
      '--from',
      KIM,
      '--to',
      PARTNER,
      LEE,
      '--subject',
      'Für Sie',
      '--text',
      'Grüße',
    ])
    expect(sent?.recipients).toMatchObject([
      { address: PARTNER, route: 'tls', result: 'accepted' },
      { address: LEE, route: 'direct', result: 'accepted' },
    ])
    const [message] = partner.sessions.flatMap(({ messages }) => messages)
    expect(message).toContain(`Message-ID: ${sent?.messageId}`)
    expect(partner.sessions.filter(({ messages }) => messages.length > 0).map(({ tls }) => tls)).toEqual([
      true,
    ])
    const lines = partner.sessions.at(-1)?.lines.join('\n')
    expect(lines).toContain(`MAIL FROM:<${KIM}>`)
    expect(lines).toContain(`RCPT TO:<${PARTNER}>`)
    expect(lines).not.toContain(LEE)
  })

  test('gives each recipient the whole message where the server takes one at a time (452)', async () => {
    const { a } = clinics
    const config = await withPartner('limited.yaml', limited, certificate)
    const to = ['one', 'two', 'three'].map((name) => `${name}@clinic-b.example`)
    const [sent] = await a.json([
      'send',
      '--config',
      config,
      '--from',
      KIM,
      '--to',
      ...to,
      '--text',
      'x'.repeat(500),
    ])
    expect(sent?.recipients).toMatchObject(
      to.map((address) => ({ address, route: 'tls', result: 'accepted' })),
    )
    const messages = limited.sessions.flatMap(({ messages }) => messages)
    expect(messages).toHaveLength(3)
    expect(new Set(messages).size).toBe(1)
    expect(messages[0]).toContain('x'.repeat(60))
  })

  test.each([
    ['a certificate for another name', () => misnamed, () => stranger],
    ['a certificate of another CA', () => partner, () => stranger],
    ['no TLS', () => plain, () => certificate],
  ] as const)('%s is insecure, 1, and nothing is said in the clear', async (name, server, ca) => {
    const { a } = clinics
    const config = await withPartner(`${name.replaceAll(' ', '-')}.yaml`, server(), ca())
    const before = server().sessions.flatMap(({ messages }) => messages).length
    const [answer] = await a.json(['classify', '--config', config, '--from', KIM, PARTNER], 1)
    expect(answer).toMatchObject({
      route: 'insecure',
      why: [{ code: 'TLS_NOT_PROVED' }, { code: 'NO_CERTIFICATE' }],
    })
    const [sent] = await a.json(
      ['send', '--config', config, '--from', KIM, '--to', PARTNER, '--text', 'x'],
      1,
    )
    expect(sent?.recipients).toMatchObject([{ result: 'refused' }])
    expect(server().sessions.flatMap(({ messages }) => messages)).toHaveLength(before)
    for (const { lines, tls } of server().sessions.filter(({ tls }) => !tls))
      expect(
        lines.filter((line) => /^(MAIL|RCPT|DATA)/i.test(line)),
        String(tls),
      ).toEqual([])
  })

  test('a partner that is away is undetermined: 75, and nothing is kept', async () => {
    const { a } = clinics
    const gone = await scriptedSmtp()
    const config = await withPartner('gone.yaml', gone, certificate)
    await gone[Symbol.asyncDispose]()
    const [sent] = await a.json(
      ['send', '--config', config, '--from', KIM, '--to', PARTNER, '--text', 'x'],
      75,
    )
    expect(sent?.recipients).toMatchObject([
      { result: 'undetermined', why: [{ code: 'TLS_NOT_PROVED' }, {}] },
    ])
    expect(await a.run(['status', String(sent?.messageId)])).toMatchObject({ code: 1, stdout: '' })
  })
})
