import { execFile } from 'node:child_process'
import { DirectError } from '../errors.ts'
import { wholeFile } from '../files/file-source.ts'
import { requirePrivate } from '../files/private-file.ts'
import { quote } from '../read/report-fields.ts'

const MOST_BYTES = 64 << 10
/** A command that asks a person would wait for ever. */
const COMMAND_MS = 30_000
/** What it had written by its end is read within that. */
const LAST_WORDS_MS = 500

/** What it is called in the configuration, where keys say from which file or command it comes. */
export type SecretKind = 'password' | 'secret' | 'token'

/** The first line of a file that its owner alone may read. Throws KEY_EXPOSED, KEY_UNREADABLE. */
export async function passwordFromFile(path: string, kind: SecretKind): Promise<string> {
  const what = `${kind} file`
  const bytes = await wholeFile(path, MOST_BYTES).catch((cause) => {
    if (!(cause instanceof DirectError && cause.code === 'FILE_UNREADABLE')) throw cause
    throw new DirectError('KEY_UNREADABLE', `the ${what} ${cause.message}`, {
      hint: 'Check the path, which in a configuration is relative to its file, and its permissions.',
      cause,
    })
  })
  await requirePrivate(path, what)
  return firstLine(bytes.toString('utf8'), `the ${what} ${path}`)
}

/**
 * The first line that a program writes, started without a shell, within `withinMs`; it is killed then. What it writes to
 * stdout is in no error and no log; of one that fails, the last line of its stderr is told. Throws KEY_UNREADABLE.
 */
export async function passwordFromCommand(
  [program = '', ...words]: readonly string[],
  {
    cwd,
    env,
    kind,
    withinMs = COMMAND_MS,
  }: {
    readonly cwd: string
    readonly env: NodeJS.ProcessEnv
    readonly kind: SecretKind
    readonly withinMs?: number
  },
): Promise<string> {
  const name = `the ${kind}Command ${program}`
  const options = { cwd, env, timeout: withinMs, killSignal: 'SIGKILL', maxBuffer: MOST_BYTES } as const
  const output = await new Promise<string>((resolve, reject) => {
    const child = execFile(program, words, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(failed(name, error, lastLine(stderr), withinMs))
    })
    // It has nobody to ask.
    child.stdin?.end()
    // What it left running in the background may have its stdout, and would be waited for.
    const hangUp = () => {
      child.stdout?.destroy()
      child.stderr?.destroy()
    }
    child.once('exit', () => setTimeout(hangUp, LAST_WORDS_MS).unref())
  })
  return firstLine(output, name)
}

/** The error itself holds what the program was given and all that it wrote. */
function failed(
  name: string,
  { code, signal, killed }: Parameters<ExecCallback>[0] & object,
  said: string,
  withinMs: number,
): DirectError {
  const why =
    code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER'
      ? `wrote more than ${MOST_BYTES} bytes`
      : killed
        ? `was not done within ${withinMs / 1000} seconds`
        : typeof code === 'string'
          ? `cannot be started (${code})`
          : signal
            ? `was ended by ${signal}`
            : `failed with exit code ${code}`
  return new DirectError('KEY_UNREADABLE', said === '' ? `${name} ${why}` : `${name} ${why}: ${said}`, {
    hint: 'It is a list of words, the program first; run it by hand as the user that runs direct-agent, in the folder of the configuration.',
  })
}

type ExecCallback = NonNullable<Parameters<typeof execFile>[3]>

/** Why the owner's own command failed, by its own words. */
function lastLine(stderr: string): string {
  return quote(
    stderr
      .trim()
      .split(/[\r\n]+/)
      .at(-1)
      ?.trim() ?? '',
  )
}

function firstLine(text: string, name: string): string {
  const [line = ''] = text.split(/\r?\n/, 1)
  if (line !== '') return line
  throw new DirectError('KEY_UNREADABLE', `${name} gives nothing: its first line is empty`, {
    hint: 'The password, token or secret is the first line, without its line end.',
  })
}
