/** How often something was tried in vain, and when it is again. */
export function triesText(tries: number, again: string): string {
  const times = tries === 1 ? 'tried once' : `tried ${tries} times`
  return tries === 0 ? again : `${times}, ${again}`
}

export function nextTry(next: Date): string {
  return `next try ${next.toISOString()}`
}
