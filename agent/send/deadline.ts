import type { SendTools } from './prepare.ts'

/** By when the system of a recipient whose copy is queued at `at` has to have answered (N-7). */
export function deadlineOf(at: Date, { settings }: Pick<SendTools, 'settings'>): Date {
  return new Date(at.getTime() + settings.notifications.timeoutMs)
}
