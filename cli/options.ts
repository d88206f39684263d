import { Option } from 'commander'
import { DirectError } from '../agent/errors.ts'
import type { KeyType } from '../trust-anchors/issue/index.ts'
import { parseTime } from './time.ts'

/** An option that holds one value; a second one, or bytes that are no text, would otherwise pass in silence. */
export function single(flags: string, description: string, parse = (text: string): unknown => text): Option {
  return once(new Option(flags, description), parse)
}

/** A file by its name. Who writes `-` means stdin or stdout, and would find a file of that name. */
export function fileOption(flags: string, description: string): Option {
  const option = single(flags, description, (text) => {
    if (text !== '-') return text
    throw new DirectError('USAGE', `${option.long} takes a file, neither stdin nor stdout`, {
      hint: 'Name a file; one that is called - is ./-',
    })
  })
  return option
}

/** An option that holds one of `values`. */
export function choice(flags: string, description: string, values: readonly string[]): Option {
  const option = new Option(flags, description).choices(values)
  const { parseArg: chosen } = option
  return once(option, (text) => chosen?.(text, undefined))
}

function once(option: Option, parse: (text: string) => unknown): Option {
  let given = false
  return option.argParser((text: string) => {
    if (given)
      throw new DirectError('USAGE', `${option.long} is there twice`, { hint: `Give ${option.long} once.` })
    given = true
    // Node reads bytes that are no UTF-8 as this: a text would go out damaged, two keys become one.
    if (text.includes('\ufffd'))
      throw new DirectError('USAGE', `${option.long} is not UTF-8, or holds U+FFFD`, {
        hint: 'Give it in UTF-8; a long text, whatever it holds, goes by a file.',
      })
    return parse(text)
  })
}

const KEY_TYPES: readonly KeyType[] = ['rsa-2048', 'rsa-3072', 'rsa-4096', 'ec-p256', 'ec-p384']

/** Of a key that is to be made. */
export function keyTypeOption(): Option {
  return choice('--key <type>', 'what key to make (default: rsa-3072)', KEY_TYPES)
}

export function timeOption(flags: string, description: string): Option {
  return single(flags, description, parseTime)
}

/** A number of `unit`, from 0 to `max`. */
export function numberOption(flags: string, description: string, max: number, unit: string): Option {
  return single(flags, description, (text) => {
    const value = Number(text)
    if (!/^\d+(\.\d+)?$/.test(text) || value > max)
      throw new DirectError('USAGE', `${JSON.stringify(text.slice(0, 40))} is not a number of ${unit}`, {
        hint: `Write a number from 0 to ${max}.`,
      })
    return value
  })
}

/** `<id>` for an id with or without its angle brackets. */
export function messageIdOf(text: string): string {
  return text.startsWith('<') ? text : `<${text}>`
}

/** `host:port` or `[IPv6]:port`; port 0 takes a free one. */
export function listenOption(flags: string, description: string): Option {
  return single(flags, description, (text) => {
    const [, v6, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? []
    const host = v6 ?? name
    if (host === undefined || Number(port) > 65_535)
      throw new DirectError('USAGE', `${JSON.stringify(text.slice(0, 60))} is not HOST:PORT`, {
        hint: 'Write it as 127.0.0.1:10053 or [::1]:10053.',
      })
    return { host, port: Number(port) }
  })
}
