import * as http from 'node:http'
import * as https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { HostLookup } from '../../dns/index.ts'
import { ok, type Said } from './finding.ts'
import type { Check, DoctorTools } from './tools.ts'

/** Clocks of hosts that answer HTTP are right to a second; the rest is the way. */
const OFF_MS = 60_000
const WRONG_MS = 300_000
/** Daemons that share a store hold what they are at by their clocks, for 30 seconds. */
const APART_MS = 5_000

/**
 * Against what was written here before, and against whoever publishes our trust bundles: certificates, time limits and
 * the audit go by this clock.
 */
export async function* checkClock(tools: DoctorTools, signal: AbortSignal): ReturnType<Check> {
  const { now, existingStore } = tools
  const store = await existingStore()
  yield* checkServersClock((await store?.leases.clockDifference()) ?? null)
  const newest = (await store?.upkeep.figures())?.newest ?? null
  if (newest !== null && newest.getTime() - now().getTime() > OFF_MS)
    yield {
      level: 'error',
      code: 'CLOCK_SET_BACK',
      about: null,
      text: `it is ${now().toISOString()} by this clock, and the audit has a row of ${newest.toISOString()}`,
      do: 'Set the clock, and let it be kept by NTP ("timedatectl set-ntp true").',
    }
  const urls = await comparable(tools)
  if (urls.length === 0 || tools.offline) {
    yield {
      level: 'note',
      code: 'CLOCK_NOT_COMPARED',
      about: null,
      text: 'nobody is configured whose clock this one could be compared with (trust bundles are)',
      do: 'Compare it yourself: "timedatectl".',
    }
    return
  }
  for (const url of urls) {
    const theirs = await dateOf(url, await tools.lookup(), signal)
    if (theirs === null) continue
    const off = now().getTime() - theirs.getTime()
    if (Math.abs(off) <= OFF_MS) yield ok('CLOCK_RIGHT', `the clock agrees with that of ${url.host}`)
    else
      yield {
        level: Math.abs(off) > WRONG_MS ? 'error' : 'warning',
        code: 'CLOCK_OFF',
        about: url.host,
        text: `this clock is ${Math.round(Math.abs(off) / 1000)} seconds ${off > 0 ? 'ahead of' : 'behind'} that of ${url.host}`,
        do: 'Set the clock, and let it be kept by NTP ("timedatectl set-ntp true").',
      }
    return
  }
  yield {
    level: 'note',
    code: 'CLOCK_NOT_COMPARED',
    about: null,
    text: `no host of a trust bundle told the time: ${urls.map(({ host }) => host).join(', ')}`,
    do: 'Compare it yourself: "timedatectl".',
  }
}

function* checkServersClock(ahead: number | null): Generator<Said> {
  if (ahead === null) return
  if (Math.abs(ahead) <= APART_MS)
    yield ok('STORE_CLOCK_RIGHT', 'the clock agrees with that of the PostgreSQL server')
  else
    yield {
      level: 'error',
      code: 'STORE_CLOCK_OFF',
      about: null,
      text: `the clock of the PostgreSQL server is ${Math.round(Math.abs(ahead) / 1000)} seconds ${ahead > 0 ? 'ahead of' : 'behind'} this one`,
      do: 'Let NTP keep both, and those of all machines that share the store ("timedatectl set-ntp true").',
    }
}

/** Our own choice, each host once; a few are enough. */
async function comparable({ settings }: DoctorTools): Promise<readonly URL[]> {
  const urls = settings.trust.flatMap(({ bundles }) => bundles.map(({ url }) => new URL(url)))
  return [...new Map(urls.map((url) => [url.host, url])).values()].slice(0, 3)
}

/** The Date field of its answer to HEAD, whatever that is; null: none came. */
async function dateOf(url: URL, lookup: HostLookup, signal: AbortSignal): Promise<Date | null> {
  const { request } = url.protocol === 'https:' ? https : http
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const asked = request(url, { method: 'HEAD', agent: false, signal, lookup: through(lookup, signal) })
  asked.on('response', ({ headers }) => resolve(headers.date)).on('error', () => resolve(undefined))
  asked.end()
  const date = new Date((await promise) ?? '')
  asked.destroy()
  return Number.isNaN(date.getTime()) ? null : date
}

/** Names are resolved where all others are. */
function through(lookup: HostLookup, signal: AbortSignal): LookupFunction {
  return (host, options, callback) => {
    lookup(host, signal).then(
      (addresses) => {
        const all = addresses.map((address) => ({ address, family: isIP(address) }))
        if (options.all) callback(null, all)
        else callback(null, all[0]?.address ?? '', all[0]?.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    )
  }
}
