import { stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { ok } from './finding.ts'
import type { Check, DiskSpace } from './tools.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

/** A message of 25 MB takes ten times as much on its way through the spools and the store. */
const TIGHT = GIB
const FULL = 256 * MIB
const FEW_FILES = 1000

/** Room where the store and the spools are. */
export async function* checkDisk({ settings, deliverTo, disk }: Parameters<Check>[0]): ReturnType<Check> {
  const places: readonly (readonly [string, string | undefined])[] = [
    ['dataDir', settings.dataDir],
    ['the folder of temporary files', tmpdir()],
    ['the folder to deliver into', deliverTo],
  ]
  for (const [what, folder] of places) {
    if (folder === undefined) continue
    const there = await existingPart(folder)
    const { bytes, files } = await disk(there)
    // Such as /proc: nothing is kept there anyway.
    if (bytes === null) continue
    const free = `${sizeText(bytes)} are free`
    const areFew = files !== null && files < FEW_FILES
    if (bytes < TIGHT || areFew)
      yield {
        level: bytes < FULL || files === 0 ? 'error' : 'warning',
        code: 'DISK_FULL',
        about: folder,
        text: `there is little room for ${what}: ${free}${areFew ? `, for ${files} more files` : ''}`,
        do: 'Make room, or move it to another disk: what cannot be stored is not received, and not sent.',
      }
    else if (there === folder) yield ok('DISK_ROOM', `there is room for ${what}: ${free}`, folder)
    else if (there === dirname(folder))
      yield ok('DISK_ROOM', `there is room where ${what} is to be made: ${free}`, there)
    // Otherwise it cannot be made, which the permissions tell.
  }
}

export async function freeSpace(path: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize, files, ffree } = await statfs(path)
  return { bytes: blocks === 0 ? null : bavail * bsize, files: files === 0 ? null : ffree }
}

async function existingPart(path: string): Promise<string> {
  const found = await stat(path).catch(() => null)
  return found !== null || dirname(path) === path ? path : existingPart(dirname(path))
}

function sizeText(bytes: number): string {
  return bytes < GIB ? `${Math.floor(bytes / MIB)} MiB` : `${(bytes / GIB).toFixed(1)} GiB`
}
