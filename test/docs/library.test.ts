import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ts from 'typescript'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** What the snippets of the docs take from the EHR around them. */
const AROUND = `
import type { Agent, Draft } from 'direct-agent'
declare const agent: Agent, draft: Draft, signal: AbortSignal, book: AsyncIterable<string>
declare const show: (...facts: unknown[]) => void
declare const askAgainAt: (time: Date) => void
declare const administratorSees: (code: string, text: string) => void
declare const tryAgainLater: (code: string) => void
declare const hsm: {
  sign(...facts: unknown[]): Promise<Uint8Array>
  decrypt(...facts: unknown[]): Promise<Uint8Array | null>
}
declare const ehr: {
  open(...facts: unknown[]): Promise<{ id: string; file(name: string | null, type: string, bytes: AsyncIterable<Uint8Array>): Promise<void> }>
  file(message: unknown): Promise<void>
  lastEvent(): Promise<number>
  rememberEvent(id: number): Promise<void>
  arrived(id: string | null, address: string | null): Promise<void>
  tellSender(...facts: unknown[]): Promise<void>
}
`

interface Snippet {
  readonly name: string
  readonly code: string
}

function snippets(file: string): readonly Snippet[] {
  const blocks = readFileSync(join(ROOT, file), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)
  return [...blocks].map(([, code = ''], i) => ({ name: `${file} block ${i + 1}`, code }))
}

/** Blocks that declare an agent of their own stand alone. */
function moduleOf({ code }: Snippet): string {
  return /const agent = |await using agent = /.test(code)
    ? `${AROUND.replace('agent: Agent, ', '')}${code}`
    : AROUND + code
}

function typeErrors(files: ReadonlyMap<string, string>): readonly string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(
    { ...config.compilerOptions, noUnusedLocals: false, paths: { 'direct-agent': ['./agent/index.ts'] } },
    ROOT,
  )
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists } = host
  host.fileExists = (name) => files.has(name) || fileExists(name)
  host.getSourceFile = (name, language, ...rest) => {
    const text = files.get(name)
    return text === undefined
      ? getSourceFile.call(host, name, language, ...rest)
      : ts.createSourceFile(name, text, language)
  }
  const program = ts.createProgram([...files.keys()], options, host)
  // Of the snippets alone: what they take from the library is checked by `npm run types`.
  return [...files.keys()]
    .map((name) => program.getSourceFile(name))
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    )
}

test('every TypeScript snippet of the README and of docs/library.md type-checks', () => {
  const all = [...snippets('README.md'), ...snippets('docs/library.md')]
  expect(all.length).toBeGreaterThan(6)
  const files = all.map((snippet, i): [string, string] => [join(ROOT, `snippet-${i}.ts`), moduleOf(snippet)])
  expect(typeErrors(new Map(files))).toEqual([])
  // It compiles the library as well, and the machine may have other work.
}, 180_000)

/** Where each key of a shape stands, as `mailboxes[].imap`; a type, to be compared with another one. */
const KEYS_OF = `
type KeysOf<T, At extends string = ''> =
  T extends string | number | boolean | ((...args: never) => unknown) | undefined ? At
  : T extends readonly (infer Item)[] ? KeysOf<Item, \`\${At}[]\`>
  : string extends keyof T ? KeysOf<T[string], \`\${At}.*\`>
  : 'sign' extends keyof T ? At
  : At | { [Key in keyof T & string]-?: KeysOf<Exclude<T[Key], undefined>, \`\${At}.\${Key}\`> }[keyof T & string]
`

