import type { Part } from './harness/part.ts'

/** The parts, in the order in which they run. */
export const parts: Readonly<Record<string, () => Promise<{ readonly default: Part }>>> = {
  seal: () => import('./seal.ts'),
  process: () => import('./process.ts'),
  rates: () => import('./rates.ts'),
  memory: () => import('./memory.ts'),
  delay: () => import('./delay.ts'),
  path: () => import('./path.ts'),
  text: () => import('./text.ts'),
  send: () => import('./send.ts'),
  start: () => import('./start.ts'),
  discovery: () => import('./discovery.ts'),
}
