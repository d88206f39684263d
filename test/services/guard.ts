import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

/**
 * Hears what is to be done once we are gone, and what no longer is. The end of its input is our end, in whatever way: then
 * it does what is left, the newest first.
 */
const GUARD = `n=0
while read -r word id command; do
  case $word in
    keep) eval "todo_$id=\\$command"; n=$id ;;
    drop) unset "todo_$id" ;;
  esac
done
while [ "$n" -gt 0 ]; do eval "eval \\"\\\${todo_$n-}\\""; n=$((n-1)); done`

let guard: Writable | null = null
let count = 0

/**
 * Should this process end before it is disposed of, Ctrl-C and SIGKILL included, the shell runs this command, one line of
 * it. What was asked for last is done first.
 */
export function ifWeEnd(command: string): Disposable {
  guard ??= startGuard()
  const id = ++count
  guard.write(`keep ${id} ${command}\n`)
  return {
    [Symbol.dispose]() {
      guard?.write(`drop ${id}\n`)
    },
  }
}

/** The child, which is killed should this process end before it. */
export function endsWithUs<Child extends ChildProcess>(child: Child): Child {
  if (child.pid === undefined) return child
  const guarded = ifWeEnd(`kill -KILL ${child.pid} 2>/dev/null`)
  child.once('exit', () => guarded[Symbol.dispose]())
  return child
}

/** As a word of the shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

function startGuard(): Writable {
  const child = spawn('sh', ['-c', GUARD], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.unref()
  return child.stdin
}
