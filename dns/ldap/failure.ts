/** Why a directory could not be asked to the end: a clause that follows the server's name. Never leaves this folder. */
export class LdapFailure extends Error {
  /** The connection ended or is of no use any more: what was asked may be asked again on a new one. */
  readonly connectionLost: boolean

  constructor(clause: string, { connectionLost = false }: { readonly connectionLost?: boolean } = {}) {
    super(clause)
    this.connectionLost = connectionLost
  }
}
