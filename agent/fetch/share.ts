/**
 * Runs `work` once for all who want the same key at the same time. The signal of one who waits frees that one alone;
 * when nobody waits any more the work is given up, and the last to leave sees it end.
 */
export function createSharing<T>() {
  interface Running {
    readonly result: Promise<T>
    readonly controller: AbortController
    waiting: number
  }
  const running = new Map<string, Running>()

  function start(key: string, work: (signal: AbortSignal) => Promise<T>): Running {
    const controller = new AbortController()
    const entry = { result: work(controller.signal), controller, waiting: 0 }
    running.set(key, entry)
    return entry
  }

  return async (key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted()
    const entry = running.get(key) ?? start(key, work)
    entry.waiting++
    const { promise: gone, reject } = Promise.withResolvers<never>()
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([entry.result, gone])
    } finally {
      signal.removeEventListener('abort', onAbort)
      if (--entry.waiting === 0) {
        running.delete(key)
        entry.controller.abort()
        await Promise.allSettled([entry.result])
      }
    }
  }
}

/**
 * Lets at most `most` pieces of work run at once, `each` of them for one asker. The others wait their turn, unless their
 * signal calls them off; next is whoever has least under way, and of those whoever has been so for longest: who asks for
 * much does not shut out who asks for little. `whose`: an object that stands for the asker, or a name.
 */
export function createLimit(most: number, each = most) {
  interface Asker {
    readonly whose: object | string
    running: number
    readonly waiting: Set<() => void>
  }
  const askers = new Map<object | string, Asker>()
  /** Those that have work waiting and may begin some, by how much of theirs is under way. */
  const lines = Array.from({ length: each }, () => new Set<Asker>())
  let running = 0

  /** In line while it has work waiting; known while it has any. */
  function lineUp(asker: Asker): void {
    const line = lines[asker.running]
    if (asker.waiting.size > 0) line?.add(asker)
    else line?.delete(asker)
    if (asker.waiting.size + asker.running > 0) askers.set(asker.whose, asker)
    else askers.delete(asker.whose)
  }

  function count(asker: Asker, change: 1 | -1): void {
    lines[asker.running]?.delete(asker)
    asker.running += change
    running += change
    lineUp(asker)
  }

  /** Fulfilled when the place is taken. */
  function turn(asker: Asker, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => {
      asker.waiting.delete(start)
      lineUp(asker)
      reject(signal.reason)
    }
    const start = () => {
      asker.waiting.delete(start)
      signal.removeEventListener('abort', onAbort)
      count(asker, 1)
      resolve()
    }
    asker.waiting.add(start)
    lineUp(asker)
    signal.addEventListener('abort', onAbort, { once: true })
    return promise
  }

  function startNext(): void {
    while (running < most) {
      const [asker] = lines.find(({ size }) => size > 0) ?? []
      if (asker === undefined) return
      const [start] = asker.waiting
      start?.()
    }
  }

  return async <T>(work: () => Promise<T>, signal: AbortSignal, whose: object | string): Promise<T> => {
    signal.throwIfAborted()
    const asker = askers.get(whose) ?? { whose, running: 0, waiting: new Set() }
    const started = turn(asker, signal)
    startNext()
    await started
    try {
      return await work()
    } finally {
      count(asker, -1)
      startNext()
    }
  }
}
