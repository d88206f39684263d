import type { z } from 'zod'
import { DirectError } from '../errors.ts'

export type KeyPath = readonly PropertyKey[]

/** Where a key stands in the file, as `12:3`; null for an object that never was a file. */
export type Locate = (path: KeyPath) => { readonly line: number; readonly column: number } | null

/** Makes the error for a problem that only shows when several values are seen together. */
export type Refuse = (path: KeyPath, message: string, hint?: string) => DirectError

interface Problem {
  readonly path: KeyPath
  readonly text: string
  readonly hint: string
}

/**
 * One error for everything that is wrong: the first problem in the file's order is the message, the others are
 * further lines of the hint. A value is repeated only where it cannot hold a password.
 */
export function configurationError(
  origin: string,
  issues: readonly z.core.$ZodIssue[],
  locate: Locate,
): DirectError {
  const found = issues.flatMap(problemsOf).map((problem) => ({ ...problem, at: locate(problem.path) }))
  const line = (problem: (typeof found)[number]) => problem.at?.line ?? 0
  const [first, ...others] = found.sort((a, b) => line(a) - line(b))
  if (first === undefined) throw new TypeError('a configuration error needs a problem')
  const say = (problem: typeof first) => {
    const where = problem.at === null ? '' : `:${problem.at.line}:${problem.at.column}`
    return `${origin}${where}: ${problem.text}`
  }
  const more = others.slice(0, 5).map((problem) => `Also ${say(problem)}.`)
  if (others.length > 5) more.push(`And ${others.length - 5} more.`)
  return new DirectError('CONFIG_INVALID', say(first), {
    hint: [first.hint, ...more].join('\n'),
  })
}

/** `mailboxes[0].imap`, `certServers["hisp.example"]` */
function pathText(path: KeyPath): string {
  return path
    .map((key, i) => {
      if (typeof key === 'number') return `[${key}]`
      const name = String(key)
      return name.includes('.') ? `[${JSON.stringify(name)}]` : `${i === 0 ? '' : '.'}${name}`
    })
    .join('')
}

function problemsOf(issue: z.core.$ZodIssue): readonly Problem[] {
  const name = pathText(issue.path)
  const wrong = (text: string, hint: string): readonly Problem[] => [{ path: issue.path, text, hint }]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownKey([...issue.path, key], key, issue.message.split(' ')))
  if (issue.message === 'is missing') return wrong(`${name} is missing`, `Add ${name}.`)
  const what = issue.path.length === 0 ? 'the configuration' : name
  const { hint } = (issue.code === 'custom' && issue.params) || {}
  return wrong(
    `${what} ${issue.message}${valueText(issue)}`,
    typeof hint === 'string' ? hint : `Correct ${what}.`,
  )
}

/** `, not "x"`: never a URL or the text that stands where a variable's name should. */
function valueText(issue: z.core.$ZodIssue): string {
  const { input, path } = issue
  // A file that is one text as a whole is not a configuration: it may be a password's file.
  if (path.length === 0 || path.some((key) => MAY_BE_SECRET.has(key))) return ''
  if (typeof input === 'number' || typeof input === 'boolean') return `, not ${input}`
  if (typeof input !== 'string' || input.includes('://') || input.length > 80) return ''
  return `, not ${JSON.stringify(input)}`
}

const MAY_BE_SECRET: ReadonlySet<PropertyKey> = new Set([
  'url',
  'imap',
  'server',
  'passwordEnv',
  'passwordFile',
  'passwordCommand',
  'secretEnv',
  'secretFile',
  'secretCommand',
])

function unknownKey(path: KeyPath, key: string, known: readonly string[]): Problem {
  const nearest = known.toSorted((a, b) => editDistance(key, a) - editDistance(key, b))[0] ?? ''
  return {
    path,
    text: `unknown key ${pathText(path)}; the nearest known key is ${pathText([...path.slice(0, -1), nearest])}`,
    hint: `Known here: ${known.join(', ')}.`,
  }
}

const KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
}

/** zod's words for a value of the wrong type, in ours. */
export function typeMessage(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type') return undefined
  if (issue.input === undefined) return 'is missing'
  return `must be ${KINDS[String(issue.expected)] ?? String(issue.expected)}`
}

/** Levenshtein distance, case ignored. */
function editDistance(a: string, b: string): number {
  const target = b.toLowerCase()
  let row = Array.from({ length: target.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a.toLowerCase()].entries()) {
    const next = [i + 1]
    for (let j = 0; j < target.length; j++) {
      const replaced = (row[j] ?? 0) + (letter === target[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[target.length] ?? 0
}
