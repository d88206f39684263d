import { join } from 'node:path'
import { type Agent, type AgentOptions, createAgent } from '../../agent/index.ts'
import type { CliClinic } from '../interop/cli-clinic.ts'
import type { World } from './world.ts'

/** A clinic within this process; its folder is the one that its command line has. */
export function agentOf(
  { dir, domain }: CliClinic,
  { mail }: World,
  { config = 'direct.yaml', ...options }: AgentOptions & { readonly config?: string } = {},
): Promise<Agent> {
  return createAgent(join(dir, config), {
    ...options,
    env: { DIRECT_PASSWORD: mail.mailboxes[domain]?.password },
  })
}

/** The daemon of a clinic within this process. */
export interface RunningAgent extends AsyncDisposable {
  readonly agent: Agent
}

/** Takes the agent over: both end together. */
export function running(agent: Agent, deliverTo?: string): RunningAgent {
  const stop = new AbortController()
  // Why it ended, if not for the signal, is told when it is disposed of.
  const ended = Promise.allSettled([
    agent.run({ ...(deliverTo !== undefined && { deliverTo }), signal: stop.signal }),
  ])
  return {
    agent,
    async [Symbol.asyncDispose]() {
      stop.abort()
      const [end] = await ended
      await agent[Symbol.asyncDispose]()
      if (end.status === 'rejected') throw end.reason
    },
  }
}
