import { describe, expect, test } from 'vitest'
import { adviceOn, isOfDisk } from '../../store/sqlite/own-file.ts'

const OWNER = 'Let somebody own it.'
const said = (code: string) => Object.assign(new Error(`${code}: no`), { code })

describe('what the system says against a file of ours, and what to do', () => {
  test.each([
    ['ENOSPC', /^Make room/, true],
    ['EDQUOT', /^Make room/, true],
    ['EIO', /look after it\.$/, true],
    // Owning the folder helps nobody there; somebody has to mount it, so that trying again by itself helps nobody either.
    ['EROFS', /read-only .* mount it .*\/var\/lib\/direct-agent/, false],
    ['EACCES', /^Let somebody own it\.$/, false],
  ])('%s', (code, advice, passes) => {
    expect(adviceOn(said(code), OWNER)).toMatch(advice)
    expect(isOfDisk(said(code))).toBe(passes)
  })
})
