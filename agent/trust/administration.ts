import type { AdministrationTools } from './tools.ts'
import type { PinAdministration, TrustAdministration } from './types.ts'

/** Anchors and bundles by hand (TR-1, TR-4); what does it is loaded when it is called. */
export function trustAdministration(tools: () => Promise<AdministrationTools>): TrustAdministration {
  const anchors = async () => (await import('./anchors-by-hand.ts')).anchorsByHand(await tools())
  const bundles = async () => (await import('./bundles-by-hand.ts')).bundlesByHand(await tools())
  return {
    list: async (...args) => (await anchors()).list(...args),
    add: async (...args) => (await anchors()).add(...args),
    remove: async (...args) => (await anchors()).remove(...args),
    bundles: {
      list: async () => (await bundles()).list(),
      add: async (...args) => (await bundles()).add(...args),
      remove: async (...args) => (await bundles()).remove(...args),
      refresh: async (...args) => (await bundles()).refresh(...args),
      diff: async (...args) => (await bundles()).diff(...args),
    },
  }
}

/** Pins by hand (TR-5), loaded likewise. */
export function pinAdministration(tools: () => Promise<AdministrationTools>): PinAdministration {
  const pins = async () => (await import('./pins-by-hand.ts')).pinsByHand(await tools())
  return {
    list: async () => (await pins()).list(),
    signers: async (...args) => (await pins()).signers(...args),
    add: async (...args) => (await pins()).add(...args),
    remove: async (...args) => (await pins()).remove(...args),
  }
}
