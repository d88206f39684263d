import { canonicalName, isDnsName } from '../names.ts'

/** RFC 2782. */
export interface SrvData {
  /** The lowest is asked first. */
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** Canonical; '' is the root: there is no such service. */
  readonly target: string
}

/** The data of an SRV record in an answer; null: it names no server. */
export function readSrv(data: unknown): SrvData | null {
  if (typeof data !== 'object' || data === null) return null
  const { priority, weight, port, target: name }: { [key in keyof SrvData]?: unknown } = data
  if (typeof priority !== 'number' || typeof weight !== 'number' || typeof port !== 'number') return null
  if (typeof name !== 'string') return null
  const target = canonicalName(name)
  return target === '' || (isDnsName(target) && port > 0) ? { priority, weight, port, target } : null
}

/** As a master file has it: priority, weight, port, target. */
export function showSrv({ priority, weight, port, target }: SrvData): string {
  return `${priority} ${weight} ${port} ${target === '' ? '.' : target}`
}