test('Configuration has the keys of the schema and no other, and is the type of every example in docs/configuration.md', () => {
  const page = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8')
  const examples = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => parse(text) as unknown)
  expect(examples.length).toBeGreaterThan(5)
  const head = "import type { Configuration } from 'direct-agent'\n"
  const files = examples.map((example, i): [string, string] => [
    join(ROOT, `example-${i}.ts`),
    `${head}export const example: Configuration = ${JSON.stringify(example)}\n`,
  ])
  const keys = `${head}${KEYS_OF}
import type { z } from 'zod'
import type { configuration } from './agent/config/schema.ts'
type Schema = KeysOf<z.input<typeof configuration>>
export const missing: Exclude<Schema, KeysOf<Configuration>> extends never ? true : Exclude<Schema, KeysOf<Configuration>> = true
export const unknown: Exclude<KeysOf<Configuration>, Schema> extends never ? true : Exclude<KeysOf<Configuration>, Schema> = true
export const some: 'mailboxes' extends keyof Configuration ? Extract<Schema, '.mailboxes[].imap'> : never = '.mailboxes[].imap'
`
  expect(typeErrors(new Map([...files, [join(ROOT, 'keys.ts'), keys]]))).toEqual([])
  const wrong = `${head}export const wrong: Configuration = { mailboxes: [{ imapp: 'imap://127.0.0.1' }] }\n`
  expect(typeErrors(new Map([[join(ROOT, 'wrong.ts'), wrong]]))).toEqual([expect.stringContaining('imapp')])
}, 180_000)

test('whoever writes a part of his own can name what its functions take and give', () => {
  const parts = `
import type * as D from 'direct-agent'
class OwnSmtp implements D.SmtpClient {
  async submit(server: D.MailServer, { to }: D.Submission, signal?: AbortSignal): Promise<readonly D.RecipientOutcome[]> {
    const token: D.AccessToken | undefined = server.token
    return to.map((address) => ({ address, outcome: 'temporary', reply: String(token ?? signal?.aborted) }))
  }
  async proveTls(_: D.MailServer): Promise<D.TlsProof> { return { proved: false, temporary: true, text: '' } }
}
class OwnResolver implements D.Resolver {
  async resolve(name: string, type: D.RecordType): Promise<D.Answer> {
    const records: D.AnswerRecord[] = [], tries: D.FailedTry[] = []
    throw new Error(name + type + records.length + tries.length)
  }
}
class OwnDirectory implements D.LdapClient {
  search(server: D.LdapServer, question: D.LdapQuestion, options: D.LdapSearchOptions): Promise<D.LdapAnswer> {
    throw new Error(String([server, question, options]))
  }
}
export const fetch: D.GuardedFetch = async (request: D.FetchRequest): Promise<D.Fetched> => {
  const not: D.NotFetched | null = null
  throw new Error(request.url + not)
}
export const uids = (folder: D.ImapFolder, some: D.SomeUids) => folder.uids(some)
export const parts: D.Parts = { smtp: new OwnSmtp(), resolver: new OwnResolver(), ldap: new OwnDirectory(), fetch }
export const listen: D.HostPort = { host: '127.0.0.1', port: 0 }
export const place = ({ evidence }: D.Recipient): readonly D.Place['place'][] => evidence.map(({ place }) => place)
export const content: D.ContentCipher = 'aes-256-gcm', no: D.NotAnAddress | null = null
`
  expect(typeErrors(new Map([[join(ROOT, 'parts.ts'), parts]]))).toEqual([])
}, 180_000)

test('the table of errors in docs/library.md has every code that can be thrown, and no other', () => {
  const [, union = ''] =
    /export type DirectErrorCode =\n(.*?)\n\n/s.exec(readFileSync(join(ROOT, 'agent/errors.ts'), 'utf8')) ??
    []
  const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code)
  const [, section = ''] =
    /\n## Errors\n(.*)/s.exec(readFileSync(join(ROOT, 'docs/library.md'), 'utf8')) ?? []
  const cells = [...section.matchAll(/^\| (`[A-Z_`, ]+`) \|/gm)].map(([, cell = '']) => cell)
  const told = cells.flatMap((cell) => cell.match(/[A-Z_]+/g) ?? [])
  expect(told.toSorted()).toEqual(codes.toSorted())
})

test('the test of docs/library.md runs as it stands', async () => {
  const [own] = snippets('docs/library.md').filter(({ code }) => code.includes('node:assert'))
  const dir = await mkdtemp(join(tmpdir(), 'direct-docs-'))
  onTestFinished(() => rm(dir, { recursive: true, maxRetries: 10 }))
  const file = join(dir, 'test.ts')
  const library = new URL('../../agent/index.ts', import.meta.url).href
  await writeFile(file, own?.code.replace("'direct-agent'", `'${library}'`) ?? '')
  await promisify(execFile)(process.execPath, [file], { cwd: join(ROOT, 'fixtures/pki') })
})
