/** Keys, requests for certificates, and a test CA that issues them. */
export { generateKey, type KeyType, keyTypeOf } from './key.ts'
export { createCertificateRequest } from './request.ts'
export { createTestCa, issueFromTestCa, type TestCa } from './test-ca.ts'
