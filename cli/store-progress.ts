import type { StoreProgress } from '../agent/index.ts'
import type { Session } from './session.ts'

const MB = 1_000_000
/** Between two lines, in milliseconds. */
const EVERY_MS = 200

/** Says on a terminal how far reading the store has come. */
export function showing(session: Session, doing: string): (progress: StoreProgress) => void {
  let last = Number.NEGATIVE_INFINITY
  return ({ bytes, of }) => {
    if (performance.now() - last < EVERY_MS) return
    last = performance.now()
    session.out.progress(`${doing}: ${Math.round(bytes / MB)} of ${Math.round(of / MB)} MB …`)
  }
}
