import { existsSync, globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const FOLDER = fileURLToPath(new URL('../../agent/smime/', import.meta.url))
const files = globSync('**/*.ts', { cwd: FOLDER }).map((file) => file.replaceAll('\\', '/'))
const named = [...readFileSync(`${FOLDER}README.md`, 'utf8').matchAll(/`([\w./-]+\.ts)`/g)].map(
  ([, name = '']) => name,
)

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
