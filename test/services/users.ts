import { readFile } from 'node:fs/promises'

/** Numeric ids of a system user, from the passwd file. */
export async function userId(name: string): Promise<{ readonly uid: number; readonly gid: number }> {
  const passwd = await readFile('/etc/passwd', 'utf8')
  const entry = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([user]) => user === name)
  if (entry === undefined) throw new Error(`there is no user ${name} on this machine`)
  return { uid: Number(entry[2]), gid: Number(entry[3]) }
}

export function requireRoot(what: string): void {
  if (process.getuid?.() === 0) return
  throw new Error(
    `${what} has to be started as root, and this is uid ${process.getuid?.()}. Run it with sudo.`,
  )
}
