import { expect, test } from 'vitest'
import { isGlobal } from '../../agent/fetch/addresses.ts'
import { addressesOf } from '../../agent/fetch/target.ts'

test.each([
  '8.8.8.8',
  '1.1.1.1',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.1',
  '192.167.255.255',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2606:4700:4700::1111',
  '2400:cb00::1',
  '3ffe:ffff::1',
  '2001:200::1',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '2002:808:808::1',
])('NET: %s is globally reachable', (address) => {
  expect(isGlobal(address)).toBe(true)
})

test.each([
  ['0.0.0.0', 'this host'],
  ['0.1.2.3', 'this network'],
  ['10.0.0.1', 'private'],
  ['100.64.0.1', "a carrier's own"],
  ['100.127.255.255', "a carrier's own"],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['169.254.169.254', 'link-local, where clouds tell secrets'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.0.0.8', 'protocol assignments'],
  ['192.0.2.1', 'documentation'],
  ['192.88.99.1', '6to4 relays'],
  ['192.168.1.1', 'private'],
  ['198.18.0.1', 'benchmarks'],
  ['198.19.255.255', 'benchmarks'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.1', 'documentation'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::127.0.0.1', 'IPv4-compatible'],
  ['::8.8.8.8', 'IPv4-compatible, whatever is inside'],
  ['::ffff:127.0.0.1', 'mapped loopback'],
  ['::ffff:7f00:1', 'mapped loopback in hex'],
  ['0:0:0:0:0:ffff:0a00:0001', 'mapped private, written out'],
  ['::ffff:0:127.0.0.1', 'translated (RFC 2765)'],
  ['64:ff9b::10.0.0.1', 'NAT64 of a private one'],
  ['64:ff9b::a9fe:a9fe', 'NAT64 of a link-local one'],
  ['64:ff9b:1::8.8.8.8', 'local NAT64'],
  ['2002:7f00:1::', '6to4 of loopback'],
  ['2002:c0a8:101::1', '6to4 of a private one'],
  ['2001::1', 'Teredo'],
  ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'Teredo'],
  ['2001:2::1', 'benchmarks'],
  ['2001:10::1', 'ORCHID'],
  ['2001:db8::1', 'documentation'],
  ['3fff::1', 'documentation'],
  ['100::1', 'discard'],
  ['5f00::1', 'segment routing'],
  ['fc00::1', 'unique local'],
  ['fd12:3456::1', 'unique local'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local with a zone'],
  ['2606:4700::1%eth0', 'global with a zone'],
  ['fec0::1', 'site-local'],
  ['ff02::1', 'multicast'],
  ['4000::1', 'not assigned'],
  ['crl.example', 'no address'],
  ['0x7f.1', 'no address in the form that is dialled'],
  ['', 'nothing'],
])('NET: %s is not globally reachable: %s', (address) => {
  expect(isGlobal(address)).toBe(false)
})

test('NET: of a host with addresses of both kinds, only the global ones are dialled, and not without end', async () => {
  const url = new URL('http://mixed.example/')
  const at = (addresses: readonly string[], allowPrivate = false) =>
    addressesOf(url, async () => addresses, allowPrivate, new AbortController().signal)
  expect(await at(['127.0.0.1', '8.8.8.8', '::1', '2606:4700::1'])).toEqual(['8.8.8.8', '2606:4700::1'])
  expect(await at(['127.0.0.1', '8.8.8.8'], true)).toEqual(['127.0.0.1', '8.8.8.8'])
  expect(await at(Array.from({ length: 100 }, (_, i) => `8.8.8.${i}`))).toHaveLength(6)
  expect(await at(['not an address'], true)).toMatchObject({ status: 'refused' })
})
