import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Minted } from '../../fixtures/pki.ts'

/** Trust bundles as others make them: by openssl, in the shapes of protocol.md TR-4. */

/** Metadata as a community may send it along. */
export const METADATA =
  '<?xml version="1.0" encoding="UTF-8"?>\n<TrustBundle><Owner>A community</Owner><Contact/></TrustBundle>\n'

/** Certs-only, unsigned: a p7b. */
export function p7b(anchors: readonly Pick<Minted, 'pem'>[], form: 'DER' | 'PEM' = 'DER'): Buffer {
  return inFolder({ 'all.pem': anchors.map(({ pem }) => pem).join('') }, [
    ...['crl2pkcs7', '-nocrl', '-outform', form, '-out', 'out'],
    ...(anchors.length === 0 ? [] : ['-certfile', 'all.pem']),
  ])
}

/** A signed p7m around `content`. */
export function p7m(
  content: Uint8Array,
  signer: Minted,
  {
    form = 'DER',
    digest = 'sha256',
    options = [],
    beside = [],
  }: {
    readonly form?: 'DER' | 'PEM'
    readonly digest?: string
    readonly options?: readonly string[]
    /** Further certificates in the shell, which nobody signs. */
    readonly beside?: readonly Minted[]
  } = {},
): Buffer {
  return inFolder(
    {
      content,
      'signer.pem': signer.pem,
      'signer.key': signer.privateKey.export({ format: 'pem', type: 'pkcs8' }),
      'beside.pem': beside.map(({ pem }) => pem).join(''),
    },
    [
      ...['cms', '-sign', '-nodetach', '-binary', '-md', digest, '-in', 'content', '-out', 'out'],
      ...['-signer', 'signer.pem', '-inkey', 'signer.key', '-outform', form, ...options],
      ...(beside.length === 0 ? [] : ['-certfile', 'beside.pem']),
    ],
  )
}

/** A p7b whose content is XML metadata: a signature's shell with its signer taken out. */
export function p7bWithMetadata(anchors: readonly Minted[], signer: Minted): Buffer {
  const signed = p7m(Buffer.from(METADATA), signer, { options: ['-nocerts'], beside: anchors })
  return withoutSigners(signed)
}

/** Rewrites the last field of a DER SignedData, its SET of SignerInfos, as the empty one. */
function withoutSigners(cms: Buffer): Buffer {
  const info = element(cms, 0)
  const type = element(cms, info.content)
  const explicit = element(cms, type.end)
  const signed = element(cms, explicit.content)
  const fields: Buffer[] = []
  for (let at = signed.content; at < signed.end; ) {
    const { end } = element(cms, at)
    fields.push(cms.subarray(at, end))
    at = end
  }
  fields[fields.length - 1] = Buffer.of(0x31, 0)
  return tlv(0x30, cms.subarray(info.content, type.end), tlv(0xa0, tlv(0x30, ...fields)))
}

/** The same CMS in BER: its three outer elements of indefinite length, and its eContent in pieces. */
export function toBer(cms: Buffer): Buffer {
  const info = element(cms, 0)
  const type = element(cms, info.content)
  const explicit = element(cms, type.end)
  const signed = element(cms, explicit.content)
  const open = (tag: number, ...parts: readonly Uint8Array[]) =>
    Buffer.concat([Buffer.of(tag, 0x80), ...parts, Buffer.alloc(2)])
  const fields: Buffer[] = []
  for (let at = signed.content; at < signed.end; ) {
    const { end, content } = element(cms, at)
    const field = cms.subarray(at, end)
    fields.push(field[0] === 0xa0 ? open(0xa0, cms.subarray(content, end)) : field)
    at = end
  }
  return open(0x30, cms.subarray(info.content, type.end), open(0xa0, open(0x30, ...fields)))
}

function element(bytes: Buffer, at: number): { readonly content: number; readonly end: number } {
  const first = bytes[at + 1] as number
  const octets = first < 0x80 ? 0 : first - 0x80
  const length = octets === 0 ? first : bytes.readUIntBE(at + 2, octets)
  const content = at + 2 + octets
  return { content, end: content + length }
}

function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts)
  const length =
    value.length < 0x80
      ? [value.length]
      : [0x83, value.length >> 16, (value.length >> 8) & 255, value.length & 255]
  return Buffer.concat([Buffer.of(tag, ...length), value])
}

function inFolder(files: Readonly<Record<string, string | Uint8Array>>, args: readonly string[]): Buffer {
  const dir = mkdtempSync(join(tmpdir(), 'direct-bundle-'))
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content)
    execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
    return readFileSync(join(dir, 'out'))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
