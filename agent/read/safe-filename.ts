/** At most so many characters, and bytes: file systems allow 255 with the number that is put before. */
const LONGEST = 100
const LONGEST_BYTES = 200
const LONGEST_EXTENSION = 20

/** Controls, and what changes the direction or the look of the rest without being seen. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu
const DEVICES =
  /^(con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]) *(\.|$)/i

/**
 * A name for a file, from whatever a stranger called it: no folders, controls, direction marks, device names or leading
 * dots; at most 100 characters, the extension kept. `index` names what is left without a name.
 */
export function safeFilename(name: string | null, index: number): string {
  const base = (name ?? '').normalize('NFC').split(/[/\\]/).at(-1) ?? ''
  const visible = base
    .replace(INVISIBLE, '')
    .replace(/[<>:"|?*\ufffd]/g, '_')
    .replace(/\s+/gu, ' ')
  const trimmed = visible.replace(/^[. ]+/, '').replace(/(?<![. ])[. ]+$/, '')
  const safe = shorten(trimmed === '' ? `part-${index}` : trimmed)
  return DEVICES.test(safe) ? `_${safe}` : safe
}

function shorten(name: string): string {
  const dot = name.lastIndexOf('.')
  const extension = dot > 0 && name.length - dot <= LONGEST_EXTENSION ? name.slice(dot) : ''
  const stem = [...name.slice(0, name.length - extension.length)]
  while (
    stem.length + [...extension].length > LONGEST ||
    Buffer.byteLength(stem.join('')) + Buffer.byteLength(extension) > LONGEST_BYTES
  )
    stem.length = Math.min(stem.length - 1, LONGEST)
  return (stem.join('') + extension).replace(/(?<![. ])[. ]+$/, '')
}
