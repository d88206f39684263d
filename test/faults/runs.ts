import { everyByteIn, everyByteOut } from './every-byte.ts'
import type { FaultRun } from './fault-run.ts'
import { killLoop } from './kill-loop.ts'

/** Every run by its name. */
export const RUNS: Readonly<Record<string, FaultRun>> = {
  'kill-loop': killLoop,
  'every-byte-out': everyByteOut,
  'every-byte-in': everyByteIn,
}
