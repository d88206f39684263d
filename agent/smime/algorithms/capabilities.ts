import { sequence } from '../ber/der.ts'
import { contentCapability } from './content.ts'
import { keyTransportAlgorithm } from './key-transport.ts'

/** What we would like to be sent, best first, and nothing that we do not accept (RFC 8551 2.5.2; MSG-7). */
export const CAPABILITIES = sequence(
  contentCapability('aes-256-cbc'),
  contentCapability('aes-128-cbc'),
  keyTransportAlgorithm('rsa-oaep-sha256'),
  keyTransportAlgorithm('rsa-oaep-sha384'),
  keyTransportAlgorithm('rsa-oaep-sha512'),
)
