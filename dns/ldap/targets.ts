/** A target of an SRV record (RFC 2782). */
export interface Target {
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly host: string
}

/**
 * The order in which targets are asked (DISC-7): priority ascending; within a priority, drawn by weight as RFC 2782 has
 * it, and those of weight 0 after all others, as they came. `random`: at least 0, below 1.
 */
export function orderTargets(targets: readonly Target[], random: () => number): readonly Target[] {
  const priorities = [...new Set(targets.map(({ priority }) => priority))].toSorted((a, b) => a - b)
  return priorities.flatMap((priority) => {
    const same = targets.filter((target) => target.priority === priority)
    return [
      ...drawByWeight(
        same.filter(({ weight }) => weight > 0),
        random,
      ),
      ...same.filter(({ weight }) => weight === 0),
    ]
  })
}

function drawByWeight(targets: readonly Target[], random: () => number): readonly Target[] {
  const left = [...targets]
  const drawn: Target[] = []
  while (left.length > 0) {
    let point = random() * left.reduce((sum, { weight }) => sum + weight, 0)
    const hit = left.findIndex(({ weight }) => {
      point -= weight
      return point < 0
    })
    drawn.push(...left.splice(Math.max(hit, 0), 1))
  }
  return drawn
}
