import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** What the figures depend on. */
export interface Machine {
  readonly node: string
  /** Of node:crypto. */
  readonly openssl: string
  /** Of the command beside which we are; null: there is none. */
  readonly opensslCommand: string | null
  readonly platform: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGB: number
}

export function machine(): Machine {
  return {
    node: process.version,
    openssl: process.versions.openssl,
    opensslCommand: spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout?.trim() ?? null,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 1e9),
  }
}

/** How many processes wanted to run in the last minute: what exceeds our own disturbs the figures. */
export function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10
}
