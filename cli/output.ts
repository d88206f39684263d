import { DirectError } from '../agent/errors.ts'
import { printable } from './printable.ts'

/**
 * The two streams: stdout is the answer, stderr is talk. When whoever reads stdout has gone (EPIPE), the rest of
 * the answer is dropped and the command goes on to its end: a message half sent would be worse than a line unread.
 */
export class Output {
  readonly #said = new Set<string>()
  readonly #atEnd = new Set<string>()
  #progressShown = false
  #closed = false
  #unwritten: DirectError | null = null

  constructor() {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#closed = true
      if (error.code !== 'EPIPE') this.#unwritten ??= unwritten(error)
    })
    // With stderr gone there is nobody to tell.
    process.stderr.on('error', () => {})
  }

  /** True once nobody reads the answer any more; what only prints may stop then. */
  get closed(): boolean {
    return this.#closed
  }

  /** A line of the answer, or several. */
  async line(text: string): Promise<void> {
    if (this.#closed) return
    // A file or a pipe does not disturb what is shown.
    if (process.stdout.isTTY) this.#clearProgress()
    if (!process.stdout.write(`${text}\n`)) await drained()
  }

  /** A fact beside the answer; the same one is told once. */
  note(text: string): void {
    if (this.#said.has(text)) return
    this.#said.add(text)
    this.talk(`direct: note: ${printable(text)}`)
  }

  /** Why something beside the answer is not known: told at the end, unless the command fails by the same. */
  noteAtEnd(text: string): void {
    this.#atEnd.add(text)
  }

  /** What the command fails by. */
  fail(message: string): void {
    this.#atEnd.delete(message)
    this.talk(`direct: ${printable(message)}`)
  }

  talk(line: string): void {
    this.#clearProgress()
    process.stderr.write(`${line}\n`)
  }

  /** What is being done now: one line that the next one replaces, on a terminal only. */
  progress(text: string): void {
    if (!process.stderr.isTTY) return
    const width = Math.max(20, (process.stderr.columns || 80) - 1)
    process.stderr.write(`\r\u001b[K${printable(text).slice(0, width)}`)
    this.#progressShown = true
  }

  /** Call at the end: everything written has been handed to the system, or FILE_UNWRITABLE says why not. */
  async flush(): Promise<DirectError | null> {
    this.#clearProgress()
    for (const text of this.#atEnd) this.note(text)
    // Not `drain`: that comes only where a write was told to wait.
    if (!this.#closed) await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
    return this.#unwritten
  }

  #clearProgress(): void {
    if (this.#progressShown) process.stderr.write('\r\u001b[K')
    this.#progressShown = false
  }
}

/** Why what was answered did not arrive: no reader who has gone, but a disk, say. */
function unwritten(error: NodeJS.ErrnoException): DirectError {
  return new DirectError('FILE_UNWRITABLE', `the answer cannot be written (${error.code})`, {
    hint: 'See where stdout goes: a full disk, a folder that may not be written to.',
    cause: error,
  })
}

/** Fulfilled when stdout takes more, or never will again. */
function drained(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      process.stdout.off('drain', done).off('error', done)
      resolve()
    }
    process.stdout.on('drain', done).on('error', done)
  })
}
