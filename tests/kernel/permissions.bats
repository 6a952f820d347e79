# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: -c 1
# As a user without privileges: everything can be read but statistics, nothing can be changed, and the message says why.

load helpers

setup() {
	common_setup
	works dev add name net mgmtdev vdpasim_net mac 02:00:00:00:00:01
	works dev add name blk mgmtdev vdpasim_blk
}

nobody() { as_nobody "$VDPACTL" "$@"; }

@test "what root reads, nobody reads" {
	[ "$(as_nobody id -u)" -eq 65534 ]
	for words in 'mgmtdev show' 'dev show' 'dev config show' '-d -j dev show' '-d -j dev config show' 'dev show net' \
		'-d dev config show blk'; do
		# shellcheck disable=SC2086 # words
		works $words
		want=$raw
		# shellcheck disable=SC2086 # words
		captures 0 nobody $words
		silent
		[ "$raw" = "$want" ] || failed "differs from root's: $words"
	done
}

@test "adding, changing, deleting, statistics: 6, and which capability" {
	while IFS='|' read -r words sentence; do
		# shellcheck disable=SC2086 # words
		captures 6 nobody $words
		[ -z "$raw" ]
		says "vdpactl: $sentence: Operation not permitted" 'hint: this needs CAP_NET_ADMIN in the initial user namespace (root)'
	done <<-'END'
		dev add name x mgmtdev vdpasim_net|cannot add device "x"
		dev add name x mgmtdev vdpasim_net device_features MAC,VERSION_1|cannot add device "x"
		dev del blk|cannot delete device "blk"
		dev del blk if_exists|cannot delete device "blk"
		dev set name net mac 02:00:00:00:00:09|cannot change device "net"
		dev vstats show net|cannot show statistics of device "net"
		dev vstats show net qidx 0|cannot show statistics of device "net"
		dev vstats show net qidx ctrlvq|cannot show statistics of device "net"
	END
	device_exists net
	device_exists blk
	run ! device_exists x
}

@test "dev show -statistics: the devices, and one note that statistics are left out" {
	works dev show
	want=$raw
	captures 0 nobody -s dev show
	[ "$raw" = "$want" ]
	[ "$stderr" = 'vdpactl: statistics are left out: they need CAP_NET_ADMIN'$'\n' ]
	captures 0 nobody -q -s dev show
	silent
}

@test "what is found wrong without the kernel comes first" {
	captures 4 nobody dev add name net mgmtdev vdpasim_net
	captures 2 nobody dev add name x mgmtdev vdpasim_net mtu y
	captures 3 nobody dev show gone
}

@test "JSON: the error with its code; a batch stops" {
	captures 6 nobody -j dev del blk
	has_json '.errors[0] | .code == "EPERM" and .device == "blk" and (.hint | contains("CAP_NET_ADMIN"))'
	captures 6 nobody -b - <<<$'dev del blk\ndev del net'
	says 'vdpactl: stdin:1: '
	[[ $stderr != *stdin:2* ]]
}

@test "root of a user namespace is not enough" {
	captures 6 unshare -U -r "$VDPACTL" dev add name x mgmtdev vdpasim_net
	says 'CAP_NET_ADMIN in the initial user namespace'
	captures 0 unshare -U -r "$VDPACTL" dev show net
	prints 'net: type network'
}

@test "CAP_NET_ADMIN is" {
	captures 0 setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +net_admin --ambient-caps +net_admin "$VDPACTL" dev del blk
	run ! device_exists blk
}

@test "as vdpa: 1" {
	captures 1 as_nobody "$LEGACY" dev del blk
	says 'kernel answers: Operation not permitted'
}
