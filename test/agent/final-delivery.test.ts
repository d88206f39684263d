import { expect, test } from 'vitest'
import { asksForDispatched } from '../../agent/read/final-delivery.ts'

test.each([
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true',
  'x-direct-final-destination-delivery = Optional , TRUE',
  'signed-receipt-protocol=optional,pkcs7-signature; X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true;',
])('%j asks for dispatched (N-4)', (options) => {
  expect(asksForDispatched(options)).toBe(true)
})

test.each([
  null,
  '',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=true',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,false',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true,false',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=required,true',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY:optional,true',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true\u0001',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true; X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true; x-direct-final-destination-delivery=required,true',
  'Y-X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true',
])('%j does not, or not in proper form (N-4)', (options) => {
  expect(asksForDispatched(options)).toBe(false)
})
