import { DirectError } from '../../agent/errors.ts'

/** Where a backup is restored into. */
export interface Target extends AsyncDisposable {
  /** Where the backup is made a store of today first: a file that nobody else has. */
  readonly draft: string
  /** Rejects with STORE_FAILED where somebody has it open (temporary), or, unless it is given up, where it knows anything. */
  requireFree(replace: boolean): Promise<void>
  /** Makes it what the draft is, in one transaction, if it is still free. */
  put(draft: string, replace: boolean): Promise<void>
}

export function notEmpty(store: string): DirectError {
  return new DirectError('STORE_FAILED', `${store} is not empty`, {
    hint: 'Restoring gives up what it holds. If you want that, back it up first, and add --replace.',
  })
}

export function open(store: string): DirectError {
  return new DirectError('STORE_FAILED', `another process has ${store} open`, {
    hint: 'Stop the daemon, and whatever else uses this store, and try again.',
    temporary: true,
  })
}
