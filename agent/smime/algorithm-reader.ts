import { Constructed, Null, ObjectIdentifier, OctetString, Sequence } from 'asn1js'
import { AlgorithmIdentifier } from 'pkijs'
import type { Reason } from '../errors.ts'
import {
  CIPHER_OID,
  type ContentCipher,
  DIGEST_OID,
  hashName,
  type KeyTransport,
  OID,
  type ReceivedDigest,
} from './algorithms.ts'
import { CmsError } from './cms-reader.ts'

/**
 * What is accepted of what others send (protocol.md ALG). All else is refused by its name, and what is only not built
 * yet says so.
 */
export type Refused = Reason<'ALGORITHM_REFUSED'>

/** RSA with PKCS#1 v1.5 padding, named together with its digest (RFC 8017 A.2.4). */
const SIGNATURE_DIGEST: Readonly<Record<string, ReceivedDigest>> = {
  '1.2.840.113549.1.1.5': 'sha-1',
  '1.3.14.3.2.29': 'sha-1',
  '1.2.840.113549.1.1.11': 'sha-256',
  '1.2.840.113549.1.1.12': 'sha-384',
  '1.2.840.113549.1.1.13': 'sha-512',
}

/** What is known well enough to be refused by name. */
const REFUSED_NAME: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.2': 'MD2',
  '1.2.840.113549.2.4': 'MD4',
  '1.2.840.113549.2.5': 'MD5',
  '1.2.840.113549.1.1.2': 'MD2 with RSA',
  '1.2.840.113549.1.1.4': 'MD5 with RSA',
  '2.16.840.1.101.3.4.2.4': 'SHA-224',
  '1.2.840.113549.1.1.14': 'SHA-224 with RSA',
  '1.2.840.10040.4.1': 'DSA',
  '1.2.840.10040.4.3': 'DSA with SHA-1',
  '1.2.840.10045.4.1': 'ECDSA with SHA-1',
  '1.2.840.113549.3.7': '3DES (DES-EDE3-CBC)',
  '1.2.840.113549.3.2': 'RC2',
  '1.2.840.113549.3.4': 'RC4',
  '1.3.14.3.2.7': 'DES',
  '2.16.840.1.101.3.4.1.26': 'AES-192-GCM',
}

const NOT_BUILT_NAME: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.10': 'RSA-PSS',
  '1.2.840.10045.2.1': 'ECDSA',
  '1.2.840.10045.4.3.2': 'ECDSA with SHA-256',
  '1.2.840.10045.4.3.3': 'ECDSA with SHA-384',
  '1.2.840.10045.4.3.4': 'ECDSA with SHA-512',
  '2.16.840.1.101.3.4.1.6': 'AES-128-GCM',
  '2.16.840.1.101.3.4.1.46': 'AES-256-GCM',
}

/** Digest of a SignerInfo; parameters do not matter (RFC 5754 2). */
export function readDigest(id: string): ReceivedDigest | Refused {
  return named(DIGEST_OID, id) ?? refuse('the digest', id)
}

/** `rsaEncryption` takes the SignerInfo's digest; the combined names must agree with it (ALG-1). */
export function readSignature(id: string, digest: ReceivedDigest): 'rsa-pkcs1' | Refused {
  if (id === OID.rsaEncryption || SIGNATURE_DIGEST[id] === digest) return 'rsa-pkcs1'
  const other = SIGNATURE_DIGEST[id]
  if (other === undefined) return refuse('the signature algorithm', id)
  return { code: 'ALGORITHM_REFUSED', text: `a signature over ${other} stands beside a digest of ${digest}` }
}

export function readContentCipher(id: string): ContentCipher | Refused {
  return named(CIPHER_OID, id) ?? refuse('the content encryption', id)
}

