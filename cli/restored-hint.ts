import type { Agent } from '../agent/index.ts'

/** To follow what is said of a message that the store does not know: that a restore may be why. Empty where there was none. */
export async function restoredHint(agent: Agent): Promise<string> {
  const restored = await agent.store.lastRestore()
  if (restored === null) return ''
  const knew = restored.why.map(({ text }) => ` (${text})`).join('')
  if (restored.why.some(({ code }) => code === 'STORE_WENT_BACK'))
    return ` The database had gone back by ${restored.at.toISOString()}${knew}: of what was done between the two it knows nothing.`
  return ` This store was restored from a backup at ${restored.at.toISOString()}${knew}: of what was done between the backup and then it knows nothing.`
}
