import { expect, test } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { exitOfError, exitOfOpened, exitOfRoutes, exitOfSealed, exitOfSent } from '../../cli/exit.ts'

const route = (name: 'direct' | 'tls' | 'insecure' | 'undetermined') => ({ route: name })
const sent = (...results: ('accepted' | 'queued' | 'refused' | 'undetermined')[]) => ({
  messageId: '<m@a.example>',
  recipients: results.map((result) => ({
    address: 'x@b.example',
    route: 'direct' as const,
    result,
    why: [],
  })),
  warnings: [],
  planned: false,
})

test('classify: a final no outweighs an answer that is not known yet, which outweighs the rest', () => {
  expect(exitOfRoutes([route('direct'), route('tls')])).toBe(0)
  expect(exitOfRoutes([route('direct'), route('undetermined')])).toBe(75)
  expect(exitOfRoutes([route('undetermined'), route('insecure'), route('direct')])).toBe(1)
})

test('send: refused is 1; undetermined, or queued because SMTP is away, is 75', () => {
  expect(exitOfSent(sent('accepted'), false)).toBe(0)
  expect(exitOfSent(sent('accepted', 'queued'), false)).toBe(75)
  expect(exitOfSent(sent('accepted', 'undetermined'), false)).toBe(75)
  expect(exitOfSent(sent('undetermined', 'refused'), false)).toBe(1)
})

test('a plan tries nothing, so queued is done', () => {
  expect(exitOfSent(sent('queued'), true)).toBe(0)
})

test('queued because its route is not known is 75, in a plan too', () => {
  const { recipients, ...rest } = sent('accepted', 'queued')
  const waiting = { ...rest, recipients: recipients.map((one) => ({ ...one, ...route('undetermined') })) }
  expect(exitOfSent(waiting, false)).toBe(75)
  expect(exitOfSent(waiting, true)).toBe(75)
})

test('seal: 75 only if all who got no copy are undetermined', () => {
  const refused = (...routes: ('insecure' | 'undetermined')[]) => ({
    refused: routes.map((name) => ({ address: 'x@b.example', route: name, why: [] })),
  })
  expect(exitOfSealed(refused())).toBe(0)
  expect(exitOfSealed(refused('undetermined', 'undetermined'))).toBe(75)
  expect(exitOfSealed(refused('undetermined', 'insecure'))).toBe(1)
})

test('open: reject is 1, undetermined is 75', () => {
  const opened = (verdict: 'accept' | 'reject' | 'undetermined', ...each: ('accept' | 'reject')[]) => ({
    verdict,
    recipients: each.map((one) => ({ address: 'x@b.example', verdict: one, code: null })),
  })
  expect(exitOfOpened(opened('accept'))).toBe(0)
  expect(exitOfOpened(opened('reject'))).toBe(1)
  expect(exitOfOpened(opened('undetermined'))).toBe(75)
  expect(exitOfOpened(opened('accept', 'accept', 'accept'))).toBe(0)
  expect(exitOfOpened(opened('accept', 'accept', 'reject'))).toBe(1)
})

test('an error that may pass is 75 whatever its code; a wrong password will not pass', () => {
  expect(exitOfError(new DirectError('STORE_FAILED', 'locked', { temporary: true }))).toBe(75)
  expect(exitOfError(new DirectError('IMAP_UNREACHABLE', 'away'))).toBe(75)
  expect(exitOfError(new DirectError('IMAP_LOGIN', 'wrong password'))).toBe(2)
  expect(exitOfError(new DirectError('MESSAGE_INVALID', 'not a message'))).toBe(1)
})

test('message open: 75 while it is undetermined, 1 as soon as one recipient is refused', () => {
  const opened = (...recipients: ('accept' | 'reject' | 'undetermined')[]) =>
    exitOfOpened({
      verdict: 'undetermined',
      recipients: recipients.map((verdict) => ({ address: 'a@b.example', verdict, code: null })),
    })
  expect(opened('accept', 'undetermined')).toBe(75)
  expect(opened('undetermined', 'reject')).toBe(1)
})
