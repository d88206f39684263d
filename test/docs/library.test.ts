import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ts from 'typescript'
import { expect, onTestFinished, test } from 'vitest'

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

test('the test of docs/library.md runs as it stands', async () => {
  const [own] = snippets('docs/library.md').filter(({ code }) => code.includes('node:assert'))
  const dir = await mkdtemp(join(tmpdir(), 'direct-docs-'))
  onTestFinished(() => rm(dir, { recursive: true, maxRetries: 10 }))
  const file = join(dir, 'test.ts')
  const library = new URL('../../agent/index.ts', import.meta.url).href
  await writeFile(file, own?.code.replace("'direct-agent'", `'${library}'`) ?? '')
  await promisify(execFile)(process.execPath, [file], { cwd: join(ROOT, 'fixtures/pki') })
})
