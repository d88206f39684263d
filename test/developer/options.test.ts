import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const program = (path: string, ...args: string[]) => {
  const main = fileURLToPath(new URL(`../${path}/main.ts`, import.meta.url))
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
}

describe.each([
  { path: 'fuzz', option: '--target', names: ['client', 'decrypted contents', 'MIME'] },
  { path: 'timing', option: '--family', names: ['RSA PKCS#1 v1.5, AES-CBC', 'ECDH, AES-GCM'] },
])('npm run $path', ({ path, option, names }) => {
  test(`${option} that names nothing tests nothing, and says so: 2, and what there is`, () => {
    const { status, stdout, stderr } = program(path, option, 'nosuch')
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain('"nosuch"')
    for (const name of names) expect(stderr).toContain(`"${name}"`)
  })

  test('--help lists the options; one that it does not know is a sentence and no stack', () => {
    const help = program(path, '--help')
    expect(help.status).toBe(0)
    expect(help.stdout).toContain(option)
    const unknown = program(path, '--nosuch')
    expect(unknown.status).toBe(2)
    expect(unknown.stderr).toContain("'--nosuch'")
    expect(unknown.stderr.trimEnd().split('\n')).toHaveLength(1)
  })
})
