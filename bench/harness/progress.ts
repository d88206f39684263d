/** One line that says what is going on, for who watches a terminal; nothing where nobody does. */
export interface Progress {
  show(doing: string): void
  clear(): void
}

const CLEAR_LINE = '\r\u001b[K'

export function createProgress(terminal: NodeJS.WriteStream): Progress {
  if (!terminal.isTTY) return { show() {}, clear() {} }
  return {
    show: (doing) => terminal.write(`${CLEAR_LINE}measuring ${doing} …`.slice(0, terminal.columns || 80)),
    clear: () => terminal.write(CLEAR_LINE),
  }
}
