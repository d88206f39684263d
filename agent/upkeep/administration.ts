import type { OlderStore } from '../../store/index.ts'
import { DirectError } from '../errors.ts'
import type { Neighbours } from '../neighbours.ts'
import type { StoreAdministration, StoreFinding } from './types.ts'

/** What is asked of the store as a whole. */
export function storeAdministration(neighbours: Neighbours): StoreAdministration {
  return {
    async *check({ backup, tell } = {}) {
      if (backup !== undefined) {
        const { checkBackup } = await import('../../store/index.ts')
        yield* checkBackup(backup, { now: neighbours.now, tell })
        return
      }
      try {
        await using looking = neighbours.stored.looking()
        const older = await looking.older()
        if (older !== null) yield unlookedAt(older)
        const store = await neighbours.existingStore()
        if (store) yield* store.upkeep.check(tell)
      } catch (error) {
        if (!(error instanceof DirectError && error.code === 'STORE_DAMAGED')) throw error
        yield unopened(error)
      }
    },
    async backup(file, { tell } = {}) {
      const store = await neighbours.existingStore()
      if (store) return store.upkeep.backup(file, tell)
      throw new DirectError('STORE_FAILED', `there is no store in ${neighbours.settings.dataDir}`, {
        hint: 'The same --config and dataDir are needed; a store is made when something is sent or received.',
      })
    },
    async verifyAudit(expect) {
      const store = await neighbours.existingStore()
      if (store) return store.upkeep.verifyAudit(expect)
      return { rows: 0, first: 1, head: '', expected: expect === undefined ? null : false, broken: null }
    },
    async lastRestore() {
      const store = await neighbours.existingStore()
      if (store === null) return null
      return (await Array.fromAsync(store.audit.list({ event: 'store-restored' }))).at(-1) ?? null
    },
    restore: (file, options) => neighbours.stored.restore(file, options),
  }
}

/** What is wrong in one of our version is known, and its tables are others. */
function unlookedAt({ version, newest }: OlderStore): StoreFinding {
  return {
    area: 'file',
    level: 'ok',
    code: 'OK',
    about: null,
    text: `this store is of version ${version}: the next run brings it up to version ${newest}, and what is in it can be looked at then`,
    do: null,
  }
}

/** Damaged where every use of it begins. */
function unopened({ message, hint }: DirectError): StoreFinding {
  return {
    area: 'file',
    level: 'error',
    code: 'PAGES_DAMAGED',
    about: null,
    text: message,
    do: hint ?? null,
  }
}
