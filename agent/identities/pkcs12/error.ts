/**
 * Why a PKCS#12 file gives no key: it is none, its password is another, or it asks for what we do not do. It never leaves
 * agent/identities, and never holds a password.
 */
export class Pkcs12Error extends Error {
  override readonly name = 'Pkcs12Error'
  readonly kind: 'malformed' | 'password' | 'refused'

  constructor(kind: Pkcs12Error['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

export function malformed(what: string): Pkcs12Error {
  return new Pkcs12Error('malformed', what)
}

export function refused(what: string): Pkcs12Error {
  return new Pkcs12Error('refused', what)
}
