/** `classify --file` and `--changes` as an EHR's nightly job meets them. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Row, rowsOf } from '../../cli/book/rows.ts'
import { all } from '../flow/clinics.ts'
import { type Clinics, silentNameServer, twoClinics } from './clinics.ts'
import { direct, start, temporaryFolder } from './direct.ts'

const LEE = 'dr.lee@clinic-b.example'
const ROSS = 'dr.ross@clinic-b.example'

/** The rows of a book of these bytes. */
async function rows(content: string | Uint8Array, column?: string): Promise<readonly Row[]> {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'book.csv')
  await writeFile(file, content)
  return await all(rowsOf({ file, column }))
}

const LINES = [
  ['Name', 'E-Mail', 'Note'],
  ['"Lee"', LEE, 'x'],
  ['Ross', ROSS, ''],
]
const table = (delimiter: string, end: string) => LINES.map((line) => line.join(delimiter) + end).join('')
const FOUND: readonly Row[] = [
  { row: 2, text: LEE },
  { row: 3, text: ROSS },
]

describe('a book is read as it was exported', () => {
  test.each([
    ['commas', table(',', '\n')],
    ['semicolons', table(';', '\n')],
    ['tabs', table('\t', '\n')],
    ['CRLF', table(',', '\r\n')],
    ['CR', table(',', '\r')],
    ['no line end at the end', table(',', '\n').trimEnd()],
    ['a byte order mark', `\uFEFF${table(';', '\r\n')}`],
    ['UTF-16, little endian', Buffer.from(`\uFEFF${table('\t', '\r\n')}`, 'utf16le')],
    ['UTF-16, big endian', Buffer.from(`\uFEFF${table('\t', '\r\n')}`, 'utf16le').swap16()],
    ['Latin-1', Buffer.from(table(',', '\n').replace('Ross', 'Müller'), 'latin1')],
    ['rows that are too short or too long', `${table(',', '\n').replace(',\n', ',,,,,,\n')}`],
    ['a first line that names the delimiter', `sep=;\r\n${table(';', '\r\n')}`],
    ['quotes in the midst of a cell', table('\t', '\n').replace('"Lee"', 'Lee "the" Doc')],
    ['blanks around the address', table(',', '\n').replace(LEE, `"  ${LEE}\u00a0"`)],
  ])('%s', async (_, content) => {
    expect(await rows(content)).toEqual(FOUND)
  })

  test('rows are numbered as a spreadsheet shows them: header, blank rows and cells of several lines included', async () => {
    const content = `\r\n"E-Mail";"Address of
the practice"\r\n${LEE};"Main Street 1
Springfield"\r\n\r\n;\r\nno address;"a;b"\r\n${ROSS};\r\n`
    expect(await rows(content)).toEqual([
      { row: 3, text: LEE },
      { row: 4, text: '' },
      { row: 5, text: '' },
      { row: 6, text: 'no address' },
      { row: 7, text: ROSS },
    ])
  })

  test('a separator within quotes is none', async () => {
    const content = `"a,b,c,d";email\n"1,2,3,4";${LEE}\n`
    expect(await rows(content)).toEqual([{ row: 2, text: LEE }])
  })

  test.each(['', '\n\n', '\uFEFF', 'email\n', 'email'])('%j holds nobody', async (content) => {
    expect((await rows(content)).filter(({ text }) => text !== '')).toEqual([])
  })

  test('however it is cut into pieces', async () => {
    const content = Buffer.from(`\uFEFF${table('\t', '\r\n')}`, 'utf16le')
    const child = start(['classify', '--file', '-', '--no-network', '--json'], { cwd: clinics.a })
    for (const byte of content) child.stdin.write(Buffer.of(byte))
    child.stdin.end()
    const lines = (await all(createInterface({ input: child.stdout }))).map((line) => JSON.parse(line))
    expect(lines.map(({ row, address }) => ({ row, text: address }))).toEqual(FOUND)
  })
})

