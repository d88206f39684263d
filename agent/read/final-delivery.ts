const NAME = /^x-direct-final-destination-delivery[ \t]*(=|$)/i
const ASKED = /^x-direct-final-destination-delivery[ \t]*=[ \t]*optional[ \t]*,[ \t]*true$/i

/**
 * N-4: whether Disposition-Notification-Options (RFC 8098 2.2) ask, once and in proper form, for a `dispatched` MDN.
 * `required` and other values are no proper form.
 */
export function asksForDispatched(options: string | null): boolean {
  const requests = (options ?? '')
    .split(';')
    .map((parameter) => parameter.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((parameter) => NAME.test(parameter))
  return requests.length === 1 && ASKED.test(requests[0] as string)
}
