import { context, TAG } from '../ber/der.ts'
import { readElement } from '../ber/element.ts'
import { CmsError } from '../ber/error.ts'
import { Fields } from '../ber/fields.ts'
import type { BerReader, Reading } from '../ber/reader.ts'

/** RFC 5940 2: an OCSPResponse among the revocation information. */
const OCSP_RESPONSE = '1.3.6.1.5.5.7.16.2'
/** What is beyond these is passed over: it can only help, and be had from elsewhere. */
const MAX_ENTRIES = 32
const MAX_BYTES = 4 << 20

/** What a signature brings about the revocation of its certificates. Nothing in it has been checked. */
export interface RevocationInfo {
  /** CertificateLists. */
  readonly crls: readonly Uint8Array[]
  /** OCSPResponses. */
  readonly ocsp: readonly Uint8Array[]
}

/** RevocationInfoChoices under `[1]` (RFC 5652 5.1, 10.2.1). Throws CmsError for what is not BER. */
export function* readRevocationInfo(reader: BerReader): Reading<RevocationInfo> {
  const crls: Uint8Array[] = []
  const ocsp: Uint8Array[] = []
  let left = MAX_BYTES
  yield* reader.enter(context(1))
  for (let entries = 0; !(yield* reader.atEnd()); entries++) {
    const choice = entries < MAX_ENTRIES ? yield* reader.elementOrSkip(left) : yield* reader.skip()
    if (!choice) continue
    left -= choice.length
    if (choice[0] === TAG.SEQUENCE) crls.push(choice)
    else if (choice[0] === context(1)) ocsp.push(...readOther(choice))
  }
  yield* reader.leave()
  return { crls, ocsp }
}

/** OtherRevocationInfoFormat: the OCSPResponse if it is one, otherwise nothing. */
function readOther(bytes: Uint8Array): readonly Uint8Array[] {
  try {
    const fields = Fields.of(readElement(bytes), context(1))
    return fields.next().oid() === OCSP_RESPONSE ? [fields.next().bytes] : []
  } catch (error) {
    // It is the sender's help to us, and no part of what was signed: one that is broken stops no message.
    if (error instanceof CmsError) return []
    throw error
  }
}
