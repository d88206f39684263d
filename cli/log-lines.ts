import { writeSync } from 'node:fs'

/** Of lines that nobody takes so many bytes are kept, and no more. */
const MOST_BYTES = 1024 * 1024
/** Between two looks at whether somebody takes them. */
const LOOK_MS = 100
/** How long an end waits for them. */
const END_MS = 1000

const LINE_END = Buffer.from('\n')

/** As `fs.writeSync`: how many bytes were taken. */
type Write = (fd: number, bytes: Buffer) => number

interface Waiting {
  readonly bytes: Buffer
  /** Lines of the log that are lost with it. */
  readonly lines: number
  /** What was before it of its line has been taken. */
  readonly isRest?: boolean
}

/**
 * Writes lines to a file, a pipe or a socket at once, as far as it takes them. Whoever reads a log may rest or go, and its disk
 * may be full: nothing waits for that and nothing ends by it. What cannot be kept is lost, and the next line that is taken is
 * one that says so.
 */
export class LogLines implements AsyncDisposable {
  readonly #fd: number
  readonly #lossLine: (lines: number) => string
  readonly #write: Write
  readonly #waiting: Waiting[] = []
  #bytes = 0
  #lost = 0
  /** What was taken last ends in the midst of a line. */
  #isCut = false
  #timer: NodeJS.Timeout | null = null

  /** `fd` does not block. `lossLine`: says that so many lines are missing. */
  constructor(fd: number, lossLine: (lines: number) => string, write: Write = writeSync) {
    this.#fd = fd
    this.#lossLine = lossLine
    this.#write = write
  }

  /** `line` with its end. Lines that were lost stand together: none is kept until those before have been taken. */
  write(line: string): void {
    const bytes = Buffer.from(line)
    const isFull = this.#lost > 0 || this.#bytes + bytes.length > MOST_BYTES
    if (this.#waiting.length > 0 && isFull) {
      this.#lost++
      return
    }
    if (this.#lost > 0) {
      this.#keep({ bytes: Buffer.from(this.#lossLine(this.#lost)), lines: this.#lost })
      this.#lost = 0
    }
    this.#keep({ bytes, lines: 1 })
    if (this.#timer === null) this.#hand()
  }

  /** What is taken within a second; the rest is lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    const until = performance.now() + END_MS
    while (this.#waiting.length > 0 && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }

  #keep(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.#bytes += waiting.bytes.length
  }

  #hand(): void {
    this.#timer = null
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      let written: number
      try {
        if (this.#isCut) this.#write(this.#fd, LINE_END)
        this.#isCut = false
        written = this.#write(this.#fd, first.bytes)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
          this.#timer = setTimeout(() => this.#hand(), LOOK_MS).unref()
          return
        }
        // Nobody reads any more, or the disk is full: the next line is tried again.
        this.#isCut ||= first.isRest === true
        this.#lost += this.#waiting.reduce((sum, { lines }) => sum + lines, 0)
        this.#waiting.length = 0
        this.#bytes = 0
        return
      }
      this.#bytes -= written
      if (written < first.bytes.length)
        this.#waiting[0] = { lines: first.lines, bytes: first.bytes.subarray(written), isRest: true }
      else this.#waiting.shift()
    }
  }
}
