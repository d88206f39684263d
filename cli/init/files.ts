import { access, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DirectError } from '../../agent/errors.ts'

/** Files made together: never over an existing one, and none is left behind when one of them fails. */
export class NewFiles implements AsyncDisposable {
  readonly #dir: string
  readonly #made: { readonly file: string; readonly what: string }[] = []
  #kept = false

  private constructor(dir: string) {
    this.#dir = dir
  }

  /** Makes the folder. Throws DirectError FILE_UNWRITABLE when one of `names` is there already. */
  static async in(dir: string, names: readonly string[]): Promise<NewFiles> {
    await attempt(dir, () => mkdir(dir, { recursive: true, mode: 0o700 }))
    for (const name of names) if (await exists(join(dir, name))) throw inTheWay(join(dir, name))
    return new NewFiles(dir)
  }

  get made(): readonly { readonly file: string; readonly what: string }[] {
    return this.#made
  }

  /** Readable by its owner alone. */
  async add(name: string, content: string | Uint8Array, what: string): Promise<void> {
    const path = join(this.#dir, name)
    await attempt(path, () => writeNew(path, content))
    this.#made.push({ file: name, what })
  }

  /** As `add`, but content with a file by that name with the same bytes. */
  async addSame(name: string, content: string, what: string): Promise<void> {
    const path = join(this.#dir, name)
    if ((await exists(path)) && (await readFile(path, 'utf8')) === content) return
    await this.add(name, content, what)
  }

  keep(): void {
    this.#kept = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#kept) return
    for (const { file } of this.#made) await rm(join(this.#dir, file), { force: true })
  }
}

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

/** All of a file, 0600, where none is yet; or nothing, where the disk is full. */
export async function writeNew(path: string, content: string | Uint8Array): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

const HINT = 'Name another folder with --dir, one that you may write to.'

/** `hint`: what to do where it cannot be written. */
export async function attempt<Value>(
  path: string,
  make: () => Promise<Value>,
  hint: string = HINT,
): Promise<Value> {
  try {
    return await make()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') throw inTheWay(path)
    throw new DirectError('FILE_UNWRITABLE', `cannot write ${path} (${code})`, {
      hint,
      cause,
    })
  }
}

function inTheWay(path: string): DirectError {
  return new DirectError('FILE_UNWRITABLE', `${path} is there already; nothing was made`, {
    hint: 'Name another folder with --dir, or move that file away: init overwrites nothing.',
  })
}
