import { DerReader, type Element, Malformed, oidText, readOnly, TAG } from './der.ts'
import { type Name, readName } from './name.ts'

/** RFC 5280 4.2.1.6, by the names of its ASN.1. */
export type GeneralName =
  | {
      readonly kind: 'rfc822Name' | 'dNSName' | 'uniformResourceIdentifier'
      /** IA5String, as written. */
      readonly value: string
    }
  | { readonly kind: 'directoryName'; readonly value: Name }
  | {
      readonly kind: 'iPAddress'
      /** 4 or 16 octets in a certificate's names, 8 or 32 in name constraints. Their number is not looked at here. */
      readonly value: Uint8Array
    }
  | {
      readonly kind: 'otherName' | 'registeredID'
      /** The type-id of an otherName, or the registeredID itself, dotted. */
      readonly oid: string
    }
  | { readonly kind: 'x400Address' | 'ediPartyName' }

export type GeneralNameKind = GeneralName['kind']

/** A GeneralNames, as the subjectAltName extension holds it. None at all is malformed (RFC 5280 4.2.1.6). */
export function readGeneralNames(value: Uint8Array): readonly GeneralName[] {
  const list = new DerReader(readOnly(value, TAG.SEQUENCE).content)
  const names: GeneralName[] = []
  do names.push(readGeneralName(list.next()))
  while (!list.done)
  return names
}

export function readGeneralName({ tag, content }: Element): GeneralName {
  switch (tag) {
    case 0xa0:
      return { kind: 'otherName', oid: readOtherName(content) }
    case 0x81:
      return { kind: 'rfc822Name', value: ia5(content) }
    case 0x82:
      return { kind: 'dNSName', value: ia5(content) }
    case 0xa3:
      return { kind: 'x400Address' }
    case 0xa4:
      return { kind: 'directoryName', value: readName(readOnly(content, TAG.SEQUENCE).raw) }
    case 0xa5:
      return { kind: 'ediPartyName' }
    case 0x86:
      return { kind: 'uniformResourceIdentifier', value: ia5(content) }
    case 0x87:
      return { kind: 'iPAddress', value: content }
    case 0x88:
      return { kind: 'registeredID', oid: oidText(content) }
    default:
      throw new Malformed(`a GeneralName with the tag 0x${tag.toString(16)}`)
  }
}

/** `[0] EXPLICIT` around any value, which nobody here reads. */
function readOtherName(content: Uint8Array): string {
  const fields = new DerReader(content)
  const oid = fields.oid()
  const value = new DerReader(fields.next(0xa0).content)
  value.next()
  value.end()
  fields.end()
  return oid
}

/** A NUL or another control in a name is the mark of an attack (one name for us, another for a C program). */
function ia5(content: Uint8Array): string {
  if (content.some((byte) => byte < 0x20 || byte > 0x7e))
    throw new Malformed('a name that is not an IA5String')
  return Buffer.from(content).toString('latin1')
}