describe('the column with the addresses', () => {
  const one = (content: string, column?: string) => rows(content, column).then(([first]) => first?.text)

  test.each(['address', 'EMAIL', 'e-mail', 'Mail', ' Direct Address ', 'direct', 'E-Mail Address'])(
    'is the one named %s',
    async (name) => {
      expect(await one(`id,"${name}",phone\n1,${LEE},555\n`)).toBe(LEE)
    },
  )

  test('a direct address goes before any other', async () => {
    expect(await one(`address,email,Direct Address\nMain Street,x@y.example,${LEE}\n`)).toBe(LEE)
  })

  test('without a header it is the only one whose first row is an address', async () => {
    expect(await rows(`1,Lee,${LEE}\n2,Ross,\n`)).toEqual([
      { row: 1, text: LEE },
      { row: 2, text: '' },
    ])
    expect(await one(`${LEE}\n${ROSS}\n`)).toBe(LEE)
  })

  test('is the one that is named or numbered', async () => {
    const content = `id,work,home\n7,${LEE},${ROSS}\n`
    expect(await one(content, 'Home')).toBe(ROSS)
    expect(await one(content, '2')).toBe(LEE)
    expect(await one(`${LEE},${ROSS}\n`, '2')).toBe(ROSS)
    expect(await one(`1,2,3\n${LEE},${ROSS},x\n`, '1')).toBe(LEE)
  })

  test.each([
    [`id,work,home\n7,${LEE},${ROSS}\n`, undefined, 'no column is named like an address', 'id, work, home'],
    ['email,address\n', undefined, 'several columns may hold', 'email, address'],
    ['work,work\n', 'work', 'several columns may hold', 'work, work'],
    ['id,work\n', 'home', 'there is no column "home"', 'id, work'],
    ['id,work\n', '3', 'there is no column "3"', '2 columns'],
    [`${LEE},${ROSS}\n`, undefined, 'several columns may hold', '2 columns without names'],
    [`Jane Doe,${LEE}\n`, 'email', 'there is no column "email"', '2 columns without names'],
  ])('%j with %s is an error that names the columns', async (content, column, ...facts) => {
    const failure = await rows(content, column).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--column') })
    for (const fact of facts) expect((failure as Error).message).toContain(fact)
    expect((failure as Error).message).not.toMatch(/Jane|dr\.lee/)
  })
})

describe('what is no address book', () => {
  test.each([
    ['a workbook', Buffer.from('PK\x03\x04\x14\x00\x06\x00'), 'workbook'],
    ['a quote that is never closed', `email\n${LEE}\n"${'x\n'.repeat(600_000)}`, 'not closed'],
    [
      'a row of cells without end',
      `email\n${LEE}${','.repeat(1_200_000)}\n`,
      'a line of more than 1048576 characters',
    ],
    ['a quote at the end', `email\n"${LEE}\n`, 'not closed'],
  ])('%s is told', async (_, content, fact) => {
    await expect(rows(content)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining(fact),
      hint: expect.stringContaining('CSV'),
    })
  })
})

let clinics: Clinics
beforeAll(async () => {
  clinics = await twoClinics()
})
afterAll(() => clinics[Symbol.asyncDispose]())

const parse = (line: string | undefined) => JSON.parse(line ?? '')
const linesOf = (stdout: string) => stdout.trimEnd().split('\n').filter(Boolean).map(parse)
const inA = (args: readonly string[], input?: string) =>
  direct(['classify', '--no-network', ...args], { cwd: clinics.a, ...(input !== undefined && { input }) })

function follow(args: readonly string[]) {
  const child = start(['classify', ...args], { cwd: clinics.a })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin.on('error', () => {})
  const errors: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  return {
    child,
    lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](),
    ended: once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string),
    stderr: () =>
      Buffer.concat(errors)
        .toString()
        .replaceAll(/^direct: note: .*\n/gm, ''),
  }
}

