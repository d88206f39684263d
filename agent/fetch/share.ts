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
 * signal calls them off; next is whoever has least under way, then whoever waited longest since its last turn: who asks
 * for much does not shut out who asks for little. `whose`: any object that stands for the asker.
 */
export function createLimit(most: number, each = most) {
  interface Asker {
    running: number
    lastTurn: number
  }
  const askers = new WeakMap<object, Asker>()
  const queue = new Map<() => void, Asker>()
  let running = 0
  let turns = 0

  function askerOf(whose: object): Asker {
    const asker = askers.get(whose) ?? { running: 0, lastTurn: 0 }
    askers.set(whose, asker)
    return asker
  }

  /** Fulfilled when the place is taken. */
  function turn(asker: Asker, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => {
      queue.delete(start)
      reject(signal.reason)
    }
    const start = () => {
      queue.delete(start)
      signal.removeEventListener('abort', onAbort)
      running++
      asker.running++
      asker.lastTurn = ++turns
      resolve()
    }
    queue.set(start, asker)
    signal.addEventListener('abort', onAbort, { once: true })
    return promise
  }

  function startNext(): void {
    while (running < most) {
      const [first, ...others] = [...queue].filter(([, asker]) => asker.running < each)
      if (first === undefined) return
      const [start] = others.reduce((best, one) => (isBefore(one[1], best[1]) ? one : best), first)
      start()
    }
  }

  return async <T>(work: () => Promise<T>, signal: AbortSignal, whose: object): Promise<T> => {
    signal.throwIfAborted()
    const asker = askerOf(whose)
    const started = turn(asker, signal)
    startNext()
    await started
    try {
      return await work()
    } finally {
      running--
      asker.running--
      startNext()
    }
  }

  function isBefore(one: Asker, other: Asker): boolean {
    return one.running === other.running ? one.lastTurn < other.lastTurn : one.running < other.running
  }
}
