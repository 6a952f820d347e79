# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of and for the tests
# State files, for the tests that load this after helpers.bash.

# A state file with these devices, an object each.
devices() { # DEVICE...
	local IFS=,
	printf '{"version":1,"devices":[%s]}\n' "$*" >"$BATS_TEST_TMPDIR/f"
	FILE=$BATS_TEST_TMPDIR/f
}

# COUNT devices PREFIX1 ... with these attributes.
many() { # PREFIX COUNT [ATTRIBUTES]
	local numbers
	mapfile -t numbers < <(seq "$2")
	{
		printf '{"version":1,"devices":['
		# shellcheck disable=SC2059
		printf "{\"name\":\"$1%d\",\"mgmtdev\":\"vdpasim_net\"${3-}},\n" "${numbers[@]:1}"
		printf '{"name":"%s1","mgmtdev":"vdpasim_net"%s}]}\n' "$1" "${3-}"
	} >"$BATS_TEST_TMPDIR/f"
	FILE=$BATS_TEST_TMPDIR/f
}

# What stands below the device in sysfs, its name alone.
below() { # DEVICE PATTERN
	# shellcheck disable=SC2206 # a pattern
	local paths=(/sys/bus/vdpa/devices/$1/$2)
	printf '%s\n' "${paths[0]##*/}"
}

count() { set -- /sys/bus/vdpa/devices/*; [[ -e $1 ]] || shift; echo $#; }

# A second run has nothing to do.
settled() {
	works apply "$FILE"
	prints_exactly ''
}

readonly NET='{"name":"net","mgmtdev":"vdpasim_net","mac":"02:00:00:00:00:01","mtu":9000,"driver":"vhost_vdpa"}'
readonly BLK='{"name":"blk","mgmtdev":"vdpasim_blk","driver":"virtio_vdpa"}'
readonly SF='{"name":"sf","mgmtdev":"auxiliary/mlx5_core.sf.1","mac":"02:00:00:00:00:02","max_vqp":2,"driver":"none"}'