describe('classify --file', () => {
  test('answers each row with its number, in their order, after the addresses of the command line', async () => {
    const input = `email\n${LEE}\n\nnot one\n${LEE}\ndr.x@elsewhere.example\n`
    const { code, stdout, stderr } = await inA(['--json', '--file', '-', ROSS], input)
    expect(linesOf(stdout).map(({ row, address, route }) => [row, address, route])).toEqual([
      [undefined, ROSS, 'direct'],
      [2, LEE, 'direct'],
      [4, 'not one', 'insecure'],
      [5, LEE, 'direct'],
      [6, 'dr.x@elsewhere.example', 'undetermined'],
    ])
    expect(linesOf(stdout)[2]).toMatchObject({ why: [{ code: 'ADDRESS_INVALID' }] })
    expect(code).toBe(1)
    // No progress, no summary: nobody watches.
    expect(stderr.replaceAll(/^direct: note: .*\n/gm, '')).toBe('')
  })

  test('exit codes are those of classify: 1 a final no, else 75, else 0', async () => {
    expect((await inA(['--file', '-'], `email\n${LEE}\n`)).code).toBe(0)
    expect((await inA(['--file', '-'], 'email\nx@elsewhere.example\n')).code).toBe(75)
    expect((await inA(['--file', '-'], 'email\nx@elsewhere.example\nnobody\n')).code).toBe(1)
    expect((await inA(['--file', '-'], '')).code).toBe(0)
    expect(await inA(['--file', 'nowhere.csv'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /direct: the address book nowhere\.csv cannot be read: there is no such file\n/,
      ),
    })
  })

  test('people read the row, the route and what stands in the way; --explain tells all', async () => {
    const { stdout } = await inA(['--file', '-'], `email\n${LEE}\nnobody\n`)
    expect(stdout).toMatch(/^direct {8}row 2 {2}dr\.lee@clinic-b\.example {2}.*\ninsecure {6}row 3 {2}nobody/)
    expect(stdout).toContain('    ADDRESS_INVALID: "nobody" is not a Direct address')
    const [explained] = linesOf((await inA(['--file', '-', '--explain', '--json'], `email\n${LEE}\n`)).stdout)
    expect(explained).toMatchObject({ row: 2, evidence: [{ place: 'configured' }, {}, {}, {}, {}, {}] })
  })

  test('a book of three thousand rows is answered row by row', async () => {
    const file = join(clinics.a, 'large.csv')
    const users = Array.from({ length: 3000 }, (_, i) => `"Name, ${i}",user${i % 2500}@clinic-b.example`)
    await writeFile(file, ['name,direct address', ...users].join('\r\n'))
    const { code, stdout } = await inA(['--json', '--file', file])
    expect(code).toBe(0)
    expect(linesOf(stdout).map(({ row, address }) => `${row} ${address}`)).toEqual(
      users.map((line, i) => `${i + 2} ${line.slice(line.lastIndexOf(',') + 1)}`),
    )
  })

  test('answers come while the book is still being written', async () => {
    const command = follow(['--no-network', '--json', '--file', '-'])
    command.child.stdin.write(`${LEE}\n`)
    for (let row = 1; row <= 3; row++) {
      // A row ends for certain where the next one begins: its line end may have two characters.
      command.child.stdin.write(`${LEE}\n`)
      expect(parse((await command.lines.next()).value)).toMatchObject({ row, address: LEE })
    }
    command.child.stdin.end()
    expect(await command.ended).toBe(0)
  })

  test('SIGINT ends it with 130 and no complaint, while it waits for rows and for servers', async () => {
    await using server = await silentNameServer()
    const config = await clinics.variant('silent.yaml', {
      "# dns: { servers: ['127.0.0.1:10053'], timeoutMs: 3000 }": `dns: { servers: ['127.0.0.1:${server.port}'], timeoutMs: 600000 }`,
    })
    const command = follow(['--file', '-', '--config', config])
    command.child.stdin.write('x@elsewhere.example\n'.repeat(2))
    await server.asked
    command.child.kill('SIGINT')
    expect(await command.ended).toBe(130)
    expect(command.stderr()).toBe('')
  })

  test('SIGINT ends it while a named pipe has nothing more to say', async () => {
    await using folder = await temporaryFolder()
    const pipe = join(folder.path, 'pipe')
    execFileSync('mkfifo', [pipe])
    const command = follow(['--no-network', '--json', '--file', pipe])
    await using writer = await open(pipe, 'w')
    await writer.write(`${LEE}\n${ROSS}\n`)
    expect(parse((await command.lines.next()).value)).toMatchObject({ row: 1, address: LEE })
    command.child.kill('SIGINT')
    expect(await command.ended).toBe(130)
  })

  test('a reader that has gone (EPIPE) ends it, however long the book is', async () => {
    const command = follow(['--no-network', '--json', '--file', '-'])
    const more = setInterval(() => command.child.stdin.write(`${LEE}\n`.repeat(100)), 5)
    onTestFinished(() => clearInterval(more))
    await command.lines.next()
    command.child.stdout.destroy()
    expect(await command.ended).toBe(0)
    expect(command.stderr()).toBe('')
  })

  test.each([
    [['--file', 'book.csv', '--record', 't.json'], '--record'],
    [['--file', 'book.csv', '--replay', 't.json'], '--replay'],
    [['--changes', LEE, '--record', 't.json'], '--record'],
    [['--column', '2', LEE], '--column'],
    [['--within', '7', LEE], '--within'],
    [['--within', '7', '--file', 'book.csv'], '--within'],
    [['--changes'], "missing required argument 'address'"],
    [['--changes', '--within', 'soon', LEE], 'soon'],
  ])('%j says what is wrong', async (args, fact) => {
    expect(await inA(args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(fact) })
  })
})

