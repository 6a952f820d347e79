# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC1003,SC2086,SC2154 # lists of words are meant to be split; run sets output, stderr and status
# Bad command lines: what they say, and that they end with 2.

load cli

@test "unknown words are named, with the nearest ones" {
	fails 2 bogus
	says 'vdpactl: Object "bogus" not found, expected one of: mgmtdev, dev, vduse, save, apply, restore, features, check, monitor, metrics, help' "Try 'vdpactl help'."
	[[ $stderr != *hint* ]]
	fails 2 mgmtdve
	says 'did you mean "mgmtdev"?'
	fails 2 dev shwo
	says 'Command "shwo" not found' 'did you mean "show"?' "Try 'vdpactl dev help'."
	fails 2 dev se name x mac 02:00:00:00:00:01
	says 'did you mean "set"?'
	fails 2 mgmtdev add
	fails 2 dev config shwo
	fails 2 dev vstats sh
	fails 2 dev vst show x
	fails 2 ""
	fails 2 dev ""
	fails 2 dev vstats
	says 'dev vstats: a command is expected'
}

@test "unknown arguments" {
	fails 2 dev add nme x
	says 'unknown argument "nme"' 'expected one of: name, mgmtdev, mac' 'did you mean "name"?' \
		"Try 'vdpactl dev add help'."
	fails 2 dev add name x mgmtdev $NONE qidx 1
	fails 2 dev add name x mgmtdev $NONE max_vqsx 1
	fails 2 dev vstats show x foo
	says 'dev vstats show: unknown argument "foo", expected one of: qidx'
	fails 2 dev vstats show x qidx 0 y
	fails 2 dev set name x mtu 1500
	fails 2 dev add ""
}

@test "arguments without their value" {
	fails 2 dev add name
	says 'dev add: a device name is expected after "name"'
	fails 2 dev add name x mgmtdev $NONE mac
	says 'MAC address of six octets or "random" is expected after "mac"'
	fails 2 dev add name x mgmtdev $NONE device_features
	fails 2 dev vstats show x qidx
	says 'is expected after "qidx"'
}

@test "arguments that are missing" {
	fails 2 dev add
	says 'dev add: "name NAME" is missing'
	fails 2 dev add name x
	says '"mgmtdev MGMTDEV" is missing'
	fails 2 dev add mgmtdev $NONE
	fails 2 dev set name x
	says '"mac MAC|random" is missing'
	fails 2 dev set mac 02:00:00:00:00:01
	fails 2 dev del
	says 'dev del: a device name is expected'
	fails 2 dev vstats show
}

@test "arguments that are given twice or contradict" {
	fails 2 dev add name x name y mgmtdev $NONE
	says 'name is given twice'
	fails 2 dev add n x na y mgmtdev $NONE
	fails 2 dev add name x mgmtdev $NONE mtu 1 mtu 1
	fails 2 dev add name x mgmtdev $NONE force force
	fails 2 dev add name x mgmtdev $NONE max_vqp 1 max_vqs 2
	says 'max_vqs and max_vqp cannot be given together'
	fails 2 dev add name x mgmtdev $NONE max_vqs 2 ma 1
	fails 2 dev del x force force
	fails 2 dev vstats show x qidx 1 qidx 2
}

@test "drivers, conditions, filters" {
	fails 2 dev add name x mgmtdev $NONE driver vfio
	says 'driver "vfio" is not "vhost_vdpa", "virtio_vdpa" or "none"'
	fails 2 dev bind x
	says '"driver DRIVER" is missing'
	fails 2 dev bind x driver none
	says 'driver "none" is not "vhost_vdpa" or "virtio_vdpa"'
	fails 2 dev bind driver vhost_vdpa
	fails 2 dev add name x mgmtdev $NONE wait -- -1
	fails 2 dev add name x mgmtdev $NONE wait 1000001
	says 'wait "1000001" is not a decimal number of seconds from 0 to 1000000'
	fails 2 dev add name x mgmtdev $NONE wait 1s
	for words in 'wait' 'wait 5' 'wait mtu 1500' 'driver vhost_vdpa' 'driver none' 'wait driver virtio_vdpa'; do
		parses dev add name x mgmtdev $NONE $words
		parses dev replace name x mgmtdev $NONE $words
	done
	fails 2 dev wait x
	fails 2 dev wait x gone
	says 'COND "gone" is not "present", "bound", '
	fails 2 dev wait x present now
	says 'SEC "now" is not a decimal number of seconds'
	fails 2 dev wait x present 1 2
	fails 2 dev resolve
	fails 2 dev resolve ''
	fails 2 dev users
	fails 2 dev users x y
	fails 2 dev show type disk
	says 'type "disk" is not "net" or "block"'
	fails 2 dev del if_exists force mgmtdev
	says 'is expected after "mgmtdev"'
	fails 2 dev del mgmtdev a/b/c
	for words in 'mgmtdev x' 'type net' 'driver none' 'x*' 'x type block if_exists' "mgmtdev $NONE force"; do
		run --separate-stderr "$VDPACTL" dev del $words
		[[ $status == [368] || ($status == 0 && $words == *if_exists) ]]
	done
}

@test "numbers" {
	for n in abc 0x5dc -1 1.5 1e3 65536 18446744073709551616 '' ' ' '1 ' '++1'; do
		fails 2 dev add name x mgmtdev $NONE mtu -- "$n"
		says "mtu \"$n\" is not a decimal number from 0 to 65535"
		fails 2 dev add name x mgmtdev $NONE max_vqp -- "$n"
		says "max_vqp \"$n\" is not"
	done
	for n in 0 1 1500 65535 +7 ' 7' 0009; do
		parses dev add name x mgmtdev $NONE mtu "$n"
	done
	for n in abc 4294967296 -2 1x al controlvq ''; do
		fails 2 dev vstats show no-such-device qidx -- "$n"
		says "qidx \"$n\" is not a queue's decimal number, \"all\" or \"ctrlvq\""
	done
	for n in 0 4294967295 all ctrlvq; do
		parses dev vstats show no-such-device qidx $n
	done
}

