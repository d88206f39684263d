/** A piece of an address field's value; the pieces' `raw`, joined, are the value. */
export interface Token {
  /** `angle` is `<...>`; `space` is blanks or a comment; `word` is a run of anything else, addr-specs among it. */
  readonly kind: 'space' | 'quoted' | 'angle' | 'word' | 'comma' | 'group' | 'group end'
  /** Within the quotes, angles or parentheses; empty for blanks and punctuation. */
  readonly text: string
  readonly raw: string
}

const PATTERN = /[ \t]+|"((?:[^"\\]|\\.)*)"|<([^<>]*)>|[,:;]|([^ \t"<>(),:;]+)/y
const PUNCTUATION: Readonly<Record<string, Token['kind']>> = { ',': 'comma', ':': 'group', ';': 'group end' }

/** A megabyte of commas would take 270 MB. */
const MOST_TOKENS = 200_000

/** Cuts an unfolded address field (RFC 5322 3.4) into tokens; text says what is wrong with the whole value. */
export function tokenizeAddresses(value: string): Token[] | string {
  const tokens: Token[] = []
  for (let at = 0; at < value.length; ) {
    if (tokens.length === MOST_TOKENS) return `it has more than ${MOST_TOKENS} pieces`
    if (value[at] === '(') {
      const end = endOfComment(value, at)
      if (end === null) return 'a comment does not end'
      tokens.push({ kind: 'space', text: value.slice(at + 1, end - 1), raw: value.slice(at, end) })
      at = end
      continue
    }
    PATTERN.lastIndex = at
    const match = PATTERN.exec(value)
    if (match === null) return `${JSON.stringify(value[at])} stands where it may not`
    const [raw, quoted, angle, word] = match
    if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted.replace(/\\(.)/g, '$1'), raw })
    else if (angle !== undefined) tokens.push({ kind: 'angle', text: angle, raw })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, raw })
    else tokens.push({ kind: PUNCTUATION[raw] ?? 'space', text: '', raw })
    at = PATTERN.lastIndex
  }
  return tokens
}

/** Comments nest (RFC 5322 3.2.2). */
function endOfComment(value: string, start: number): number | null {
  let depth = 0
  for (let at = start; at < value.length; at++) {
    if (value[at] === '\\') at++
    else if (value[at] === '(') depth++
    else if (value[at] === ')' && --depth === 0) return at + 1
  }
  return null
}
