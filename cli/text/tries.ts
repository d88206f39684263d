/** How often something was tried in vain, and when it is again. */
export function triesText(tries: number, again: string): string {
  const times = tries === 1 ? 'tried once' : `tried ${tries} times`
  return tries === 0 ? again : `${times}, ${again}`
}

/** Nobody can tell a process that was killed from one that is still at it. */
export function heldText(until: Date): string {
  return `held until ${until.toISOString()} by a process that is handing it over, or was killed at it; in that case the next try is then`
}

export function nextTry(next: Date): string {
  return `next try ${next.toISOString()}`
}
