/** One contender over one book, in a process of its own: its figures as JSON on stdout. */

import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { decode, encode, RECURSION_DESIRED } from 'dns-packet'
import { type AgentOptions, createAgent } from '../agent/index.ts'
import type { RecordType } from '../dns/index.ts'
import { createAnswerCache, createResolver } from '../dns/resolver/index.ts'

/** As many as an address book is looked up with side by side. */
const AT_ONCE = 64

export interface Task {
  readonly contender: 'direct-agent' | 'counted' | 'bare'
  readonly config: Record<string, unknown>
  readonly port: number
  /** To get going. */
  readonly first: readonly string[]
  readonly addresses: readonly string[]
  /** For the bare loop. */
  readonly questions: readonly Asked[]
}

export type Asked = readonly [name: string, type: RecordType]

export interface Figures {
  readonly coldMs: number
  /** Of the bare loop, which keeps nothing, as `coldMs`. */
  readonly warmMs: number
  readonly direct: number
  readonly undetermined: number
  /** Questions at the resolver's seam, below the cache: of the cold book, and of the warm one. */
  readonly asked: readonly Asked[]
  readonly askedAgain: number
  /** Bytes above those before the book: resident at the most, and still in use afterwards. */
  readonly rss: number
  readonly kept: number
}

const task = JSON.parse(readFileSync(0, 'utf8')) as Task
console.log(JSON.stringify(task.contender === 'bare' ? await bare(task) : await ours(task)))

async function ours({ contender, config, port, first, addresses }: Task): Promise<Figures> {
  const asked: Asked[] = []
  await using agent = await createAgent(config, contender === 'counted' ? counting(port, asked) : {})
  const routes = async (book: readonly string[]) => {
    const count = { direct: 0, undetermined: 0 }
    const start = performance.now()
    for await (const { route } of agent.classifyEach(book))
      if (route === 'direct' || route === 'undetermined') count[route]++
    return { ...count, ms: performance.now() - start }
  }
  // Everything is loaded, and compiled as far as it goes.
  await routes(first)
  asked.length = 0
  const [before, usedBefore] = [process.memoryUsage.rss(), used()]
  const cold = await routes(addresses)
  const rss = process.resourceUsage().maxRSS * 1024 - before
  const kept = used() - usedBefore
  const askedCold = asked.splice(0)
  const warm = await routes(addresses)
  const { direct, undetermined } = cold
  return {
    coldMs: cold.ms,
    warmMs: warm.ms,
    direct,
    undetermined,
    asked: askedCold,
    askedAgain: asked.length,
    rss,
    kept,
  }
}

/** Bytes that live, in and beside the heap. Needs --expose-gc. */
function used(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The resolver as the agent makes it, with a count between the cache and the sockets. */
function counting(port: number, asked: Asked[]): AgentOptions {
  const resolver = createResolver({ servers: [{ host: '127.0.0.1', port }], timeoutMs: 3000 })
  return {
    resolver: createAnswerCache().around('dns.servers', {
      resolve(name, type, options) {
        asked.push([name, type])
        return resolver.resolve(name, type, options)
      },
    }),
  }
}

/** The questions, from as many sockets as there are addresses at once, each decoded, and nothing else. */
async function bare({ port, questions }: Task): Promise<Figures> {
  const before = process.memoryUsage.rss()
  const start = performance.now()
  const waiting = questions.values()
  await Promise.all(Array.from({ length: AT_ONCE }, () => askAll(port, waiting)))
  const ms = performance.now() - start
  const rss = process.resourceUsage().maxRSS * 1024 - before
  return { coldMs: ms, warmMs: ms, direct: 0, undetermined: 0, asked: [], askedAgain: 0, rss, kept: 0 }
}

async function askAll(port: number, questions: Iterator<Asked> & Iterable<Asked>): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve))
  let id = 0
  for (const [name, type] of questions) {
    id = (id + 1) & 0xffff
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    socket.once('message', resolve)
    socket.once('error', reject)
    socket.send(query(id, name, type))
    if (decode(await promise).id !== id) throw new Error('an answer to another question')
    socket.off('error', reject)
  }
  socket.close()
}

function query(id: number, name: string, type: RecordType): Buffer {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] } as const
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type, name, class: 'IN' }],
    additionals: [{ ...opt, extendedRcode: 0, ednsVersion: 0, flag_do: false, options: [] }],
  })
}
