/** One part of the bench, in a process of its own: `part.ts NAME FOLDER quick|full MINUTES`. Its figures go to the parent. */
import type { Told } from './harness/part.ts'
import { parts } from './parts.ts'

const [name = '', dir = '', extent, minutes] = process.argv.slice(2)
const tell = (told: Told) => process.send?.(told)
const part = parts[name]
if (part === undefined) throw new Error(`no part of the bench is called ${name}`)
const { default: measure } = await part.load()
const run = { dir, quick: extent === 'quick', minutes: Number(minutes) }
tell({ groups: await measure({ ...run, tell: (doing) => tell({ doing }) }) })
// Nothing more is expected of the parent, and the channel would keep the process waiting for it.
process.disconnect?.()
