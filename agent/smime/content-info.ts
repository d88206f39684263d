import { OID } from './algorithms.ts'
import { context, TAG } from './ber/der.ts'
import { readElement } from './ber/element.ts'
import { CmsError } from './ber/error.ts'
import { BerReader, type Reading } from './ber/reader.ts'
import type { Source } from './source.ts'

/** What CMS says that it is, by the contentType of its ContentInfo (RFC 5652 3, RFC 5083 2). */
export type CmsKind = 'enveloped-data' | 'auth-enveloped-data' | 'signed-data' | 'other'

const KINDS: Readonly<Record<string, CmsKind>> = {
  [OID.envelopedData]: 'enveloped-data',
  [OID.authEnvelopedData]: 'auth-enveloped-data',
  [OID.signedData]: 'signed-data',
}

/** What a ContentInfo holds by its own word (RFC 5652 3). The reader is left before that content. */
export function* enterContentInfo(reader: BerReader): Reading<CmsKind> {
  yield* reader.enter(TAG.SEQUENCE)
  const kind = KINDS[readElement(yield* reader.element(64)).oid()] ?? 'other'
  yield* reader.enter(context(0))
  return kind
}

/** Steps out of what `enterContentInfo` entered. Bytes after it are nobody's: some agents pad their messages. */
export function* leaveContentInfo(reader: BerReader): Reading<void> {
  yield* reader.leave()
  yield* reader.leave()
}

/** Whether CMS bytes are encrypted or signed, whatever their media type says; null when they are no CMS. */
export async function cmsKind(cms: Pick<Source, 'read'>): Promise<CmsKind | null> {
  const reader = new BerReader(cms.read())
  try {
    return await reader.read(enterContentInfo(reader))
  } catch (error) {
    if (error instanceof CmsError) return null
    throw error
  } finally {
    await reader.close()
  }
}
