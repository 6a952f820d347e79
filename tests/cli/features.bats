# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # run sets output, stderr and status
# vdpactl features with sets that are written out, which needs no kernel.

load cli

works() {
	run -0 --separate-stderr "$VDPACTL" "$@"
	[[ -z $stderr ]]
}

is() { [[ $output == "$1" ]] || { printf 'printed: %s\n' "$output"; return 1; }; }

@test "decode: names, unknown bits, classes" {
	works features decode 0x300000020
	is '0x300000020 MAC VERSION_1 ACCESS_PLATFORM'
	works features decode 300000020
	is '0x300000020 MAC VERSION_1 ACCESS_PLATFORM'
	works features decode 0x40000000204 type block
	is '0x40000000204 SEG_MAX FLUSH bit_42'
	works features decode 0
	is 0x0
	works -n features decode 0xFFFFFFFFFFFFFFFF
	is 0xffffffffffffffff
	works -j features decode 0x40000000020
	is '{"features":{"type":"net","features":"0x40000000020","names":["MAC","bit_42"]}}'
	works -j features decode 0 type block
	is '{"features":{"type":"block","features":"0x0","names":[]}}'
}

@test "decode refuses what is no word of 64 bits" {
	local word
	for word in 12x 0x 0x10000000000000000 MAC -1 ''; do
		fails 2 features decode "$word"
	done
	says 'features decode: HEX "" is not a hexadecimal number'
	fails 2 features decode
	fails 2 features decode 1 2
	fails 2 features decode 1 type fs
	says 'type "fs" is not net or block'
}

@test "encode: the word of names, in any case and with prefixes" {
	works features encode MAC,mtu,VIRTIO_F_VERSION_1,bit_42
	is 0x40100000028
	works -d features encode FLUSH,VIRTIO_BLK_F_RO type block
	is '0x220 RO FLUSH'
	works -j features encode MTU
	is '{"features":{"type":"net","features":"0x8","names":["MTU"]}}'
	works features encode 0x28
	is 0x28
}

@test "encode refuses other names, and sets that depend on what is offered" {
	fails 2 features encode MAC,FLUSHED
	says '"FLUSHED" is not the name of a feature of net devices'
	fails 2 features encode SEG_MAX
	fails 2 features encode bit_64
	fails 2 features encode all
	says '"all" is no set by itself'
	fails 2 features encode MAC,-MTU
	says '"MAC,-MTU" is no set by itself'
}

@test "diff: what only one has" {
	works features diff 0x30 MAC,MTU
	is $'first: 0x10 bit_4\nsecond: 0x8 MTU\ncommon: 0x20 MAC'
	works -j features diff 0x20 0x20
	is '{"features":{"first":{"features":"0x0","names":[]},"second":{"features":"0x0","names":[]},"common":{"features":"0x20","names":["MAC"]}}}'
	works features diff SEG_MAX 0x20 type block
	is $'first: 0x4 SEG_MAX\nsecond: 0x20 RO\ncommon: 0x0'
	fails 2 features diff MAC
	says 'a second set of features is expected'
	fails 2 features diff MAC MTU MQ
	fails 2 features diff MAC ''
	fails 2 features diff MAC SEG_MAX
	says '"SEG_MAX" is not the name of a feature of net devices'
}

@test "common: what all have, and with -d who lacks what" {
	works features common 0x38 0x28 MTU,MAC,MQ 0x28
	is '0x28 MTU MAC'
	works -d features common 0x38 0x28
	is $'0x28 MTU MAC\n0x38 lacks nothing\n0x28 lacks bit_4'
	works -j -d features common 0x30 0x28
	is '{"features":{"type":"net","features":"0x20","names":["MAC"],"lacks":{"0x30":["MTU"],"0x28":["bit_4"]}}}'
	works -j features common MAC
	is '{"features":{"type":"net","features":"0x20","names":["MAC"]}}'
	fails 2 features common
}

@test "what is no set by itself is asked of the kernel" {
	needs_no_vdpa
	fails 8 features common pci/0000:00:00.0
	says 'the kernel has no vdpa netlink family'
	fails 8 features diff MAC vdpa0
	works features common face0
	[[ $output == 0xface0\ * ]]
}

@test "vdpa does not have it" {
	legacy_fails features decode 0x20
	says 'Object "features" not found'
	legacy_fails check
	legacy_fails dev export x
	legacy_fails dev link x
	legacy_fails dev unlink x
}
