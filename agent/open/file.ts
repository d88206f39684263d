import { replaceFile } from '../files/durable-file.ts'
import { fileSource } from '../files/file-source.ts'
import { givenAddress } from '../given-address.ts'
import { type OpenTools, openMessage } from '../open.ts'
import type { Opened, OpenRequest } from '../receiving-types.ts'
import { lent } from '../smime/source.ts'
import { type MailFrom, parseMailFrom } from './envelope.ts'
import { listParts } from './parts.ts'
import { describeOpened } from './report.ts'

/** Opens and judges one file; stateless. Writes the inner message where it was asked for, and only if it is accepted. */
export async function openFile(request: OpenRequest, tools: OpenTools): Promise<Opened> {
  await using raw = await fileSource(request.path)
  const { at } = request
  const recipients = request.to.map(givenAddress)
  const mailFrom: MailFrom = request.mailFrom === undefined ? undefined : parseMailFrom(request.mailFrom)
  await using judged = await openMessage(
    raw,
    { recipients, mailFrom },
    at ? { ...tools, at: () => at } : tools,
  )
  if (request.out !== undefined && judged.trusted) await replaceFile(request.out, lent(judged.trusted.inner))
  return describeOpened(judged, judged.trusted ? await listParts(judged.trusted) : [])
}
