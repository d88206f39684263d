import { renameSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const LEAPING_CLOCK = fileURLToPath(new URL('leaping-clock.ts', import.meta.url))

/** A clock on the wall that processes share, and that is set by hand. */
export class WallClock {
  readonly #file: string
  #ahead = 0

  private constructor(file: string) {
    this.#file = file
  }

  /** It keeps its file in this folder. */
  static async in(dir: string, aheadMs = 0): Promise<WallClock> {
    const clock = new WallClock(join(await mkdtemp(join(dir, 'clock-')), 'ahead'))
    clock.leap(aheadMs)
    return clock
  }

  /** What a process has to have in its environment to go by it. */
  get env(): NodeJS.ProcessEnv {
    return { DIRECT_CLOCK_AHEAD: this.#file, NODE_OPTIONS: `--import ${LEAPING_CLOCK}` }
  }

  readonly now = (): Date => new Date(Date.now() + this.#ahead)

  leap(ms: number): void {
    this.#ahead += ms
    writeFileSync(`${this.#file}.new`, String(this.#ahead))
    renameSync(`${this.#file}.new`, this.#file)
  }
}
