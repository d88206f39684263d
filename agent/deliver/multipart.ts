import { randomBytes } from 'node:crypto'
import { concatSources, type Source } from '../smime/source.ts'

/** A part of a form. With `filename` it is a file, and its bytes are left alone; without, a field. */
export interface FormPart {
  readonly name: string
  readonly filename?: string
  readonly contentType: string
  readonly content: Source | Uint8Array
}

/** A form as a request's body (RFC 7578), whose length is known. Nobody who wrote what is in it can know its boundary. */
export function formOf(parts: readonly FormPart[]): { readonly contentType: string; readonly body: Source } {
  const boundary = `direct-${randomBytes(16).toString('hex')}`
  const pieces = parts.flatMap(({ name, filename, contentType, content }, index) => {
    const file = filename === undefined ? '' : `; filename="${filename}"`
    const head = [
      `${index === 0 ? '' : '\r\n'}--${boundary}`,
      `Content-Disposition: form-data; name="${name}"${file}`,
      `Content-Type: ${contentType}`,
      '\r\n',
    ]
    return [Buffer.from(head.join('\r\n')), content]
  })
  const end = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: concatSources([...pieces, end]),
  }
}
