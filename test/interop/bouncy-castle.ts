import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ensurePackages } from '../services/apt.ts'

const run = promisify(execFile)

const SOURCES = fileURLToPath(new URL('bouncy-castle/', import.meta.url))
const LIBRARIES = ['bcmail', 'bcpkix', 'bcprov', 'bcutil', 'javax.mail', 'javax.activation']

export interface BouncyCastle extends AsyncDisposable {
  /** What `bouncy-castle/Peer.java` answers; throws with its reason where it fails. */
  ask(request: string, fields: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>>
}

/** Compiles our few Java files into `folder`, and starts the one process that answers for all of a file's tests. */
export async function startBouncyCastle(folder: string): Promise<BouncyCastle> {
  const { java } = await ensurePackages({
    java: 'default-jre-headless',
    '/usr/share/java/bcmail.jar': 'libbcmail-java',
  })
  const path = LIBRARIES.map((name) => `/usr/share/java/${name}.jar`).join(':')
  const classes = join(folder, 'classes')
  const files = (await Array.fromAsync(glob('*.java', { cwd: SOURCES }))).map((name) => join(SOURCES, name))
  // The compiler is a module of the JRE; `javac` would be another package.
  await run(java, ['-m', 'jdk.compiler/com.sun.tools.javac.Main', '-d', classes, '-cp', path, ...files])

  const peer = spawn(java, ['-XX:TieredStopAtLevel=1', '-cp', `${classes}:${path}`, 'Peer', folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(peer, 'exit')
  const answers = createInterface({ input: peer.stdout })[Symbol.asyncIterator]()
  return {
    async ask(request, fields) {
      peer.stdin.write(`${[request, ...pairs(fields)].join('\t')}\n`)
      const { value } = await answers.next()
      const [outcome, ...found] = String(value).split('\t')
      if (outcome !== 'done') throw new Error(`BouncyCastle ${request}: ${value}`)
      return Object.fromEntries(found.map((field) => field.split(/=(.*)/s).slice(0, 2)))
    },
    async [Symbol.asyncDispose]() {
      peer.stdin.end()
      await ended
    },
  }
}

function pairs(fields: Readonly<Record<string, string>>): string[] {
  return Object.entries(fields).map(([name, value]) => `${name}=${value}`)
}
