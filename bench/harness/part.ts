import type { Group } from './figures.ts'

/** What a part of the bench is given. */
export interface Run {
  /** A folder that goes with the whole run; what one part puts there, a later one finds. */
  readonly dir: string
  /** Small sizes and few rounds: whether the bench works, and no more. */
  readonly quick: boolean
  /** For a part that lasts as long as it is told. */
  readonly minutes: number
  /** Says what is being measured, to whoever watches. */
  tell(doing: string): void
}

/** A part of the bench. It runs in a process of its own. */
export type Part = (run: Run) => Promise<readonly Group[]>

/** What that process tells the one that started it. */
export type Told = { readonly doing: string } | { readonly groups: readonly Group[] }
