/** Of CMS (RFC 5652, RFC 5083) and of its attributes. Those of one algorithm family stand with it. */
export const OID = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  smimeCapabilities: '1.2.840.113549.1.9.15',
  /** RFC 6211. */
  algorithmProtection: '1.2.840.113549.1.9.52',
  rsaEncryption: '1.2.840.113549.1.1.1',
} as const

/** The name under which a table holds an OID. */
export function nameOf<Name extends string>(
  table: Readonly<Partial<Record<Name, string>>>,
  id: string,
): Name | undefined {
  for (const name in table) if (table[name] === id) return name
  return undefined
}
