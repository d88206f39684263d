import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkDisk } from '../../../agent/doctor/disk.ts'
import type { DiskSpace, DoctorTools } from '../../../agent/doctor/tools.ts'

const GIB = 2 ** 30

/** What is said of dataDir and of the temporary folder, where both have this much room. */
async function levels(disk: DiskSpace): Promise<readonly string[]> {
  const tools = {
    settings: { dataDir: tmpdir() },
    disk: async () => disk,
  } as unknown as DoctorTools
  const findings = await Array.fromAsync(checkDisk(tools))
  return findings.map(({ level, code, text }) => `${level} ${code}${/, for \d+ more files/.exec(text) ?? ''}`)
}

test.each<readonly [string, DiskSpace, string]>([
  ['much room', { bytes: 10 * GIB, files: 1e6 }, 'ok DISK_ROOM'],
  ['files that are not counted', { bytes: 10 * GIB, files: null }, 'ok DISK_ROOM'],
  ['half a gibibyte', { bytes: GIB / 2, files: 1e6 }, 'warning DISK_FULL'],
  ['next to nothing', { bytes: 1e6, files: 1e6 }, 'error DISK_FULL'],
  ['few files left', { bytes: 10 * GIB, files: 500 }, 'warning DISK_FULL, for 500 more files'],
  ['no file left', { bytes: 10 * GIB, files: 0 }, 'error DISK_FULL, for 0 more files'],
])('a disk with %s', async (_, disk, said) => {
  expect(await levels(disk)).toEqual([said, said])
})

test('what is left of a full disk is told in MiB: in GiB it would be nothing', async () => {
  const tools = {
    settings: { dataDir: tmpdir() },
    disk: async () => ({ bytes: 39.9 * 2 ** 20, files: null }),
  } as unknown as DoctorTools
  const [finding] = await Array.fromAsync(checkDisk(tools))
  expect(finding?.text).toBe('there is little room for dataDir: 39 MiB are free')
})

test('room is not said of a folder that is not there: of the one it is to be made in, or of none', async () => {
  const base = await mkdtemp(join(tmpdir(), 'disk-'))
  try {
    const rooms = async (deliverTo: string) => {
      const tools = {
        settings: { dataDir: base },
        deliverTo,
        disk: async () => ({ bytes: 10 * GIB, files: null }),
      } as unknown as DoctorTools
      const findings = await Array.fromAsync(checkDisk(tools))
      return findings.slice(2).map(({ about, text }) => [about, text])
    }
    const what = 'the folder to deliver into'
    expect(await rooms(base)).toEqual([[base, `there is room for ${what}: 10.0 GiB are free`]])
    expect(await rooms(join(base, 'new'))).toEqual([
      [base, `there is room where ${what} is to be made: 10.0 GiB are free`],
    ])
    expect(await rooms(join(base, 'none', 'x'))).toEqual([])
  } finally {
    await rm(base, { recursive: true })
  }
})
