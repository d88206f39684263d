import { isNotification, readNotification, writeMdn } from '../../agent/mdn.ts'
import { MimeError } from '../../agent/mime/error.ts'
import { describeOpened } from '../../agent/open/report.ts'
import { readMessageHeader, readParts, safeFilename } from '../../agent/read.ts'
import { envelope, gcm, keyTrans, multipart, opaque, signedData, signerInfo } from '../agent/smime/hostile.ts'
import { header, judge, LEE, mail, signed, wrapped } from '../agent/smime/opening.ts'
import { address, alice, bob, identity, intermediate, sourceOf } from '../agent/smime/parties.ts'
import { filesOf, keysOfCorpora } from './corpora-messages.ts'
import { mutateBytes, mutateMessage } from './mutate-message.ts'
import type { Outcome, Target } from './target.ts'

/** The parsers of mail: each input ends in an answer. `MimeError` is one of a parser's, and leaves no room but its own. */

const TO_BOB = { recipientInfos: [keyTrans(bob)] }
const KEYS = [identity(bob), ...keysOfCorpora()]
const asIs = (input: Buffer) => input

const OPAQUE = opaque(
  signedData({
    content: wrapped(),
    signerInfos: [signerInfo({ content: wrapped(), signer: alice })],
    certificates: [alice, intermediate],
  }),
)
const MIXED = [
  'Content-Type: multipart/mixed; boundary="=_a"',
  '',
  'preamble',
  '--=_a',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'M=C3=BCller=20=',
  '',
  '--=_a',
  "Content-Type: application/pdf; name*0*=utf-8''a%20; name*1=b.pdf",
  'Content-Disposition: attachment; filename="=?utf-8?B?w7wucGRm?="',
  'Content-Transfer-Encoding: base64',
  '',
  'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7',
  '--=_a--',
  '',
].join('\r\n')
const MDN = Buffer.from(
  writeMdn({
    from: address(LEE),
    to: address('dr.kim@clinic-a.example'),
    originalMessageId: '<1@clinic-a.example>',
    messageId: '<2@clinic-b.example>',
    date: new Date('2026-11-21T12:00:00Z'),
    reportingUa: 'clinic-b.example; direct-agent',
    kind: 'processed',
  }),
)

async function open(message: Buffer): Promise<Outcome> {
  await using judged = await judge(message, { keys: KEYS })
  const opened = describeOpened(judged)
  if (
    opened.verdict !== 'accept' &&
    (judged.trusted !== null || opened.parts.length > 0 || opened.mdn !== 'none')
  )
    throw new Error(`${opened.verdict}, and something of it was shown`)
  return { kind: opened.code ?? opened.verdict, size: JSON.stringify(opened).length }
}

/** Whole messages as they come, from the outer header inwards. */
export const messages: Target = {
  name: 'messages',
  seeds: [
    mail(envelope(signed(), TO_BOB)),
    mail(gcm(signed(), TO_BOB)),
    mail(envelope(OPAQUE, TO_BOB)),
    ...filesOf('java-ri', /\.eml$/),
    ...filesOf('messages/nhin-d', /\.(eml|txt)$/),
    ...filesOf('thunderbird-smime', /\.eml$/),
    ...filesOf('protected-headers', /\.eml$/),
    ...filesOf('rfc4134', /\.(eml|bin)$/),
  ],
  heavy: [mail(envelope(signed(wrapped({}, MIXED.repeat(20))), TO_BOB))],
  maxSize: 4 << 20,
  mutate: mutateMessage,
  mend: asIs,
  take: open,
}

const signatures = [
  ...filesOf('openssl-cms', /\.(cms|der)$/),
  ...filesOf('rfc4134', /\.bin$/),
  ...filesOf('thunderbird-smime', /\.SHA\d+$/),
]

/** What is inside the encryption: a message that was broken outside rarely gets there. */
export const contents: Target = {
  name: 'decrypted contents',
  seeds: [
    // Most outside ones end at their first mistake, so every third is ours.
    ...Array.from({ length: 20 }, () => [signed(), signed(wrapped({}, MIXED)), OPAQUE]).flat(),
    ...signatures.flatMap((cms) => [opaque(cms), multipart(wrapped(), cms)]),
    ...filesOf('pkits/smime', /Test[123]\.eml$/),
    ...filesOf('thunderbird-smime', /sig\.SHA256.*\.eml$/),
  ].map((content) => Buffer.from(content)),
  heavy: [Buffer.from(signed(wrapped({}, MIXED.repeat(20))))],
  maxSize: 4 << 20,
  mutate: mutateMessage,
  mend: asIs,
  take: (content) => open(mail(envelope(content, TO_BOB))),
}

async function orMimeError(read: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof MimeError) return { kind: error.code, size: 0 }
    throw error
  }
}

/** What is delivered, as it is read for the EHR. */
export const mime: Target = {
  name: 'MIME',
  seeds: [
    Buffer.from(`${header()}${MIXED}`),
    ...filesOf('mail/rfc', /\.(eml|txt)$/),
    ...filesOf('mail/legacy', /\.(eml|txt)$/),
    ...filesOf('messages/nhin-d', /\.(eml|txt)$/),
  ],
  heavy: [Buffer.from(`${header()}${MIXED.repeat(50)}`)],
  maxSize: 8 << 20,
  mutate: mutateMessage,
  mend: asIs,
  take: (message) =>
    orMimeError(async () => {
      const source = sourceOf(message, 1000)
      const facts = await readMessageHeader(source)
      let size = JSON.stringify(facts).length
      let parts = 0
      for await (const { filename, read } of readParts(source)) {
        if (!/^[^/\\\p{Cc}\p{Cf}]+$/u.test(safeFilename(filename, ++parts))) throw new Error('an unsafe name')
        for await (const chunk of read()) size += chunk.length
      }
      return { kind: `${Math.min(parts, 4)} parts`, size }
    }),
}

/** MDNs and DSNs, which change what is tracked. */
export const notifications: Target = {
  name: 'notifications',
  seeds: [MDN, ...filesOf('messages/nhin-d', /(MDN|DSN).*\.txt$/)],
  heavy: [MDN],
  maxSize: 1 << 20,
  mutate: mutateBytes,
  mend: asIs,
  take: (message) =>
    orMimeError(async () => {
      const source = sourceOf(message)
      const notification = await readNotification(source)
      if ((notification === null) === isNotification(await readMessageHeader(source)))
        throw new Error('what is a notification for one is none for the other')
      if (notification === null) return { kind: 'none', size: 0 }
      for (const { detail } of notification.recipients)
        if (detail !== null && !/^[\x20-\x7e]{0,200}$/.test(detail))
          throw new Error('a detail that is not printable')
      return {
        kind: notification.recipients[0]?.disposition ?? 'nobody',
        size: JSON.stringify(notification).length,
      }
    }),
}

export const MESSAGE_TARGETS: readonly Target[] = [messages, contents, mime, notifications]
