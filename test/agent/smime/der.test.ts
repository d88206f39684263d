import { expect, test } from 'vitest'
import { keyTransportAlgorithm } from '../../../agent/smime/algorithms.ts'
import { header, implicit, oid, setOf, smallInteger, TAG, time, tlv } from '../../../agent/smime/ber/der.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('lengths take as few octets as they can (X.690 10.1)', () => {
  const lengths = [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 24, 2 ** 32, 2 ** 40]
  expect(lengths.map((length) => hex(header(0x30, length)))).toEqual([
    '3000',
    '307f',
    '308180',
    '3081ff',
    '30820100',
    '3082ffff',
    '3083010000',
    '308401000000',
    '30850100000000',
    '3086010000000000',
  ])
})

test('object identifiers take arcs of any size, and a first one of 2', () => {
  expect(hex(oid('1.2.840.113549.1.7.2'))).toBe('06092a864886f70d010702')
  expect(hex(oid('2.16.840.1.101.3.4.1.42'))).toBe('060960864801650304012a')
  expect(hex(oid('2.999.127.128'))).toBe('06058837' + '7f8100')
})

test('under an implicit tag an element keeps its length and value, and stays itself as it was (X.690 8.14.3)', () => {
  const element = setOf(smallInteger(3))
  expect(hex(implicit(1, element))).toBe('a103' + '020103')
  expect(hex(element)).toBe('3103' + '020103')
})

test('a SET OF is in the order of its encodings (X.690 11.6)', () => {
  expect(hex(setOf(tlv(TAG.OCTET_STRING, Buffer.of(1)), smallInteger(9), smallInteger(3)))).toBe(
    '3109' + '020103' + '020109' + '040101',
  )
})

test('times are UTCTime from 1950 through 2049, else GeneralizedTime (RFC 5652 11.3)', () => {
  const written = (at: string) =>
    Buffer.from(time(new Date(at)))
      .subarray(2)
      .toString()
  expect(written('2026-11-21T12:34:56.789Z')).toBe('261121123456Z')
  expect(written('1950-01-01T00:00:00Z')).toBe('500101000000Z')
  expect(written('2050-01-01T00:00:00Z')).toBe('20500101000000Z')
})

test('OAEP names its hash and MGF1 explicitly, but for SHA-1, which is the default (RFC 4055 4.1)', () => {
  expect(hex(keyTransportAlgorithm('rsa-oaep-sha1'))).toBe('300d06092a864886f70d0101073000')
  expect(hex(keyTransportAlgorithm('rsa-oaep-sha256'))).toBe(
    '303c06092a864886f70d010107302fa00f300d06096086480165030402010500' +
      'a11c301a06092a864886f70d010108300d06096086480165030402010500',
  )
})
