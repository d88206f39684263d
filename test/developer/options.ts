/** The options of a developers' program (`npm run fuzz`, `npm run timing`): its help is printed, and what it does not know refused. */
export function readOptions<Values extends { readonly help: boolean }>(
  program: string,
  help: string,
  parse: () => Values,
): Values {
  const values = parsed(program, parse)
  if (!values.help) return values
  process.stdout.write(`${help}\n`)
  process.exit()
}

/** Those whose name holds `part`, all for an empty one. None: ends with 2, and names those that exist. */
export function choose<Named extends { readonly name: string }>(
  program: string,
  kind: 'target' | 'family',
  all: readonly Named[],
  part: string,
): readonly Named[] {
  const chosen = all.filter(({ name }) => name.includes(part))
  if (chosen.length > 0) return chosen
  return refuse(
    program,
    `no ${kind} has ${JSON.stringify(part)} in its name; there are ${all.map(({ name }) => `"${name}"`).join(', ')}`,
  )
}

/** Ends with 2. */
export function refuse(program: string, why: string): never {
  process.stderr.write(`${program}: ${why}\n`)
  process.exit(2)
}

function parsed<Values>(program: string, parse: () => Values): Values {
  try {
    return parse()
  } catch (error) {
    if (error instanceof TypeError) return refuse(program, `${error.message} (--help lists the options)`)
    throw error
  }
}
