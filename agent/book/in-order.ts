import { DirectError } from '../errors.ts'

export interface InOrderOptions {
  /** Most items that have been taken from the source and not yet been handed out: what bounds the memory. */
  readonly ahead: number
  readonly signal?: AbortSignal | undefined
}

interface Started<R> {
  readonly result: Promise<R>
  settled: boolean
}

/**
 * Works on the items of a source of any length side by side, and hands out what came of each in their order, as soon as
 * its turn has come: also while the source has nothing more to say for now. Where the source throws, what it gave before
 * is handed out first. Work that nobody waits for any more is given up. Throws what `work` throws, and ABORTED.
 */
export async function* inOrder<T, R>(
  source: Iterable<T> | AsyncIterable<T>,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  { ahead, signal }: InOrderOptions,
): AsyncGenerator<R, void, void> {
  const over = new AbortController()
  const started: Started<R>[] = []
  const items = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  const reading = { now: false, ended: false, failures: [] as unknown[] }
  let wake = () => {}

  /** Takes items while there is room for them. */
  async function read(): Promise<void> {
    reading.now = true
    try {
      while (started.length < ahead && !over.signal.aborted) {
        const next = await items.next()
        if (next.done) {
          reading.ended = true
          break
        }
        start(next.value)
        wake()
      }
    } catch (error) {
      reading.ended = true
      reading.failures.push(error)
    } finally {
      reading.now = false
      wake()
    }
  }

  function start(item: T): void {
    const one = { result: work(item, over.signal), settled: false }
    const settle = () => {
      one.settled = true
      wake()
    }
    one.result.then(settle, settle)
    started.push(one)
  }

  const stop = () => {
    over.abort(signal?.reason)
    wake()
  }
  signal?.addEventListener('abort', stop, { once: true })
  try {
    for (;;) {
      if (signal?.aborted) throw givenUp(signal)
      if (!reading.now && !reading.ended && started.length < ahead) void read()
      const [first] = started
      if (first?.settled) {
        started.shift()
        yield await first.result
      } else if (first === undefined && reading.ended) {
        break
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    for (const error of reading.failures) throw error
  } finally {
    signal?.removeEventListener('abort', stop)
    over.abort()
    const returned = Promise.resolve(items.return?.())
    // One that is waited for in vain (a terminal, a pipe) does not hear that it may go.
    if (reading.now) returned.catch(() => {})
    else await returned
    await Promise.allSettled(started.map(({ result }) => result))
  }
}

function givenUp({ reason }: AbortSignal): DirectError {
  return new DirectError('ABORTED', 'the addresses were given up', { temporary: true, cause: reason })
}
