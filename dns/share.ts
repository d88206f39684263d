import { aborted } from './resolver/transport.ts'

/**
 * Runs `work` once for all who ask for the same key at the same time. One asker's signal frees that asker alone;
 * the work is given up when nobody waits for it any more.
 */
export function createSharing<T>() {
  interface Running {
    readonly result: Promise<T>
    readonly controller: AbortController
    waiting: number
    ended: boolean
  }
  const running = new Map<string, Running>()

  function start(key: string, work: (signal: AbortSignal) => Promise<T>): Running {
    const controller = new AbortController()
    const forget = () => {
      if (running.get(key) === entry) running.delete(key)
    }
    const result = work(controller.signal).finally(() => {
      entry.ended = true
      forget()
    })
    const entry: Running = { result, controller, waiting: 0, ended: false }
    controller.signal.addEventListener('abort', forget, { once: true })
    running.set(key, entry)
    return entry
  }

  return async (key: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> => {
    if (signal?.aborted) throw aborted(signal)
    const entry = running.get(key) ?? start(key, work)
    entry.waiting++
    const { promise: gone, reject } = Promise.withResolvers<never>()
    const onAbort = () => signal && reject(aborted(signal))
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([entry.result, gone])
    } finally {
      signal?.removeEventListener('abort', onAbort)
      if (--entry.waiting === 0 && !entry.ended) entry.controller.abort()
    }
  }
}

/** Lets at most `limit` pieces of work run at once; the others wait their turn. */
export function createLimit(limit: number) {
  const queue: (() => void)[] = []
  let running = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= limit) await new Promise<void>((resolve) => queue.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      // The place passes straight to the next in line, so nobody can slip in between.
      const next = queue.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
