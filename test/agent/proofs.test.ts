import ts from 'typescript'
import { expect, test } from 'vitest'

test('what was not decrypted, verified, trusted or judged does not compile where a proof is asked for', () => {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, '.')
  const program = ts.createProgram(['test/agent/proofs.ts'], options)
  const problems = ts.getPreEmitDiagnostics(program, program.getSourceFile('test/agent/proofs.ts'))
  // An expected error that is none would stand here.
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([])
})
