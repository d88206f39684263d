#!/usr/bin/env node
/** The command line. Nothing is imported before it is needed: `direct --version` is about as fast as node itself. */
const args = process.argv.slice(2)
const [major] = process.versions.node.split('.')
if (Number(major) < 24) {
  process.stderr.write(`direct: this is Node ${process.versions.node}; Node 24 or newer is needed\n`)
  process.exitCode = 2
} else if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) void tellVersion()
else void run()

async function tellVersion(): Promise<void> {
  const { version } = await import('../agent/version.ts')
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    // A reader who has gone wanted no more.
    if (code === 'EPIPE') return
    process.stderr.write(
      `direct: the answer cannot be written (${code})\ndirect: hint: See where stdout goes.\n`,
    )
    process.exitCode = 2
  })
  process.stdout.write(`${version()}\n`)
}

// Not awaited where it is called: as CommonJS, which is what is published, a file cannot await at its top.
async function run(): Promise<void> {
  const { main } = await import('./run-program.ts')
  await main(args)
}
