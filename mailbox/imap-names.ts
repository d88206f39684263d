import type { ListResponse } from 'imapflow'

/**
 * The path of a folder as the server spells it: as given, or else in another case; `/` stands for whatever the server
 * parts names with. Null where there is none, or only one that holds no messages.
 */
export function findFolder(folders: readonly ListResponse[], name: string): string | null {
  const selectable = folders.filter(
    (folder) => !folder.flags.has('\\Noselect') && !folder.flags.has('\\NonExistent'),
  )
  const spelled = (folder: ListResponse) => folder.path.replaceAll(folder.delimiter, '/')
  const same = selectable.find((folder) => folder.path === name || spelled(folder) === name)
  const wanted = name.toLowerCase()
  const alike = selectable.find(
    (folder) => folder.path.toLowerCase() === wanted || spelled(folder).toLowerCase() === wanted,
  )
  return (same ?? alike)?.path ?? null
}
