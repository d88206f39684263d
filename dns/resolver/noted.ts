import { showAnswer } from '../answers.ts'
import type { Question } from '../types.ts'
import type { AnswerRecord, Resolver } from './types.ts'

/** Records of one answer that are shown. */
const MOST_SHOWN = 8

/** The same resolver; each question for addresses that goes through it is added to `questions`, in the order put. */
export function noted(resolver: Resolver, questions: Question[]): Resolver {
  return {
    async resolve(name, type, options) {
      const place = questions.push({ name, type, answer: 'not answered' }) - 1
      const answer = await resolver.resolve(name, type, options)
      questions[place] = { name, type, answer: showAnswer(answer, showAddresses) }
      return answer
    },
  }
}

function showAddresses(records: readonly AnswerRecord[]): string {
  const more = records.length > MOST_SHOWN ? ` and ${records.length - MOST_SHOWN} more` : ''
  return (
    records
      .slice(0, MOST_SHOWN)
      .map(({ data }) => String(data))
      .join(', ') + more
  )
}
