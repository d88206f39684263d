import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FOLDER = `${ROOT}agent/smime/`
const files = globSync('**/*.ts', { cwd: FOLDER }).map((file) => file.replaceAll('\\', '/'))
const page = readFileSync(`${FOLDER}README.md`, 'utf8')
const named = [...page.matchAll(/`([\w./-]+\.ts)`/g)].map(([, name = '']) => name)

/** One that the page names without a folder lies beside the page, or in the folder of algorithms. */
const placesOf = (name: string) => [name, `algorithms/${name}`]

test('the reading order of agent/smime has every file of the folder', () => {
  const told = new Set(named.flatMap(placesOf))
  expect(files.filter((file) => !told.has(file))).toEqual([])
})

test('each file that the reading order of agent/smime names is there', () => {
  const isThere = (name: string) => placesOf(name).some((place) => existsSync(`${FOLDER}${place}`))
  expect(named.filter((name) => !isThere(name))).toEqual([])
})

test('a message is made, and taken apart by OpenSSL, as the reading order of agent/smime says', async () => {
  const [, commands = ''] = /^```sh\n(.*?)^```/ms.exec(page) ?? []
  const env = { ...process.env, PATH: `${ROOT}node_modules/.bin:${process.env.PATH}` }
  const { stdout } = await promisify(execFile)('bash', ['-e', '-c', commands], { cwd: ROOT, env })
  for (const shown of ['d.ktri', 'aes-256-cbc', 'multipart/signed', 'Subject: Referral', 'signedAttrs'])
    expect(stdout).toContain(shown)
}, 120_000)
