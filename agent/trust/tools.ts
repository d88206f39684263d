import type { Store } from '../../store/index.ts'
import type { Settings } from '../settings.ts'
import type { CurrentTrust } from './current.ts'
import type { PinTools } from './pin-request.ts'

/** What changing trust by hand asks of its neighbours. */
export interface AdministrationTools extends PinTools {
  readonly settings: Pick<Settings, 'mailboxes' | 'legacy' | 'network'>
  readonly trust: CurrentTrust
  /** Made where there is none: what is decided has to last. */
  readonly store: () => Promise<Store>
  readonly now: () => Date
}
