interface Named {
  readonly name: string
}

/** Those of `all` whose name none of `names` has. */
export function notIn<One extends Named>(names: readonly Named[], all: readonly One[]): readonly One[] {
  const known = new Set(names.map(({ name }) => name))
  return all.filter(({ name }) => !known.has(name))
}
