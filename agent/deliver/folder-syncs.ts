import { syncFolder } from '../files/durable-file.ts'
import { Turns } from '../inbox/turns.ts'

/** What happened in a folder is brought onto the disk, once for all who ask while it is being done for somebody else. */
export class FolderSyncs {
  readonly #syncFolder: (path: string) => Promise<void>
  readonly #turns = new Turns()
  /** Those that have not begun. */
  readonly #next = new Map<string, Promise<void>>()

  constructor(sync = syncFolder) {
    this.#syncFolder = sync
  }

  /** What is under way may have missed what was done meanwhile: whoever comes then waits for the next. */
  sync(path: string): Promise<void> {
    const begin = () => {
      this.#next.delete(path)
      return this.#syncFolder(path)
    }
    const next = this.#next.get(path) ?? this.#turns.take(path, begin)
    this.#next.set(path, next)
    return next
  }
}
