import type { IdentityTools } from './tools.ts'
import type { IdentityAdministration } from './types.ts'

/** Our own certificates by hand; what does it is loaded when it is called. */
export function identityAdministration(tools: () => Promise<IdentityTools>): IdentityAdministration {
  return {
    request: async (name, options) =>
      (await import('./request.ts')).requestCertificate(name, options, await tools()),
    import: async (answer, options) =>
      (await import('./import.ts')).importAnswer(answer, options, await tools()),
    list: async () => (await import('./list.ts')).listCertificates(await tools()),
  }
}
