import { join } from 'node:path'
import { type AgentOptions, createAgent, type Recipient } from '../../../agent/index.ts'
import type { HostPort } from '../../../dns/index.ts'
import { type FrontOptions, startFront } from './name-server.ts'
import type { World } from './world.ts'

export interface Asked {
  readonly recipient: Recipient
  /** What the name server was asked. */
  readonly log: readonly string[]
}

let agents = 0

/** Somebody who knows nothing but the anchor asks for one address, once, with a name server of their own. */
export async function ask(
  world: World,
  address: string,
  behind: HostPort,
  front: FrontOptions = {},
  parts: AgentOptions = {},
): Promise<Asked> {
  await using nameServer = await startFront(behind, front)
  await using agent = await createAgent(
    {
      dataDir: join(world.dir, `agent-${agents++}`),
      ...strangerConfig(world, nameServer.server),
      // To wait for what is dropped is what takes long.
      ...(front.edns === 'dropped' && { dns: { servers: [nameServer.server], timeoutMs: 2000 } }),
    },
    parts,
  )
  const [recipient] = await agent.classify([address])
  if (recipient === undefined) throw new Error('classify gave no answer')
  return { recipient, log: [...nameServer.log] }
}

/** All servers of the table stand on loopback, which NET forbids unless it is allowed. */
export function strangerConfig({ anchorFile }: World, nameServer: string) {
  return {
    trust: [{ for: '*', anchors: [anchorFile] }],
    dns: { servers: [nameServer], timeoutMs: 10_000 },
    network: { allowPrivate: true },
  }
}
