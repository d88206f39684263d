import { createFetch } from '../../agent/fetch.ts'
import type { JudgeContext, JudgeTools } from '../../agent/trust/judge.ts'
import { createJudge, memoryCache } from '../../agent/trust/judge.ts'
import type { Minted } from '../../fixtures/pki.ts'
import { address, NOW } from '../trust-anchors/judging.ts'

/** Every name is on loopback, and loopback will do. */
export const openFetch = createFetch({ lookup: async () => ['127.0.0.1'], allowPrivate: true })

/** A judge whose clock stands at NOW until it is moved, and what it said in short. */
export function judging(anchor: Minted, tools: Partial<JudgeTools> = {}) {
  const clock = { at: NOW }
  const judge = createJudge({
    fetch: openFetch,
    cache: memoryCache(),
    mode: 'require',
    now: () => clock.at,
    random: (bytes) => Buffer.alloc(bytes, 7),
    ...tools,
  })
  const verify = (leaf: Minted, context: Partial<JudgeContext> = {}) =>
    judge('sign', address('dr.lee@hisp.example'), leaf.certificate, {
      candidates: [],
      anchors: [anchor.certificate],
      at: clock.at,
      sha1: false,
      subjectEmail: false,
      ...context,
    })
  return {
    clock,
    verify,
    /** `good`, or the codes; `later` where all may pass. */
    async outcome(leaf: Minted, context: Partial<JudgeContext> = {}): Promise<string> {
      const said = await verify(leaf, context)
      if (said.ok) return 'good'
      return `${said.failures.map(({ code }) => code).join(' ')}${said.temporary ? ' later' : ''}`
    },
    async texts(leaf: Minted): Promise<string> {
      const said = await verify(leaf)
      return said.ok ? '' : said.failures.map(({ text }) => text).join('\n')
    },
  }
}

export const later = (from: Date, minutes: number): Date => new Date(from.getTime() + minutes * 60_000)
