/**
 * One contender at one piece of work, in a process of its own: what it holds, and how long it keeps others waiting. Its
 * findings go to stdout as JSON.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { sealers, type What } from './sealers.ts'

export interface AloneTask {
  readonly who: string
  readonly what: What
  readonly dir: string
  /** From where, to where: of what is measured, and of a small message before it. */
  readonly files: readonly [string, string]
  readonly first: readonly [string, string]
  readonly times: number
}

export interface AloneFindings {
  /** Resident at the most, above what the process held after the small message; megabytes of 10^6 bytes. */
  readonly addedMB: number
  /** Event-loop delay, milliseconds: between two calls of a timer of 1 ms, of a thousand the longest. */
  readonly delay: number
  /** The same in time that the event loop's thread was on a processor: without what the machine did meanwhile. */
  readonly busy: number
}

const { who, what, dir, files, first, times } = JSON.parse(process.argv[2] ?? '') as AloneTask
const make = sealers[who]
if (make === undefined) throw new Error(`nobody is called ${who}`)
const work = (await make(dir))[what]
await work(...first)
const before = process.memoryUsage.rss()
const delay = monitorEventLoopDelay({ resolution: 1 })
const busy: number[] = []
let last = process.threadCpuUsage()
const timer = setInterval(() => {
  const { user, system } = process.threadCpuUsage(last)
  last = process.threadCpuUsage()
  busy.push((user + system) / 1000)
}, 1)
delay.enable()
for (let i = 0; i < times; i++) await work(...files)
delay.disable()
clearInterval(timer)
const findings: AloneFindings = {
  addedMB: (process.resourceUsage().maxRSS * 1024 - before) / 1e6,
  delay: delay.percentile(99.9) / 1e6,
  busy: busy.toSorted((a, b) => b - a)[Math.floor(busy.length / 1000)] ?? 0,
}
console.log(JSON.stringify(findings))
