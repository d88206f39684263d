import type { ZoneTools } from './tools.ts'
import type { ZoneAdministration } from './types.ts'

/** What is to be published, written and checked; what does it is loaded when it is called. */
export function zoneAdministration(tools: () => Promise<ZoneTools>): ZoneAdministration {
  return {
    generate: async (options = {}) => (await import('./generate.ts')).generate(options, await tools()),
    check: async (options = {}) => (await import('./check.ts')).check(options, await tools()),
  }
}
