import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

/** Debian puts servers into folders that are not on everyone's PATH. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']

/** The full path of a program, or null. An absolute path stands for itself, and may be a library. */
function findProgram(name: string): string | null {
  if (isAbsolute(name)) return existsSync(name) ? name : null
  return FOLDERS.map((folder) => join(folder, name)).find(executable) ?? null
}

/**
 * Makes sure that programs are there, and returns where each one is.
 *
 * `programs` maps a program (its name, or its absolute path when it is on no PATH, or a library) to the Debian package
 * that holds it. What is missing is installed with apt-get when we are root; the packages' own services are kept from
 * starting. Set `DIRECT_AGENT_APT=never` to forbid that. When it may not or cannot be done, the error names
 * the exact command to run.
 */
export async function ensurePackages<Program extends string>(
  programs: Readonly<Record<Program, string>>,
): Promise<Record<Program, string>> {
  const names = Object.keys(programs) as Program[]
  const missing = names.filter((name) => findProgram(name) === null)
  if (missing.length > 0) await install([...new Set(missing.map((name) => programs[name]))])
  return Object.fromEntries(names.map((name) => [name, located(name, programs[name])])) as Record<
    Program,
    string
  >
}

function located(name: string, pkg: string): string {
  const path = findProgram(name)
  if (path === null) throw new Error(`${name} is missing although the package ${pkg} was installed`)
  return path
}

async function install(packages: readonly string[]): Promise<void> {
  const command = `apt-get update && apt-get install --no-install-recommends -y ${packages.join(' ')}`
  const apt = findProgram('apt-get')
  const why =
    apt === null
      ? 'there is no apt-get here'
      : process.getuid?.() !== 0
        ? 'only root may install packages'
        : process.env.DIRECT_AGENT_APT === 'never'
          ? 'DIRECT_AGENT_APT=never forbids it'
          : null
  if (why !== null) throw new Error(`missing: ${packages.join(', ')} (${why}). Run as root: ${command}`)
  await using _ = await withoutServiceStart()
  // The dpkg lock is waited for, the one of `update` is not: flock lets one of us in at a time.
  const script = `apt-get -q update && apt-get -q -o DPkg::Lock::Timeout=300 install --no-install-recommends -y ${packages.join(' ')}`
  const output: Buffer[] = []
  const child = spawn('flock', ['/var/cache/apt', 'sh', '-c', script], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code === 0) return
  const said = Buffer.concat(output).toString().trim().split('\n').slice(-5).join('\n')
  throw new Error(`${command}: exit code ${code}\n${said}`)
}

/** Debian starts a service when its package is installed, unless policy-rc.d answers 101. */
async function withoutServiceStart(): Promise<AsyncDisposable> {
  const policy = '/usr/sbin/policy-rc.d'
  try {
    await writeFile(policy, '#!/bin/sh\nexit 101\n', { flag: 'wx', mode: 0o755 })
  } catch (cause) {
    // Somebody's policy is already there, and it is not ours to remove.
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
    return { async [Symbol.asyncDispose]() {} }
  }
  return { [Symbol.asyncDispose]: () => rm(policy, { force: true }) }
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
