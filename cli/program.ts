import { Command } from 'commander'
import { version } from '../agent/version.ts'
import { COMMANDS, type CommandEntry, type CommandModule, GROUPS } from './commands.ts'
import { guessing } from './guess.ts'
import { single, timeOption } from './options.ts'

export interface Globals {
  readonly config?: string
  readonly json?: true
  readonly at?: Date
  readonly network: boolean
}

/** The command that was called, parsed: what is left is to run it. */
export interface Call {
  readonly globals: Globals
  readonly entry: CommandEntry
  readonly module: CommandModule
  readonly command: Command
}

const EXAMPLE = `
Example: can these be reached securely, and why?
  direct classify dr.lee@hisp.example mom@mail.example
`

/**
 * Parses a command line. Null when help or the version was asked for, and has been printed. Global options may stand
 * anywhere. Throws commander's own CommanderError, or DirectError USAGE.
 */
export async function parse(args: readonly string[]): Promise<Call | null> {
  let call: Call | null = null
  const program = outline()
  const line = args[0] === 'help' ? helpFor(program, args.slice(1)) : args
  const entry = calledBy(line)
  if (entry !== undefined) {
    const module = await entry.load()
    const command = commandOf(program, entry)
    module.options(command)
    command.action(() => {
      call = { globals: program.opts<Globals>(), entry, module, command }
    })
  }
  await program.parseAsync(line, { from: 'user' })
  return call
}

/** `help send` is `send --help`; a word that is no command stays alone, to be told so. */
function helpFor(program: Command, words: readonly string[]): readonly string[] {
  const isCommand = words.length === 0 || program.commands.some((command) => command.name() === words[0])
  return isCommand ? [...words, '--help'] : words
}

/** All commands by name and summary, none of them loaded. */
function outline(): Command {
  const program = new Command('direct')
    .description('Direct secure mail: finds certificates, signs, encrypts, sends, receives.')
    .usage('<command> [options]')
    .helpCommand('help [command...]', 'print help for a command')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help; also: direct help <command>')
    .addOption(single('--config <file>', 'configuration (default: direct.yaml, if there is one)'))
    .option('--json', 'one JSON object per line')
    .addOption(timeOption('--at <time>', 'judge certificates and signatures as of this time (RFC 3339)'))
    .option('--no-network', 'open no socket')
    .addHelpText('after', EXAMPLE)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride(guessing)
    .configureOutput({ outputError: () => {}, writeErr: () => {} })
  for (const entry of COMMANDS) parentOf(program, entry.name).addCommand(stub(program, entry))
  return program
}

const lastWord = (words: string) => words.split(' ').at(-1) as string

function stub(program: Command, entry: CommandEntry): Command {
  const command = new Command(lastWord(entry.name)).copyInheritedSettings(program).description(entry.summary)
  if (entry.args !== '') command.arguments(entry.args)
  return command
}

/** The group that a command of several words belongs to, made with its own groups if it is missing. */
function parentOf(program: Command, name: string): Command {
  const words = name.split(' ').slice(0, -1)
  return words.reduce((parent, _, i) => groupOf(parent, words.slice(0, i + 1).join(' ')), program)
}

/** The group of all these words, the last of them under `parent`. */
function groupOf(parent: Command, words: string): Command {
  const name = lastWord(words)
  const found = parent.commands.find((command) => command.name() === name)
  if (found !== undefined) return found
  const group = new Command(name).copyInheritedSettings(parent).description(GROUPS[words] ?? '')
  parent.addCommand(group.helpCommand(false))
  return group
}

function commandOf(program: Command, entry: CommandEntry): Command {
  let command = program
  for (const word of entry.name.split(' '))
    command = command.commands.find((child) => child.name() === word) as Command
  return command
}

const MOST_WORDS = Math.max(...COMMANDS.map(({ name }) => name.split(' ').length))

/** The entry whose words come first in `args`, global options aside; undefined for anything else. */
function calledBy(args: readonly string[]): CommandEntry | undefined {
  const words: string[] = []
  for (let i = 0; i < args.length && words.length < MOST_WORDS; i++) {
    const arg = args[i] as string
    if (arg === '--config' || arg === '--at') i++
    else if (!arg.startsWith('-')) words.push(arg)
  }
  const called = words.map((_, i) => words.slice(0, i + 1).join(' '))
  return COMMANDS.find(({ name }) => called.includes(name))
}
