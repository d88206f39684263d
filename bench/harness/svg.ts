/** A piece of SVG. Only this file writes angle brackets. */
export type Svg = string

type Attributes = Readonly<Record<string, string | number>>

export function element(name: string, attributes: Attributes, content: Svg = ''): Svg {
  const all = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(number(value))}"`)
  return `<${name}${all.join('')}>${content}</${name}>`
}

export function text(x: number, y: number, kind: string, content: string): Svg {
  return element('text', { x, y, class: kind }, escaped(content))
}

export function rectangle(x: number, y: number, width: number, height: number, kind: string): Svg {
  return element('rect', { x, y, width, height, rx: 2, class: kind })
}

export function line(x: number, y: number, length: number, kind: string): Svg {
  return element('path', { d: `M${number(x)} ${number(y)}v${number(length)}`, class: kind })
}

/** A picture with a background of its own, so that it can be read wherever it is shown. */
export function picture(
  { width, height, name, style }: { width: number; height: number; name: string; style: string },
  content: readonly Svg[],
): Svg {
  const inside = [
    element('title', {}, escaped(name)),
    element('style', {}, escaped(style)),
    rectangle(0, 0, width, height, 'paper'),
    ...content,
  ]
  const box = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
  }
  return `${element('svg', box, `\n${inside.join('\n')}\n`)}\n`
}

function number(value: string | number): string {
  return typeof value === 'number' ? String(Math.round(value * 10) / 10) : value
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
