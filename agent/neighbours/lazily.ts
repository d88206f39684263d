/** Something that is made when it is first asked for, and again only if making it failed. */
export interface Lazy<T> {
  (): Promise<T>
  /** What was asked for already; null: nobody has. */
  readonly made: Promise<T> | null
}

export function lazily<T>(make: () => Promise<T>): Lazy<T> {
  let made: Promise<T> | null = null
  const get = () => {
    if (made !== null) return made
    const making = make()
    made = making
    making.catch(() => {
      made = null
    })
    return making
  }
  return Object.defineProperty(get, 'made', { get: () => made }) as Lazy<T>
}
