/** Why a file could not be read, in words where it is a mistake that anybody makes. */
export function whyUnread(error: unknown): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException
  return WORDS[code] ?? code
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be read by this user',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
}
