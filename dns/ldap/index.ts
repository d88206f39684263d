/** Asking directories. */
export { createLdapClient, type LdapClientOptions } from './client.ts'
