import { base64LinesLength, encodeBase64Lines } from '../../mime/base64.ts'
import { inBlocks } from '../blocks.ts'
import { concatSources, lent, type Source } from '../source.ts'

/** What the header says is inside (RFC 8551 3.2.2). */
export type SmimeType = 'enveloped-data' | 'authEnveloped-data'

/** CMS as a mail's application/pkcs7-mime entity: header, and base64 (RFC 8551 3.2). The same bytes at each read. */
export function pkcs7Mime(cms: Source, smimeType: SmimeType): Source {
  return concatSources([header(smimeType), inBase64(cms)])
}

function header(smimeType: SmimeType): Uint8Array {
  return Buffer.from(
    [
      `Content-Type: application/pkcs7-mime; smime-type=${smimeType}; name="smime.p7m"`,
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="smime.p7m"',
      '',
      '',
    ].join('\r\n'),
  )
}

function inBase64(source: Source): Source {
  const lines = (options: { readonly lend: boolean }) => encodeBase64Lines(inBlocks(lent(source)), options)
  return {
    bytes: base64LinesLength(source.bytes),
    read: () => lines({ lend: false }),
    lend: () => lines({ lend: true }),
  }
}
