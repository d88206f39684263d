import type { Store, StoreFigures } from '../../store/index.ts'
import { DirectError, type DirectErrorCode } from '../errors.ts'

/** Less than what Prometheus waits for an answer, 10 s. */
const PATIENCE_MS = 8000

/** What the store says of itself. */
export type Figures = StoreFigures & {
  readonly deliveries: Awaited<ReturnType<Store['deliveries']['figures']>>
}

/** What is asked of stores just now: one that hangs is not asked anew by each who wants to know how it does. */
const underWay = new WeakMap<() => Promise<Store>, Promise<Figures>>()

/** Its figures, or the code of what is wrong with it: whoever asks how it does is not to wait for one that hangs. */
export async function askStore(
  store: () => Promise<Store>,
  patienceMs: number = PATIENCE_MS,
): Promise<
  | { readonly figures: Figures; readonly failure: null }
  | { readonly figures: null; readonly failure: DirectErrorCode }
> {
  const { promise: late, resolve } = Promise.withResolvers<null>()
  const timer = setTimeout(() => resolve(null), patienceMs)
  try {
    const figures = await Promise.race([figuresOf(store), late])
    return figures === null ? { figures, failure: 'STORE_FAILED' } : { figures, failure: null }
  } catch (error) {
    if (error instanceof DirectError) return { figures: null, failure: error.code }
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function figuresOf(store: () => Promise<Store>): Promise<Figures> {
  const asked = underWay.get(store) ?? ask(store).finally(() => underWay.delete(store))
  underWay.set(store, asked)
  return asked
}

async function ask(store: () => Promise<Store>): Promise<Figures> {
  const { upkeep, deliveries } = await store()
  return { ...(await upkeep.figures()), deliveries: await deliveries.figures() }
}
