import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml'
import { DirectError } from '../errors.ts'
import type { KeyPath, Locate } from './problems.ts'

/** A YAML file's value, and where each of its keys stands. */
export interface YamlFile {
  readonly value: unknown
  readonly locate: Locate
}

/**
 * Reads YAML 1.2 (JSON is YAML). Throws DirectError CONFIG_INVALID with line and column. The library's own messages
 * quote the source, which may be a password, so its codes are put into our words.
 */
export function parseYaml(text: string, origin: string): YamlFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' })
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0])
    const open = openUntil(document, text, problem)
    const begun = open === null ? line : lines.linePos(open).line
    const what =
      open === null
        ? (SENTENCES[problem.code] ?? `this is not YAML (${problem.code})`)
        : `the ${text[open]} of line ${begun} is not closed before this`
    throw new DirectError('CONFIG_INVALID', `${origin}:${line}:${col}: ${what}`, {
      hint: `Correct line ${begun} of ${origin}.`,
    })
  }
  try {
    return { value: document.toJS({ maxAliasCount: 100 }), locate: locator(document.contents, lines) }
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    throw new DirectError('CONFIG_INVALID', `${origin}: its YAML aliases (*name) cannot be resolved`, {
      hint: 'Write the values out instead of using aliases.',
    })
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'an alias (*name) that stands for nothing; put text that begins with * in quotes',
  BAD_DQ_ESCAPE: 'a backslash in "…" that means nothing; write it twice, or use single quotes',
  BAD_INDENT: 'the indentation is wrong',
  BAD_SCALAR_START: 'text that begins with a sign that YAML keeps for itself; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second ": " in one line; put the text in quotes',
  DUPLICATE_KEY: 'this key is there twice',
  MISSING_CHAR: 'a closing quote, a bracket, a comma or a colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a line without its colon',
  MULTIPLE_DOCS: 'a second document begins (---); there can be only one',
  TAB_AS_INDENT: 'a tab; indent with blanks',
  TAG_RESOLVE_FAILED: 'a tag (!name) that is not known',
  UNEXPECTED_TOKEN: 'something that does not belong here',
}

const CLOSING: Readonly<Record<string, string>> = { '{': '}', '[': ']', '"': '"', "'": "'" }

/** The offset of the bracket or quote that is not closed by where `problem` stands, which may be lines below it. */
function openUntil(document: Document, text: string, { code, pos }: YAMLError): number | null {
  if (code !== 'BAD_INDENT' && code !== 'MISSING_CHAR') return null
  let open: number | null = null
  visit(document, {
    Node(_, { range }) {
      if (!range) return
      const [start, end] = range
      const closing = CLOSING[text[start] ?? '']
      if (end === pos[0] && closing !== undefined && (end === start + 1 || text[end - 1] !== closing))
        open = start
    },
  })
  return open
}

function locator(root: unknown, lines: LineCounter): Locate {
  return (path) => {
    const offset = offsetOf(root, path)
    if (offset === null) return null
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
}

/** The deepest part of `path` that the file has: a missing key is shown at the map that lacks it. */
function offsetOf(root: unknown, path: KeyPath): number | null {
  let node = root
  let offset = startOf(root)
  for (const key of path) {
    const step: Pair | undefined = isMap(node)
      ? node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key))
      : undefined
    const next = step?.value ?? (isSeq(node) && typeof key === 'number' ? node.items[key] : undefined)
    offset = startOf(step?.key ?? next) ?? offset
    if (next === undefined || next === null || isAlias(next)) break
    node = next
  }
  return offset
}

function startOf(node: unknown): number | null {
  return (node as Partial<Node> | null | undefined)?.range?.[0] ?? null
}
