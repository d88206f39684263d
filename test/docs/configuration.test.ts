import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { settingsOf } from '../../agent/config/load.ts'
import { configuration } from '../../agent/config/schema.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/configuration.md', import.meta.url)), 'utf8')
/** The first one is as whole as one can be; the others show what is given in the place of something in it. */
const examples = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => parse(text) as unknown)
/** The first cells of the tables; `a[].b`, `c` in one cell is both. */
const documented = [...page.matchAll(/^\| (`[^|]*`) \|(.*)$/gm)].flatMap(([, cell = '', rest = '']) =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, key = '']) => ({
    key,
    // Functions, which no file can hold.
    ofLibrary: /^ \*library\*/.test(rest),
  })),
)

const load = (input: unknown) => settingsOf(input, { origin: 'the page', dir: '/', env: {} })

/** `mailboxes[].imap`, for every key of the schema. */
function keysOf(schema: z.core.$ZodType, path = ''): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return keysOf(schema.def.innerType, path)
  if (schema instanceof z.ZodArray) return keysOf(schema.element, `${path}[]`)
  if (!(schema instanceof z.ZodObject)) return [path.replace(/\[\]$/, '')]
  return Object.entries(schema.shape).flatMap(([key, value]) =>
    keysOf(value as z.core.$ZodType, path === '' ? key : `${path}.${key}`),
  )
}

const known = keysOf(configuration)

test('docs/configuration.md describes every key of the schema, and no other', () => {
  const names = documented.map(({ key }) => (key === 'ca' ? 'mailboxes[].ca' : key))
  expect(known.filter((key) => !names.includes(key))).toEqual([])
  const groups = names.filter((name) => !known.includes(name))
  expect(groups.filter((name) => !known.some((key) => key.startsWith(`${name}[]`)))).toEqual([])
})

test('its examples are configurations, and show every key that is built', () => {
  for (const example of examples) expect(() => load(example)).not.toThrow()
  const has = (value: unknown, [name = '', ...rest]: string[]): boolean => {
    const next = (value as Record<string, unknown> | undefined)?.[name]
    if (rest.length === 0) return next !== undefined
    return Array.isArray(next) ? next.some((item) => has(item, rest)) : has(next, rest)
  }
  const built = known.filter((key) => !documented.some((one) => one.key === key && one.ofLibrary))
  const shown = (key: string) => examples.some((example) => has(example, key.replaceAll('[]', '').split('.')))
  expect(built.filter((key) => !shown(key))).toEqual([])
})

test('what the page calls the default is the default', () => {
  const settings = load({})
  expect(settings).toMatchObject({
    dataDir: '/data',
    revocation: 'require',
    dns: { servers: undefined, timeoutMs: 3000 },
    network: { allowPrivate: false },
    algorithms: {
      keyTransport: 'rsa-oaep-sha256',
      content: 'aes-256-cbc',
      digest: 'sha-256',
      signature: 'rsa-pkcs1',
    },
    legacy: { sha1From: [], tripleDesFrom: [], subjectEmail: false },
    notifications: { timeoutMs: 3_600_000, failureNotice: true, perCorrespondentPerHour: 20_000 },
    receive: { unwrapped: 'accept', envelopeRecipients: 'warn', mailFrom: 'refuse', senderOnlyFrom: [] },
  })
  const [entry] = load({ trust: [{ for: '*', bundles: [{ url: 'https://bundles.example/a.p7b' }] }] }).trust
  expect(entry).toMatchObject({ direction: 'both', bundles: [{ signedBy: undefined, refreshHours: 24 }] })
  const [mailbox] = load({ mailboxes: [{ imap: 'imap://mail.example' }] }).mailboxes
  expect(mailbox).toMatchObject({ folder: 'INBOX', asideFolder: 'Direct-Refused', pollSeconds: 30 })
})
