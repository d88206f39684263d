import { createHmac } from 'node:crypto'
import { lent, type Source } from '../smime/source.ts'

/**
 * What proves to the EHR that a request is ours, and when it was made: `t=<unix seconds>,v1=<hex>`, where v1 is the
 * HMAC-SHA256 with the secret over t in decimal, a dot, and the body byte for byte. Whoever checks it refuses a t that is
 * long past, so that an old request cannot be sent again.
 */
export async function signatureOf(body: Source, secret: string, at: Date): Promise<string> {
  const t = Math.floor(at.getTime() / 1000)
  const hmac = createHmac('sha256', secret).update(`${t}.`)
  for await (const chunk of lent(body)) hmac.update(chunk)
  return `t=${t},v1=${hmac.digest('hex')}`
}
