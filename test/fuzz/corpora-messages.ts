import { createPrivateKey } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Identity } from '../../agent/smime/identity.ts'
import { readCertificates } from '../../trust-anchors/index.ts'
import { corpora } from '../corpora.ts'

/** Larger ones would be broken in places that nobody looks at. */
const LARGEST = 200_000

/** Files of an outside corpus, in any folder of it, whose names end so; none, with a note, where it is absent. */
export function filesOf(corpus: string, end: RegExp): readonly Buffer[] {
  const folder = corpora(corpus)
  if (folder === null) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && end.test(entry.name))
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name)))
    .filter(({ length }) => length > 0 && length < LARGEST)
}

/** Keys of outside corpora that open some of their messages. */
export function keysOfCorpora(): readonly Identity[] {
  const ri = corpora('java-ri')
  const first = corpora('messages/nhin-d')
  return [...(ri === null ? [] : keysOfJavaRi(ri)), ...(first === null ? [] : keysOfNhinD(first))]
}

interface Manifest {
  readonly messages: readonly {
    readonly recipients: readonly { readonly cert: readonly string[]; readonly key: readonly string[] }[]
  }[]
}

function keysOfJavaRi(folder: string): readonly Identity[] {
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  const pairs = manifest.messages.flatMap(({ recipients }) =>
    recipients.flatMap(({ cert, key }) => cert.map((one, i) => [one, key[i] ?? ''] as const)),
  )
  return [...new Map(pairs)].flatMap(([cert, key]) => keyPair(join(folder, cert), join(folder, key)))
}

function keysOfNhinD(folder: string): readonly Identity[] {
  return keyPair(join(folder, 'keys', 'ryan.der'), join(folder, 'keys', 'ryanKey.der'))
}

function keyPair(certificate: string, key: string): readonly Identity[] {
  if (!existsSync(certificate) || !existsSync(key)) return []
  const [read] = [readCertificates(readFileSync(certificate))].flatMap((one) => ('code' in one ? [] : one))
  if (read === undefined) return []
  const bytes = readFileSync(key)
  const form = bytes.includes('-----BEGIN') ? bytes : ({ key: bytes, format: 'der', type: 'pkcs8' } as const)
  return [Identity.of(read, [], createPrivateKey(form))]
}
