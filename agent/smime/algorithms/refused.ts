import type { Reason } from '../../errors.ts'

/** An algorithm of others that protocol.md ALG does not accept, by its name. */
export type Refused = Reason<'ALGORITHM_REFUSED'>

/** What is known well enough to be called by its name when it is refused. */
const NAMES: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.2': 'MD2',
  '1.2.840.113549.2.4': 'MD4',
  '1.2.840.113549.2.5': 'MD5',
  '1.2.840.113549.1.1.2': 'MD2 with RSA',
  '1.2.840.113549.1.1.4': 'MD5 with RSA',
  '2.16.840.1.101.3.4.2.4': 'SHA-224',
  '1.2.840.113549.1.1.14': 'SHA-224 with RSA',
  '1.2.840.10040.4.1': 'DSA',
  '1.2.840.10040.4.3': 'DSA with SHA-1',
  '1.2.840.10045.4.3.1': 'ECDSA with SHA-224',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
  '1.2.840.113549.3.7': '3DES (DES-EDE3-CBC)',
  '1.2.840.113549.3.2': 'RC2',
  '1.2.840.113549.3.4': 'RC4',
  '1.3.14.3.2.7': 'DES',
  '2.16.840.1.101.3.4.1.26': 'AES-192-GCM',
  '1.2.840.113549.1.9.16.3.6': '3DES key wrap',
  '1.2.840.113549.1.9.16.3.5': 'ephemeral-static Diffie-Hellman',
  '1.3.133.16.840.63.0.3': 'cofactor ECDH',
  '1.3.132.1.14.1': 'cofactor ECDH',
  '1.3.132.1.14.2': 'cofactor ECDH',
  '1.3.132.1.14.3': 'cofactor ECDH',
  '1.2.840.113549.1.9.16.3.18': 'ChaCha20-Poly1305',
  '1.2.840.113549.1.9.16.3.19': 'ECDH with HKDF',
  '1.2.840.113549.1.9.16.3.20': 'ECDH with HKDF',
  '1.2.840.113549.1.9.16.3.21': 'ECDH with HKDF',
}

/** `what` is the part that it was to play, e.g. `the digest`. */
export function refuse(what: string, id: string): Refused {
  return { code: 'ALGORITHM_REFUSED', text: `${describe(id)} is not accepted as ${what}` }
}

/** An OID's name for people. Anything may stand in a message, so what is no OID is not repeated. */
export function describe(id: string): string {
  return NAMES[id] ?? `an unknown algorithm (${/^[\d.]{1,100}$/.test(id) ? id : 'unreadable'})`
}
