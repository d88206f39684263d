import { DirectError } from '../errors.ts'
import { checkAnchors } from './anchors.ts'
import { checkClock } from './clock.ts'
import { checkConfiguration } from './configuration.ts'
import { checkDisk } from './disk.ts'
import { checkDns } from './dns.ts'
import { checkEhr } from './ehr.ts'
import { checkEnds } from './ends.ts'
import { findingOf, PATIENCE_MS, type Said } from './finding.ts'
import { checkImap } from './imap.ts'
import { checkKeys } from './keys.ts'
import { checkPermissions } from './permissions.ts'
import { checkSmtp } from './smtp.ts'
import { checkStore } from './store.ts'
import type { Check, DoctorTools } from './tools.ts'
import type { Area, Finding } from './types.ts'

const CHECKS: Readonly<Record<Area, Check>> = {
  configuration: checkConfiguration,
  keys: checkKeys,
  permissions: checkPermissions,
  store: checkStore,
  ends: checkEnds,
  anchors: checkAnchors,
  disk: checkDisk,
  clock: checkClock,
  dns: checkDns,
  smtp: checkSmtp,
  imap: checkImap,
  ehr: checkEhr,
}

/**
 * Looks at everything side by side, and tells of it area by area, a thing that several areas stumble over once. Throws
 * DirectError ABORTED.
 */
export async function* examine(tools: DoctorTools, signal?: AbortSignal): AsyncGenerator<Finding> {
  const areas = (Object.keys(CHECKS) as Area[]).map((area) => look(area, tools, signal))
  const told = new Set<string>()
  for (const findings of areas)
    for (const finding of await findings) {
      const key = `${finding.code} ${finding.text}`
      if (told.has(key)) continue
      told.add(key)
      yield finding
    }
}

async function look(area: Area, tools: DoctorTools, signal?: AbortSignal): Promise<readonly Finding[]> {
  const deadline = AbortSignal.timeout(PATIENCE_MS)
  const either = signal === undefined ? deadline : AbortSignal.any([deadline, signal])
  const findings: Finding[] = []
  try {
    for await (const finding of CHECKS[area](tools, either)) findings.push({ area, ...finding })
  } catch (error) {
    if (!(error instanceof DirectError)) throw error
    if (signal?.aborted) throw error
    findings.push({ area, ...(deadline.aborted ? LATE : findingOf(error, null)) })
  }
  return findings
}

const LATE: Said = {
  level: 'unreachable',
  code: 'NO_ANSWER',
  about: null,
  text: `there was no answer within ${PATIENCE_MS / 1000} seconds`,
  do: 'Look whether the server answers others, and whether a firewall keeps this machine from it.',
}
