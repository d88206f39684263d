import type { PrivateKeyInput } from 'node:crypto'

const PEM = /-----BEGIN ((?:ENCRYPTED |RSA |EC )?PRIVATE KEY)-----([\s\S]+?)-----END \1-----/g

/** What in the file of a private key may be one, for node:crypto to try in turn: each key by itself, PKCS#8 as DER. */
export function keyForms(file: Buffer): readonly (PrivateKeyInput & { readonly key: Buffer })[] {
  if (!file.includes('-----BEGIN'))
    return (['pkcs8', 'pkcs1', 'sec1'] as const).map((type) => ({ key: file, format: 'der', type }))
  return [...file.toString('latin1').matchAll(PEM)].map(([block, label = '', base64 = '']) =>
    label === 'RSA PRIVATE KEY' || label === 'EC PRIVATE KEY'
      ? { key: Buffer.from(block, 'latin1'), format: 'pem' }
      : { key: Buffer.from(base64, 'base64'), format: 'der', type: 'pkcs8' },
  )
}

const SEQUENCE = 0x30

/** PKCS#8 in DER: an EncryptedPrivateKeyInfo begins with an AlgorithmIdentifier, every other private key with a version. */
export function isEncrypted(der: Uint8Array): boolean {
  const [tag, length = 0] = der
  const header = length > 0x80 ? 2 + (length & 0x7f) : 2
  return tag === SEQUENCE && der[header] === SEQUENCE
}
