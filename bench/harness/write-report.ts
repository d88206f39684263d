import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drawChart } from './chart.ts'
import type { Report } from './report.ts'

export const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))
/** Where the figures stand that the README shows. */
export const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url))

/** Writes `speed.json` and `speed.svg` into a folder; gives their paths. */
export async function writeReport(folder: string, report: Report): Promise<readonly string[]> {
  const files = [join(folder, 'speed.json'), join(folder, 'speed.svg')] as const
  await mkdir(folder, { recursive: true })
  await writeFile(files[0], `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(files[1], drawChart(report))
  return files
}
