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

/** Lets at most `most` pieces of work run at once. The others wait their turn, unless their signal calls them off. */
export function createLimit(most: number) {
  const queue = new Set<() => void>()
  let running = 0

  function turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => {
      queue.delete(start)
      reject(signal.reason)
    }
    const start = () => {
      queue.delete(start)
      signal.removeEventListener('abort', onAbort)
      resolve()
    }
    queue.add(start)
    signal.addEventListener('abort', onAbort, { once: true })
    return promise
  }

  return async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted()
    if (running >= most) await turn(signal)
    else running++
    try {
      return await work()
    } finally {
      // The place passes straight to the next in line, so that nobody slips in between.
      const [next] = queue
      if (next === undefined) running--
      else next()
    }
  }
}
