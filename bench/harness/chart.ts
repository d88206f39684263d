import type { Figure, Group, Limit, Measured } from './figures.ts'
import type { Report } from './report.ts'
import { line, picture, rectangle, type Svg, text } from './svg.ts'
import { inUnit, short, wanted } from './table.ts'

const COLUMN = 440
const MARGIN = 20
const NAMES = 130
const BARS = 200
const VALUES = 8
const BAR = 13
const ROW = 18

/** Light, and dark where the reader's system is. */
const STYLE = `
text { font: 11px system-ui, sans-serif; fill: #1f2328 }
.heading { font-size: 15px; font-weight: 600 }
.title { font-weight: 600 }
.name { text-anchor: end }
.quiet { fill: #59636e }
.paper { fill: #ffffff }
.other { fill: #afb8c1 }
.good { fill: #0969da }
.bad { fill: #bc4c00 }
.cut { stroke: #ffffff; stroke-width: 3 }
.limit { stroke: #1f2328; stroke-width: 1.5; stroke-dasharray: 3 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .quiet { fill: #9198a1 }
  .paper { fill: #0d1117 }
  .other { fill: #57606a }
  .good { fill: #4493f8 }
  .bad { fill: #db6d28 }
  .cut { stroke: #0d1117 }
  .limit { stroke: #e6edf3 }
}`

/** The figures of which something is wanted, as bars; what goes too far out is cut off. */
export function drawChart({ parts, date, machine }: Report): Svg {
  const groups = parts.flatMap(({ groups }) => groups.flatMap(limited))
  const columns = [MARGIN + 50, MARGIN + 50]
  const drawn = groups.flatMap((group) => {
    const column = (columns[0] as number) <= (columns[1] as number) ? 0 : 1
    const { bottom, content } = drawGroup(group, column * COLUMN + MARGIN, columns[column] as number)
    columns[column] = bottom
    return content
  })
  const name = 'direct-agent: what is measured, and what is wanted'
  const { cores, cpu, node } = machine
  const about = `${date.slice(0, 10)}, ${cores} cores (${cpu}), Node ${node}`
  const key =
    'Blue: direct-agent within what is wanted (dashed); orange: not yet. × are multiples of the first bar.'
  return picture({ width: 2 * COLUMN + MARGIN, height: Math.max(...columns) + MARGIN, name, style: STYLE }, [
    text(MARGIN, 30, 'heading', name),
    text(MARGIN, 48, 'quiet', `${about}. ${key}`),
    ...drawn,
  ])
}

/** Of a group, what can be drawn beside a limit. */
function limited(group: Group): Group[] {
  const figures = group.figures.filter(({ limits }) => limits.length > 0)
  return figures.length === 0 || group.unit === 'questions' ? [] : [{ ...group, figures }]
}

function drawGroup({ title, figures, unit }: Group, x: number, top: number) {
  let y = top + 24
  const content = [text(x, y, 'title', title)]
  const scale = BARS / (1.1 * Math.max(...figures.flatMap(relevant)))
  for (const figure of figures) {
    const { contenders, limits } = figure
    y += 20
    content.push(
      text(x, y, 'quiet', `${figure.name}: ${limits.map((limit) => wanted(limit, unit)).join(', ')}`),
    )
    y += 8
    const begin = y
    for (const [i, measured] of contenders.entries()) {
      const length = scale * shown(measured)
      const isBase = i === 0 || measured.ratio === null
      const label = isBase ? inUnit(measured.value, unit) : `${short(shown(measured))} ×`
      content.push(
        text(x + NAMES - 6, y + BAR - 3, 'name', measured.name),
        rectangle(x + NAMES, y, Math.min(length, BARS), BAR, kindOf(measured, limits)),
        text(x + NAMES + BARS + VALUES, y + BAR - 3, '', label),
        ...(length > BARS ? [line(x + NAMES + BARS - 12, y, BAR, 'cut')] : []),
      )
      y += ROW
    }
    for (const { wanted } of limits.filter(drawable(figure)))
      content.push(line(x + NAMES + scale * wanted, begin - 3, y - begin + 1, 'limit'))
  }
  return { bottom: y + 12, content }
}

function shown({ ratio, value }: Measured): number {
  return ratio ?? value
}

/** A limit that is a length on the figure's own scale. */
function drawable({ contenders }: Figure) {
  return ({ timesThatOf }: Limit) => timesThatOf === null || timesThatOf === contenders[0]?.name
}

/** What must be on the picture in full: the limits, who is held to them, and what they are measured by. */
function relevant(figure: Figure): number[] {
  const { contenders, limits } = figure
  const drawn = limits.filter(drawable(figure))
  const held = contenders.filter(({ name }, i) => i === 0 || drawn.some(({ of }) => of === name))
  return [...drawn.map(({ wanted }) => wanted), ...held.map(shown)]
}

function kindOf({ name }: Measured, limits: readonly Limit[]): string {
  const own = limits.filter(({ of }) => of === name)
  if (own.length === 0) return 'other'
  return own.every(({ met }) => met) ? 'good' : 'bad'
}
