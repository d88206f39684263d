import type { Change, Recipient } from '../agent/index.ts'
import { rowsOf } from './book/rows.ts'
import { Tally } from './book/tally.ts'
import { EXIT, exitOfRoutes } from './exit.ts'
import { printable, short } from './printable.ts'
import { answer, openAgent, type Session } from './session.ts'
import { belowRoute } from './text/route.ts'

/** What `classify` of an address book, or of what changed, is asked. */
export interface BookQuestion {
  /** Of the command line: they come first, and have no row. */
  readonly addresses: readonly string[]
  readonly file: string | undefined
  readonly column: string | undefined
  readonly from: string | undefined
  readonly explain: boolean
}

/** Of the longest route. */
const WIDTH = 'undetermined'.length

/** One line for each address, in the order of the rows. */
export async function classifyFile(session: Session, question: BookQuestion): Promise<number> {
  const asked = new Asked(session, question)
  await using agent = await openAgent(session)
  await asked.tally.expect(question.file)
  for await (const recipient of agent.classifyEach(asked.addresses(), optionsOf(session, question))) {
    const { evidence, ...brief } = recipient
    const row = asked.answered(recipient)
    const shown = question.explain ? recipient : brief
    await answer(session, { ...(row && { row }), ...shown }, () => {
      const line = `${recipient.route.padEnd(WIDTH)}  ${who(row, recipient)}  ${printable(recipient.forUser)}`
      return [line, ...belowRoute(recipient, question.explain)].join('\n')
    })
    if (session.out.closed) break
  }
  asked.tally.tell()
  return exitOfRoutes(asked.tally.routes)
}

/** Addresses that the note about those not known names. */
const MOST_NAMED = 5

/** One line for each change, and a note of who is not known now: that is no change. */
export async function tellChanges(
  session: Session,
  question: BookQuestion,
  withinDays: number | undefined,
): Promise<number> {
  const asked = new Asked(session, question)
  await using agent = await openAgent(session)
  await asked.tally.expect(question.file)
  let row: number | undefined
  let told = 0
  const unknown = { count: 0, named: [] as string[] }
  const changes = agent.changes(asked.addresses(), {
    ...optionsOf(session, question),
    ...(withinDays !== undefined && { withinDays }),
    onAnswer: (recipient) => {
      row = asked.answered(recipient)
      if (recipient.route !== 'undetermined') return
      if (unknown.count++ < MOST_NAMED)
        unknown.named.push(`${row === undefined ? '' : `row ${row} `}${recipient.address}`)
    },
  })
  for await (const change of changes) {
    told++
    await answer(session, { ...(row && { row }), ...change }, () => changeText(change, row))
    // What nobody reads is not told, and comes again.
    if (session.out.closed) break
  }
  asked.tally.tell(told)
  if (unknown.count > 0) session.out.note(unknownText(unknown.count, unknown.named))
  return unknown.count > 0 ? EXIT.notKnown : EXIT.done
}

function unknownText(count: number, named: readonly string[]): string {
  const more = count > named.length ? `, and ${count - named.length} more` : ''
  return `${count} address(es) are not known now, which changes nothing about them; the next run asks again: ${named.join(', ')}${more}`
}

/** The addresses as they are asked about, each with its row. */
class Asked {
  readonly tally: Tally
  readonly #question: BookQuestion
  /** Of those that are not answered yet, in their order. */
  readonly #rows: (number | undefined)[] = []

  constructor(session: Session, question: BookQuestion) {
    this.tally = new Tally(session)
    this.#question = question
  }

  async *addresses(): AsyncGenerator<string, void, void> {
    const { addresses, file, column } = this.#question
    for (const address of addresses) {
      this.#rows.push(undefined)
      yield address
    }
    if (file === undefined) return
    for await (const { row, text } of rowsOf({ file, column })) {
      if (text === '') this.tally.empty++
      else {
        this.#rows.push(row)
        yield text
      }
    }
  }

  /** Its row, if it has one. */
  answered(recipient: Recipient): number | undefined {
    this.tally.add(recipient)
    return this.#rows.shift()
  }
}

function optionsOf({ signal }: Session, { from }: BookQuestion) {
  return { signal, ...(from !== undefined && { from }) }
}

function who(row: number | undefined, { address }: { readonly address: string }): string {
  return `${row === undefined ? '' : `row ${row}  `}${printable(address)}`
}

function changeText(change: Change, row: number | undefined): string {
  const { why, certificates } = change
  return [
    `${change.change.padEnd(13)}  ${who(row, change)}`,
    ...why.map(({ code, text }) => `    ${printable(`${code}: ${text}`)}`),
    ...certificates.map(
      ({ sha256, foundIn, notAfter }) =>
        `    certificate ${short(sha256)} from ${foundIn}, ends ${notAfter.toISOString()}`,
    ),
  ].join('\n')
}