@test "max_vqs must be a number of queues that pairs can give" {
	for n in 0 1; do
		fails 2 dev add name x mgmtdev $NONE max_vqs $n
		says "max_vqs \"$n\" makes no pair of queues, the nearest are 2 (one pair) and 3"
	done
	fails 2 dev add name x mgmtdev $NONE max_vqs 131072
	says 'the nearest are 131070 (65535 pairs) and 131071'
	fails 2 dev add name x mgmtdev $NONE max_vqs two
	for n in 2 3 131071; do
		parses dev add name x mgmtdev $NONE max_vqs $n
	done
}

@test "MAC addresses" {
	for mac in 1:2:3 02:00:00:00:00:0 02:00:00:00:00:00:01 02-00-00-00-00-01 1.2.3.4 02:00:00:00:00:1z '' \
		020000000001 Random; do
		[[ $mac == 02:00:00:00:00:0 ]] && continue # a leading zero may be missing
		fails 2 dev add name x mgmtdev $NONE mac "$mac"
		says "mac \"$mac\" is not a MAC address of six octets or \"random\""
		fails 2 dev set name no-such-device mac "$mac"
	done
	for mac in 02:00:00:00:00:01 2:0:0:0:0:1 FE:dc:BA:98:76:54 random; do
		parses dev add name x mgmtdev $NONE mac $mac
		parses dev set name no-such-device mac $mac
	done
	fails 2 dev add name x mgmtdev $NONE mac 00:00:00:00:00:00
	says 'is all zero' '"force"'
	fails 2 dev add name x mgmtdev $NONE mac 01:00:5e:00:00:01
	says '01:00:5e:00:00:01' 'is a multicast address' '"force"'
	parses dev add name x mgmtdev $NONE mac 01:00:5e:00:00:01 force
	fails 2 dev set name x mac ff:ff:ff:ff:ff:ff
	says 'multicast'
	[[ $stderr != *force* ]]
}

@test "device_features: hexadecimal digits are a number, everything else is names" {
	for word in 12 0x12 0XfF ffffffffffffffff 0 MAC MAC,MTU mac,-mtu bit_5 VIRTIO_NET_F_MAC ff,ee; do
		parses dev add name x mgmtdev $NONE device_features "$word"
	done
	# a value that looks like an option
	for word in -CSUM -csum -MAC,-MTU -VERSION_1 -standby; do
		parses dev add name x mgmtdev $NONE device_features "$word"
		parses dev add device_features "$word" name x mgmtdev $NONE
	done
	fails 2 dev add name x mgmtdev $NONE device_features 1ffffffffffffffff
	says 'device_features "1ffffffffffffffff" is not a hexadecimal number or feature names'
	fails 2 dev add name x mgmtdev $NONE device_features ''
	fails 2 dev add name x mgmtdev $NONE device_features 0x
	legacy_fails dev add name x mgmtdev $NONE device_features zz
	says 'device_features "zz" is not a hexadecimal number'
}

@test "names of new devices" {
	local long
	printf -v long '%*s' 255 ''
	parses dev add name "${long// /n}" mgmtdev $NONE
	fails 2 dev add name "${long// /n}n" mgmtdev $NONE
	says 'has 256 octets, at most 255'
	fails 2 dev add name a/b mgmtdev $NONE
	says "name \"a/b\" contains a '/'" '"force"'
	fails 2 dev add name '' mgmtdev $NONE
	says 'name "" is empty'
	fails 2 dev add name .. mgmtdev $NONE
	for name in a/b "${long// /n}n"; do
		run -1 --separate-stderr "$VDPA" dev add name "$name" mgmtdev $NONE
		[[ $stderr != *force* && $stderr != *'kernel answers'* ]]
	done
	legacy_fails dev add name '' mgmtdev vdpasim_net
	says 'empty'
}

@test "handles of management devices" {
	for handle in a/b/c / a/ /a ''; do
		fails 2 mgmtdev show "$handle"
		says "MGMTDEV \"$handle\" is not a management device (BUS/NAME or NAME)"
		fails 2 dev add name x mgmtdev "$handle"
	done
	legacy_fails mgmtdev show a/b/c
}

@test "nothing of what was typed acts on a terminal" {
	fails 2 $'bo\e[31mgus\n'
	says 'bo\x1b[31mgus\x0a'
	fails 2 dev add name x mgmtdev $'a/b/\x9b\xff%s%n'
	says '\x9b\xff%s%n'
}

@test "errors in JSON" {
	run -2 --separate-stderr "$VDPACTL" -j dev add nme x
	[[ $(jq -r '.errors[0].code' <<<"$output") == EINVAL ]]
	[[ $(jq -r '.errors[0].message' <<<"$output") == *'unknown argument "nme"'* ]]
	[[ $(jq -r '.errors[0].hint' <<<"$output") == *'"name"'* ]]
	[[ $(jq -c 'keys' <<<"$output") == '["errors"]' ]]
	says 'unknown argument "nme"'
	run -2 --separate-stderr "$VDPACTL" -j $'\xff\x01"\\'
	[[ $(jq -r '.errors[0].message' <<<"$output") == *$'"\uFFFD\x01"\\"'* ]]
	prints '\ufffd\u0001\"\\'
}
