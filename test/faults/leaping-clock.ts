/**
 * `node --import` this: the clock on the wall is ahead by as many milliseconds as the file of DIRECT_CLOCK_AHEAD says, and
 * follows it. `performance.now()` and timers run on, as they do when a real clock is set.
 */
import { readFileSync } from 'node:fs'

const file = process.env.DIRECT_CLOCK_AHEAD as string
const LOOKS_EVERY_MS = 20
let ahead = 0
let lookedAt = Number.NEGATIVE_INFINITY
const RealDate = Date

function shifted(): number {
  if (performance.now() - lookedAt > LOOKS_EVERY_MS) {
    ahead = Number(readFileSync(file, 'utf8'))
    lookedAt = performance.now()
  }
  return RealDate.now() + ahead
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [shifted()] : args, newTarget) as Date,
  get: (target, name, receiver) => (name === 'now' ? shifted : Reflect.get(target, name, receiver)),
})
