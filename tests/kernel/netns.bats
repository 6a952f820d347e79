# SPDX-License-Identifier: GPL-2.0-or-later
# lab: -c 1
# In a network namespace of its own: the family is not there, and the message says so.

load helpers

elsewhere() { in_other_netns "$VDPACTL" "$@"; }

@test "every command: 8, and how to get to where the family is" {
	for words in mgmtdev 'mgmtdev show vduse' 'dev show' 'dev show x' 'dev config show' 'dev vstats show x' \
		'dev add name x mgmtdev vduse' 'dev del x' 'dev set name x mac 02:00:00:00:00:01'; do
		# shellcheck disable=SC2086 # words
		captures 8 elsewhere $words
		[ -z "$raw" ]
		says 'vdpactl: the kernel has no vdpa netlink family here' \
			'hint: this process is in a network namespace of its own and the vdpa family exists only in the initial one' 'nsenter -t 1 -n'
	done
}

@test "the advice works" {
	works mgmtdev show
	want=$raw
	captures 0 in_other_netns nsenter -t 1 -n "$VDPACTL" mgmtdev show
	[ "$raw" = "$want" ]
}

@test "JSON: a document with the error" {
	captures 8 elsewhere -j dev show
	has_json '.dev == {} and .errors[0].code == "EPROTONOSUPPORT" and (.errors[0].hint | contains("network namespace"))'
	captures 8 elsewhere -j dev del x
	has_json '.errors | length == 1'
}

@test "help, version, bad usage and completion need no kernel" {
	for words in help 'dev help' 'dev add help' -V; do
		# shellcheck disable=SC2086 # words
		captures 0 elsewhere $words
		silent
		[ -n "$raw" ]
	done
	captures 2 elsewhere dev add
	captures 0 elsewhere --complete 1 vdpactl ''
	[[ $raw == *mgmtdev* && $raw == *dev* ]]
	captures 0 elsewhere --complete 3 vdpactl dev del ''
	silent
}

@test "an unprivileged user, who can't see where process 1 is, gets advice too" {
	captures 8 in_other_netns setpriv --reuid 65534 --regid 65534 --clear-groups -- "$VDPACTL" dev show
	says 'hint: ' 'network namespace' 'initial'
}

@test "a batch stops at its first line" {
	captures 8 elsewhere -b - <<<$'dev show\ndev show'
	says 'stdin:1: '
	[[ $stderr != *stdin:2* ]]
}

@test "as vdpa: 1, with its words" {
	captures 1 in_other_netns "$LEGACY" dev show
	says 'Failed to connect to vdpa Netlink'
	captures 0 in_other_netns "$LEGACY" help
	says 'Usage: vdpa [ OPTIONS ] OBJECT { COMMAND | help }'
}

# The advice above, in a container that has a sysfs of its own: its eth0 is not the host's.
@test "an interface that sysfs shows of another namespace is not described by one of this that has its name" {
	[[ -e /sys/module/vdpa_sim_net ]] || skip "expected: no simulators for this kernel"
	local ifname
	# shellcheck disable=SC2016 # for the other shell
	local script='set -e; mount -t sysfs none /sys
		"$@" ip link set "$IFNAME" netns $$
		"$@" ip link add "$IFNAME" index "$(</sys/class/net/$IFNAME/ifindex)" mtu 1234 type dummy
		"$@" "$VDPACTL" -d -j dev show "$DEV"
		: # the shell is what keeps the namespace'
	works dev add name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:07 driver virtio_vdpa wait
	works -d -j dev show "$DEV"
	has_json '.dev[$n].netdev.mtu == 1500' --arg n "$DEV"
	ifname=$(jq -r --arg n "$DEV" '.dev[$n].netdev.name' <<<"$output")
	captures 0 env IFNAME="$ifname" DEV="$DEV" VDPACTL="$VDPACTL" unshare -n -m bash -c "$script" - nsenter -t 1 -n
	ip link del "$ifname" type dummy
	has_json '.dev[$n] | .netdev == {"name": $i}' --arg n "$DEV" --arg i "$ifname"
}
