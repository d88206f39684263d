import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const pages = [
  'README.md',
  ...(await readdir(new URL('docs/', root)))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const textOf = new Map(
  await Promise.all(pages.map(async (page) => [page, await readFile(new URL(page, root), 'utf8')] as const)),
)

/** As the places that show Markdown name headings. */
function anchorsOf(page: string): ReadonlySet<string> {
  const withoutCode = (textOf.get(page) ?? '').replace(/^```[\s\S]*?^```/gm, '')
  return new Set(
    [...withoutCode.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

test.each(pages)('each link of %s to a page of ours leads to a heading that is there', (page) => {
  const links = [...(textOf.get(page) ?? '').matchAll(/\]\(([^)\s]*)#([\w-]+)\)/g)]
  const dead = links.filter(([, to = '', anchor = '']) => {
    if (to.includes('://')) return false
    const target = to === '' ? page : new URL(to, new URL(page, root)).href.slice(root.href.length)
    return !textOf.has(target) || !anchorsOf(target).has(anchor)
  })
  expect(dead.map(([link]) => link)).toEqual([])
})
