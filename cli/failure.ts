import type { CommanderError } from 'commander'
import { DirectError, ofSystem } from '../agent/errors.ts'
import { EXIT, exitOfError } from './exit.ts'
import type { Output } from './output.ts'
import { say } from './say.ts'

/** Says what went wrong: one line `direct: …`, then `direct: hint: …` lines. Returns the exit code. */
export function tellFailure(thrown: unknown, out: Output): number {
  const error = ofSystem(thrown)
  if (error instanceof DirectError) {
    say(out, error.message, error.hint)
    return exitOfError(error)
  }
  if (isCommanders(error)) return tellUsage(error, out)
  if (error instanceof Error && 'syscall' in error && error.syscall === 'uv_cwd') {
    say(out, 'the folder that this was started in does not exist any more', 'Change to another folder.')
    return EXIT.usage
  }
  const kind = error instanceof Error ? error.name : typeof error
  say(
    out,
    `unexpected ${kind}: this is a bug of direct-agent`,
    'Please report it, with the command that you ran; DIRECT_DEBUG=1 shows where it happened.',
  )
  if (process.env.DIRECT_DEBUG === '1') out.talk(error instanceof Error ? String(error.stack) : String(error))
  return EXIT.bug
}

/** Without loading its class: this has to work where nothing can be loaded any more. */
function isCommanders(error: unknown): error is CommanderError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')
}

function tellUsage(error: CommanderError, out: Output): number {
  // Help and version were asked for and have been printed.
  if (error.exitCode === 0) return EXIT.done
  if (error.code === 'commander.help') {
    say(out, 'name a command', SEE_HELP)
    return EXIT.usage
  }
  const [what = '', guess] = error.message.replace(/^error: /, '').split('\n(')
  say(out, what, guess === undefined ? SEE_HELP : `${guess.replace(/\)$/, '')} ${SEE_HELP}`)
  return EXIT.usage
}

const SEE_HELP = '"direct --help" lists the commands, "direct help <command>" the options.'
