import type { Store } from '../../store/index.ts'
import type { Reason } from '../errors.ts'
import type { Log } from '../log.ts'
import type { SendTools } from '../send/prepare.ts'

/** What answering asks of its neighbours. */
export interface NotifyTools extends Omit<SendTools, 'spool'> {
  readonly store: Store
  readonly log: Log
}

/** Why a notice could not be sealed; `final`: it never can be. */
export interface Problem {
  readonly final: boolean
  readonly why: readonly Reason[]
  readonly advice: readonly string[]
}