/** ALG: PKCS#1 v1.5, or OAEP whose MGF1 hash is its hash and whose label is empty. Throws CmsError. */
export function readKeyTransport({
  algorithmId,
  algorithmParams,
}: AlgorithmIdentifier): KeyTransport | Refused {
  if (algorithmId === OID.rsaEncryption) return 'rsa-pkcs1'
  if (algorithmId !== OID.rsaOaep) return refuse('the key transport', algorithmId)
  const [hash, mask, label] = readOaepParameters(algorithmParams)
  const digest = named(DIGEST_OID, hash?.algorithmId ?? DIGEST_OID['sha-1'])
  if (digest === undefined) return refuse('the OAEP hash', hash?.algorithmId ?? '')
  if (mask !== null && mask.algorithmId !== OID.mgf1)
    return refuse('the OAEP mask generation', mask.algorithmId)
  const maskHash = mask === null ? DIGEST_OID['sha-1'] : readAlgorithm(mask.algorithmParams).algorithmId
  if (maskHash !== DIGEST_OID[digest]) {
    const text = `RSA-OAEP with ${digest} and MGF1 with ${named(DIGEST_OID, maskHash) ?? describe(maskHash)}: the two must be equal`
    return { code: 'ALGORITHM_REFUSED', text }
  }
  if (label !== null && !isEmptyLabel(label)) {
    return { code: 'ALGORITHM_REFUSED', text: 'RSA-OAEP with a label is not accepted' }
  }
  return `rsa-oaep-${hashName(digest)}` as KeyTransport
}

type OaepParameter = AlgorithmIdentifier | null

/**
 * RFC 4055 4.1: hash, mask generation, source of the label; null where the default holds, which is SHA-1 and no label.
 * pkijs has a class for these, whose default label is not empty.
 */
function readOaepParameters(parameters: unknown): [OaepParameter, OaepParameter, OaepParameter] {
  if (parameters === undefined || parameters instanceof Null) return [null, null, null]
  if (!(parameters instanceof Sequence))
    throw new CmsError('MALFORMED', 'OAEP parameters of another structure')
  const parameter = (number: number): OaepParameter => {
    const found = parameters.valueBlock.value.find(({ idBlock }) => idBlock.tagNumber === number)
    if (found === undefined) return null
    return readAlgorithm(found instanceof Constructed ? found.valueBlock.value[0] : null)
  }
  return [parameter(0), parameter(1), parameter(2)]
}

function readAlgorithm(schema: unknown): AlgorithmIdentifier {
  if (schema instanceof Sequence) {
    const [type, parameters] = schema.valueBlock.value
    if (type instanceof ObjectIdentifier) {
      return new AlgorithmIdentifier({ algorithmId: type.getValue(), algorithmParams: parameters })
    }
  }
  throw new CmsError('MALFORMED', 'an algorithm that is no AlgorithmIdentifier')
}

function isEmptyLabel({ algorithmId, algorithmParams }: AlgorithmIdentifier): boolean {
  const label: unknown = algorithmParams
  return algorithmId === OID.pSpecified && label instanceof OctetString && label.getValue().byteLength === 0
}

/** A KeyAgreeRecipientInfo (RFC 5652 6.2.2). */
export function refuseKeyAgreement(): Refused {
  return { code: 'ALGORITHM_REFUSED', text: 'key agreement (ECDH) is not built yet; RSA key transport is' }
}

function named<Name extends string>(table: Readonly<Record<Name, string>>, id: string): Name | undefined {
  return (Object.keys(table) as Name[]).find((name) => table[name] === id)
}

function refuse(what: string, id: string): Refused {
  const later = NOT_BUILT_NAME[id]
  const text =
    later === undefined
      ? `${describe(id)} is not accepted as ${what}`
      : `${later} is not built yet and cannot be ${what}`
  return { code: 'ALGORITHM_REFUSED', text }
}

function describe(id: string): string {
  return REFUSED_NAME[id] ?? `an unknown algorithm (${/^[\d.]{1,100}$/.test(id) ? id : 'unreadable'})`
}
