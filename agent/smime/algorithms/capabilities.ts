import { asBuffer } from '../../mime/bytes.ts'
import { sequence, TAG } from '../ber/der.ts'
import type { Element } from '../ber/element.ts'
import { CmsError } from '../ber/error.ts'
import { readAlgorithmIdentifier } from './algorithm-identifier.ts'
import { type ContentCipher, contentCapability, readContentCipher } from './content.ts'
import { agreementForm, keyAgreementAlgorithm } from './key-agreement.ts'
import { type KeyTransport, keyTransportAlgorithm, readKeyTransport } from './key-transport.ts'

/** SMIMECapabilities (RFC 8551 2.5.2), as far as they are about what we write ourselves. In their owner's order. */
export interface Capabilities {
  /** At least one. */
  readonly content: readonly ContentCipher[]
  readonly keyTransport: readonly KeyTransport[]
}

/** What we would like to be sent, and to send, best first. */
export const CONTENT_PREFERENCE: readonly ContentCipher[] = [
  'aes-256-gcm',
  'aes-256-cbc',
  'aes-192-cbc',
  'aes-128-gcm',
  'aes-128-cbc',
]
/** Best first. OAEP with SHA-1 and PKCS#1 v1.5 are accepted, and nobody is asked for them. */
export const TRANSPORT_PREFERENCE: readonly KeyTransport[] = [
  'rsa-oaep-sha256',
  'rsa-oaep-sha384',
  'rsa-oaep-sha512',
]
/** RFC 5753 8: the wrap is part of the capability. */
const AGREEMENTS = [
  agreementForm('ecdh-sha256', 'aes-256-wrap'),
  agreementForm('ecdh-sha256', 'aes-128-wrap'),
  agreementForm('ecdh-sha384', 'aes-256-wrap'),
  agreementForm('ecdh-sha512', 'aes-256-wrap'),
]

const BEST_FIRST = [
  ...CONTENT_PREFERENCE.map(contentCapability),
  ...TRANSPORT_PREFERENCE.map(keyTransportAlgorithm),
]
/** DER of what we accept (MSG-7). Key agreement is for those alone who have an EC key. */
export const CAPABILITIES = sequence(...BEST_FIRST)
export const CAPABILITIES_WITH_EC_KEY = sequence(...BEST_FIRST, ...AGREEMENTS.map(keyAgreementAlgorithm))

/**
 * The value of somebody's smimeCapabilities. What we do not know is passed over; null where it names no content encryption
 * of ours, or is broken: it is help for us, and no reason to refuse what was signed.
 */
export function readCapabilities(value: Element | null): Capabilities | null {
  if (value?.tag !== TAG.SEQUENCE) return null
  if (value.bytes.length > LONGEST_REMEMBERED) return capabilitiesOf(value)
  const bytes = asBuffer(value.bytes).toString('latin1')
  const known = remembered.get(bytes)
  if (known !== undefined) return known
  const capabilities = capabilitiesOf(value)
  if (remembered.size === MOST_REMEMBERED) remembered.clear()
  remembered.set(bytes, capabilities)
  return capabilities
}

/** By their bytes: all who have the same software say the same, with each message. */
const remembered = new Map<string, Capabilities | null>()
const MOST_REMEMBERED = 100
/** Of any software that is known, a few hundred bytes. */
const LONGEST_REMEMBERED = 1000

function capabilitiesOf(value: Element): Capabilities | null {
  const content = new Set<ContentCipher>()
  const keyTransport = new Set<KeyTransport>()
  for (const entry of value.children) {
    const { cipher, transport } = readCapability(entry)
    if (cipher !== undefined) content.add(cipher)
    if (transport !== undefined) keyTransport.add(transport)
  }
  return content.size === 0 ? null : { content: [...content], keyTransport: [...keyTransport] }
}

/** An SMIMECapability is built as an AlgorithmIdentifier is. */
function readCapability(entry: Element): { cipher?: ContentCipher; transport?: KeyTransport } {
  try {
    const identifier = readAlgorithmIdentifier(entry)
    const cipher = readContentCipher(identifier.algorithm)
    if (cipher !== undefined) return { cipher }
    const transport = readKeyTransport(identifier)
    return typeof transport === 'string' ? { transport } : {}
  } catch (error) {
    if (error instanceof CmsError) return {}
    throw error
  }
}
