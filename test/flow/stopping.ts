import { AsyncLocalStorage } from 'node:async_hooks'
import promises, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { Stop } from './faults.ts'

/** What is asked of the disk where several file into one folder. */
const CALLS = ['mkdir', 'open', 'readFile', 'readdir', 'rename', 'rm', 'rmdir', 'stat'] as const

const running = new AsyncLocalStorage<Process>()

/** One of several processes: what it asks of the disk and of the store are its steps, and it can be stopped before any. */
export class Process {
  /** What it did; last, what it was about to do when it was stopped. */
  readonly steps: string[] = []
  #stopBefore = 0
  #stopped = Promise.withResolvers<void>()
  #going = Promise.withResolvers<void>()
  #done: Promise<void> = Promise.resolve()

  constructor() {
    this.#going.resolve()
  }

  /** Begins with `act`, and is stopped right before its step `stopBefore`, from 1; 0: it comes to its end. */
  async run(act: () => Promise<void>, stopBefore = 0): Promise<this> {
    this.#stopBefore = stopBefore
    this.#done = running.run(this, act)
    await Promise.race([this.#stopped.promise, this.#done])
    return this
  }

  /** Is stopped once more after so many steps; 0: it comes to its end. */
  async goOn(steps = 0): Promise<void> {
    this.#stopBefore = steps === 0 ? 0 : this.steps.length + steps
    this.#stopped = Promise.withResolvers()
    this.#going.resolve()
    await Promise.race([this.#stopped.promise, this.#done])
  }

  /** Where it is stopped: nothing that it does from now on happens. */
  async kill(): Promise<void> {
    this.#going.reject(new Stop())
    await this.#done.catch(unlessStop)
  }

  async step(step: string): Promise<void> {
    // What it does side by side stops as well.
    await this.#going.promise
    this.steps.push(step)
    if (this.steps.length === this.#stopBefore) {
      this.#going = Promise.withResolvers()
      this.#stopped.resolve()
    }
    await this.#going.promise
  }
}

function unlessStop(error: unknown): void {
  if (!(error instanceof Stop)) throw error
}

/** Before what the process that does it asks of something else than the disk. */
export async function step(what: string): Promise<void> {
  await running.getStore()?.step(what)
}

/**
 * Until it is disposed of, each call of the disk is a step of the process that makes it, and `renamed` hears of each rename.
 * Nothing waits for the disk itself: no power is lost here.
 */
export function disk(renamed: () => void): Disposable {
  const originals = CALLS.map((name) => [name, promises[name]] as const)
  for (const [name, original] of originals)
    Object.assign(promises, {
      [name]: async (...args: unknown[]) => {
        const process = running.getStore()
        await process?.step(name)
        const answer: unknown = await Reflect.apply(original, promises, args)
        if (process === undefined) return answer
        if (name === 'open') (answer as FileHandle).sync = () => process.step('sync')
        if (name === 'rename') renamed()
        return answer
      },
    })
  syncBuiltinESMExports()
  return {
    [Symbol.dispose]() {
      Object.assign(promises, Object.fromEntries(originals))
      syncBuiltinESMExports()
    },
  }
}
