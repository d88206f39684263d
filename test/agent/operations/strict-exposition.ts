/** A series as it was read: its name, its labels in order, its value. */
export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/**
 * Prometheus' text format 0.0.4, read as strictly as its specification can be: anything that a scraper could take
 * otherwise is an error.
 */
export function readExposition(text: string): readonly Series[] {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const series: Series[] = []
  const types = new Map<string, string>()
  const helped = new Set<string>()
  const ended = new Set<string>()
  const keys = new Set<string>()
  let current = ''
  const begin = (name: string) => {
    if (name === current) return
    if (ended.has(name)) throw new Error(`${name} is in two places`)
    if (current !== '') ended.add(current)
    current = name
  }
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    if (comment) {
      const [, kind, name = '', rest = ''] = comment
      begin(name)
      if (kind === 'HELP') {
        if (helped.has(name)) throw new Error(`${name} has two HELP lines`)
        if (!/^(?:[^\\]|\\[\\n])*$/.test(rest)) throw new Error(`HELP of ${name} has a wrong escape`)
        helped.add(name)
      } else {
        if (types.has(name)) throw new Error(`${name} has two TYPE lines`)
        if (!/^(counter|gauge)$/.test(rest)) throw new Error(`${name} is of type ${rest}`)
        if (series.some((one) => one.name === name)) throw new Error(`TYPE of ${name} comes late`)
        types.set(name, rest)
      }
      continue
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (!sample) throw new Error(`not understood: ${line}`)
    const [, name = '', labels = '', value = ''] = sample
    begin(name)
    if (!types.has(name) || !helped.has(name)) throw new Error(`${name} has no HELP or no TYPE`)
    if ((types.get(name) === 'counter') !== name.endsWith('_total'))
      throw new Error(`${name} is no counter by name`)
    if (!/^([+-]?\d+(\.\d+)?([eE][+-]?\d+)?|NaN|[+-]Inf)$/.test(value)) throw new Error(`${name} is ${value}`)
    const key = `${name}{${labels}}`
    if (keys.has(key)) throw new Error(`${key} is there twice`)
    keys.add(key)
    series.push({ name, labels: readLabels(labels), value: Number(value) })
  }
  return series
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  let rest = text
  while (rest !== '') {
    const pair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/.exec(rest)
    if (!pair) throw new Error(`no label: ${rest}`)
    const [all, name = '', value = '', comma] = pair
    if (name in labels || name.startsWith('__')) throw new Error(`the label ${name} may not stand there`)
    labels[name] = value.replace(/\\([\\"n])/g, (_, one: string) => (one === 'n' ? '\n' : one))
    rest = rest.slice(all.length)
    if (comma === ',' && rest === '') throw new Error('a label is missing')
  }
  return labels
}
