import { clockLeaps } from './clock.ts'
import { everyByteIn, everyByteOut } from './every-byte.ts'
import type { FaultRun } from './fault-run.ts'
import { killLoop } from './kill-loop.ts'
import { restoredStore, secondClient, uidValidity } from './mailbox-changes.ts'
import { nthCallIn, nthCallOut } from './nth-call.ts'
import { killAtNthCommand, nthCommandIn, nthCommandOut } from './nth-command.ts'

/** Every run by its name. */
export const RUNS: Readonly<Record<string, FaultRun>> = {
  'kill-loop': killLoop,
  'every-byte-out': everyByteOut,
  'every-byte-in': everyByteIn,
  'nth-command-out': nthCommandOut,
  'nth-command-in': nthCommandIn,
  'kill-at-nth-command': killAtNthCommand,
  'nth-call-out': nthCallOut,
  'nth-call-in': nthCallIn,
  clock: clockLeaps,
  uidvalidity: uidValidity,
  'second-client': secondClient,
  'restored-store': restoredStore,
}
