import { z } from 'zod'
import { hasControls, Wrong } from './values.ts'

/** What values of the configuration are made of: shapes over zod whose problems are told in our words. */

/** An object with these keys alone. The message about a key beyond them is the list of the known ones. */
export function map<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined),
  })
}

/** A text that one of the functions of values.ts reads. */
export function text<Value>(read: (text: string) => Value | Wrong) {
  return z.string().transform((value, context): Value => {
    const result = read(value)
    if (!(result instanceof Wrong)) return result
    context.addIssue({ code: 'custom', message: result.expected })
    return z.NEVER
  })
}

export function oneOf<Value extends string>(values: readonly Value[]) {
  const choice = values.join(', ').replace(/, ([^,]+)$/, ' or $1')
  return z.string().transform((value, context): Value => {
    const found = values.find((name) => name === value)
    if (found !== undefined) return found
    context.addIssue({ code: 'custom', message: `must be ${choice}` })
    return z.NEVER
  })
}

export function number(min: number, max: number, unit: string) {
  return z
    .number()
    .refine((value) => value >= min && value <= max, { error: `must be from ${min} to ${max} ${unit}` })
}

/** A list that is there asks for something. */
export function some<Item extends z.ZodType>(item: Item) {
  return z.array(item).min(1, 'must name one, or be left out').optional()
}

export function atMost<Item extends z.ZodType>(count: number, item: Item) {
  return z.array(item).max(count, `must name ${count} at most`).default([])
}

/** Says what is wrong with the value of a key, which only shows beside the others. */
export function wrong(context: z.RefinementCtx, key: string, message: string): void {
  context.addIssue({ code: 'custom', path: [key], message })
}

/** Those of some keys that were given. */
export function givenOf<Key extends string>(
  entry: Readonly<Partial<Record<Key, unknown>>>,
  keys: readonly Key[],
): readonly Key[] {
  return keys.filter((key) => entry[key] !== undefined)
}

/** Of what says one thing there may be one. Returns it. `both`: what two of them do, as in "both give the password". */
export function keepOne<Key extends string>(
  context: z.RefinementCtx,
  [one, second]: readonly Key[],
  both: string,
): Key | undefined {
  if (second !== undefined) wrong(context, second, `and ${one} ${both}: keep one of them`)
  return one
}

export const file = text((path) =>
  path === '' || hasControls(path) ? new Wrong('must be the path of a file') : path,
)
export const folder = text((name) =>
  name === '' || hasControls(name) ? new Wrong('must be the name of an IMAP folder') : name,
)
export const ledgerName = text((name) =>
  name === '' || name.length > 200 || hasControls(name)
    ? new Wrong('must be a name of 1 to 200 characters')
    : name,
)
/** A password written here by mistake must not be repeated by the error. */
export const variable = text((name) =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : new Wrong('must be the name of an environment variable'),
)
/** Of a command that is started without a shell. */
const word = text((value) => (value.includes('\0') ? new Wrong('must not hold NUL') : value))

/** A program, which is started without a shell, and its words. */
export const command = z
  .array(word)
  .refine(([program = '']) => program !== '', { error: 'must name a program first' })
