import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Plugin } from 'rolldown'

/**
 * The command line as it is published: its modules and those of its packages in few files, as Node takes a third of a
 * millisecond for each, and as CommonJS, for which it does not load what our modules need not of its own (an ES import of
 * node:crypto gets web crypto as well). What is imported only when it is needed stays apart; what many commands need is one
 * file. Names stay as they are, so that stacks can be read. The library is not bundled: whoever uses it has the packages.
 */
export default defineConfig({
  input: 'cli/main.ts',
  platform: 'node',
  transform: { target: 'node24' },
  // pg loads it for whoever prefers it to pg's own JavaScript: nobody here.
  external: ['pg-native'],
  // Chunks may export more than their modules do: nobody imports them but the command line itself.
  preserveEntrySignatures: false,
  output: {
    dir: 'dist/cli',
    format: 'cjs',
    dynamicImportInCjs: false,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    codeSplitting: {
      groups: [
        // What is needed to hear a signal, and to end well, comes before all else.
        {
          name: 'first',
          test: /[\\/](?:cli[\\/](?:exit|output|printable|say)|agent[\\/]errors)\.ts$/,
          priority: 2,
        },
        // To read a command line, and to say what is wrong with it, takes nothing of what commands do.
        { name: 'arguments', test: /[\\/](?:node_modules[\\/]commander|cli[\\/]options\.ts$)/, priority: 1 },
        { name: 'shared', test: isForMany, minShareCount: 9 },
      ],
    },
  },
  plugins: [licences()],
})

/** What nine parts of the command line share, most commands need; but not a store, and the version is told alone. */
function isForMany(id: string): boolean {
  return !/[\\/](?:node_modules|store)[\\/]|[\\/]version\.ts$/.test(id)
}

/** The licences of all packages of which something is inside, beside it. Throws where one has none. */
function licences(): Plugin {
  return {
    name: 'licences',
    generateBundle(_, bundle) {
      const folders = new Set<string>()
      for (const chunk of Object.values(bundle))
        if (chunk.type === 'chunk')
          for (const id of chunk.moduleIds) {
            const [folder] = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id) ?? []
            if (folder !== undefined) folders.add(folder)
          }
      const texts = [...folders].map(licenceOf).sort()
      this.emitFile({
        type: 'asset',
        fileName: 'THIRD-PARTY.txt',
        source: texts.join(`\n${'-'.repeat(80)}\n\n`),
      })
    },
  }
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const files = readdirSync(folder)
  const texts = (names: RegExp) =>
    files.filter((file) => names.test(file)).map((file) => readFileSync(join(folder, file), 'utf8'))
  const own = texts(/^(licen[cs]e|copying|notice)/i)
  // Some packages have it at the end of their README alone.
  const found = own.length > 0 ? own : texts(/^readme/i).map((text) => text.split(/^#+ licen[cs]e$/im)[1])
  if (found.length === 0 || found.includes(undefined))
    throw new Error(`${name} ${version} (${license}) comes without its licence's text`)
  return [`${name} ${version} (${license})`, ...found.map((text) => text?.trim()), ''].join('\n\n')
}
