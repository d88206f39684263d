import { answerLines } from './batch.ts'
import { Agents } from './batch-agents.ts'
import { type Defaults, EXAMPLE, lineOf } from './batch-line.ts'
import type { Session } from './session.ts'

/** `message open --batch -`. */
export async function openBatch(session: Session, defaults: Defaults): Promise<number> {
  await using agents = new Agents(session)
  return await answerLines(session, EXAMPLE, async (fields) => {
    const { config, request } = lineOf(fields, defaults)
    return await (await agents.get(config)).open(request)
  })
}