describe('classify --changes', () => {
  const store = (name: string) => clinics.variant(`${name}.yaml`, { 'dataDir: ./data': `dataDir: ./${name}` })

  test('is silent once everything was told; undetermined is 75', async () => {
    const config = await store('told')
    const book = `email\n${LEE}\nnobody\n`
    const first = await inA(['--changes', '--json', '--file', '-', '--config', config], book)
    expect(first.code).toBe(0)
    expect(linesOf(first.stdout)).toEqual([
      {
        row: 2,
        address: LEE,
        change: 'became-direct',
        route: 'direct',
        why: [],
        certificates: [
          {
            sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
            foundIn: 'configured',
            boundTo: 'domain',
            notAfter: expect.any(String),
          },
        ],
        previous: null,
        at: expect.any(String),
      },
    ])
    const again = await inA(['--changes', '--json', '--file', '-', '--config', config], book)
    expect([again.code, again.stdout]).toEqual([0, ''])
    const other = await inA(['--changes', '--config', config, LEE, 'x@elsewhere.example'])
    expect([other.code, other.stdout]).toEqual([75, ''])
    expect(again.stderr).not.toContain('not known')
  })

  test('who is not known now is counted and named in a note, asked about before or never (DISC-6)', async () => {
    const config = await store('unknown')
    const away = (n: number) => `x${n}@elsewhere.example`
    const book = (count: number) =>
      ['email', LEE, ...Array.from({ length: count }, (_, i) => away(i))].join('\n')
    const args = ['--changes', '--json', '--file', '-', '--config', config]
    const notesOf = ({ stderr }: { readonly stderr: string }) =>
      stderr.split('\n').filter((line) => line.includes('not known now'))
    const first = await inA(args, book(1))
    expect([first.code, linesOf(first.stdout).length]).toEqual([75, 1])
    expect(notesOf(first)).toEqual([
      expect.stringMatching(
        /^direct: note: 1 address\(es\) are not known now, .*: row 3 x0@elsewhere\.example$/,
      ),
    ])
    const again = await inA([...args, 'y@elsewhere.example'], book(7))
    expect([again.code, again.stdout]).toEqual([75, ''])
    const named = ['y@elsewhere.example', ...[3, 4, 5, 6].map((row) => `row ${row} ${away(row - 3)}`)]
    expect(notesOf(again)).toEqual([expect.stringMatching(/^direct: note: 8 address\(es\)/)])
    expect(notesOf(again)[0]?.endsWith(`: ${named.join(', ')}, and 3 more`)).toBe(true)
  })

  test('--within tells that a certificate ends, and people read when', async () => {
    const config = await store('within')
    const { code, stdout } = await inA(['--changes', '--within', '3660', '--config', config, LEE])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^became-direct {2}dr\.lee@clinic-b\.example\n {4}certificate [0-9a-f]{16}… from configured, ends \S+Z\nends-within {4}dr\.lee@clinic-b\.example\n/,
    )
  })

  test('a kill between the line and the state repeats the line, and loses none', async () => {
    const config = await store('killed')
    const args = ['--changes', '--json', '--file', '-', '--config', config, '--no-network']
    const killed = follow(args)
    killed.child.stdin.write(`${LEE}\n${ROSS}\n`)
    expect(parse((await killed.lines.next()).value)).toMatchObject({ change: 'became-direct' })
    killed.child.kill('SIGKILL')
    expect(await killed.ended).toBe('SIGKILL')
    const repeated = await inA(args, `${LEE}\n${ROSS}\n`)
    expect(linesOf(repeated.stdout).map(({ row, address }) => [row, address])).toEqual([
      [1, LEE],
      [2, ROSS],
    ])
    expect((await inA(args, `${LEE}\n${ROSS}\n`)).stdout).toBe('')
  })

  test('SIGINT keeps what was told', async () => {
    const config = await store('stopped')
    const args = ['--changes', '--json', '--file', '-', '--config', config, '--no-network']
    const stopped = follow(args)
    stopped.child.stdin.write(`${LEE}\n${ROSS}\n${ROSS}\n`)
    await stopped.lines.next()
    await stopped.lines.next()
    stopped.child.kill('SIGINT')
    expect(await stopped.ended).toBe(130)
    const { stdout } = await inA(args, `${LEE}\n${ROSS}\n`)
    expect(stdout).not.toContain(LEE)
  })
})
