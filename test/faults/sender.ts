import { join } from 'node:path'
import { type Agent, createAgent } from '../../agent/index.ts'
import type { World } from './world.ts'

/** Clinic A within this process, its daemon running. */
export interface Sender extends AsyncDisposable {
  readonly agent: Agent
}

export async function startSender({ a, mail }: World): Promise<Sender> {
  const agent = await createAgent(join(a.dir, 'direct.yaml'), {
    env: { DIRECT_PASSWORD: mail.mailboxes[a.domain]?.password },
  })
  const stop = new AbortController()
  const running = agent.run({ signal: stop.signal })
  return {
    agent,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      await agent[Symbol.asyncDispose]()
    },
  }
}
