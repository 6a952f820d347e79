# SPDX-License-Identifier: GPL-2.0-or-later
# lab: -l none -c 1
# No vdpa module is loaded. The tests go from there, in this order, to a kernel that has one.

load helpers

@test "every command: 8, and what to load" {
	[ ! -e /sys/module/vdpa ]
	for words in mgmtdev 'mgmtdev show vduse' 'dev show' 'dev show x' 'dev config show' 'dev vstats show x' \
		'dev add name x mgmtdev vduse' 'dev del x' 'dev set name x mac 02:00:00:00:00:01'; do
		# shellcheck disable=SC2086 # words
		fails 8 $words
		says 'vdpactl: the kernel has no vdpa netlink family here' \
			'hint: the vdpa module is not loaded: `modprobe vdpa`, then the parent'
	done
	[ ! -e /sys/module/vdpa ] # nobody asked for that
}

@test "no such module for this kernel: the hint says that" {
	mkdir "$BATS_TEST_TMPDIR/empty"
	mount --bind "$BATS_TEST_TMPDIR/empty" "/lib/modules/$(uname -r)"
	captures 8 vdpactl dev show || { umount "/lib/modules/$(uname -r)" && false; }
	umount "/lib/modules/$(uname -r)"
	says 'no vdpa module is loaded and none is installed for this kernel (CONFIG_VDPA'
}

@test "help, version, bad usage and completion need no kernel" {
	for words in help 'dev help' 'dev add help' 'mgmtdev help' -V; do
		# shellcheck disable=SC2086 # words
		works $words
		[ -n "$raw" ]
	done
	fails 2 dev add
	fails 2 frob
	works --complete 1 vdpactl ''
	prints mgmtdev dev
	works --complete 3 vdpactl dev del ''
}

@test "JSON and batch" {
	captures 8 vdpactl -jp dev config show
	has_json '.config == {} and .errors[0].code == "EPROTONOSUPPORT" and (.errors[0].hint | contains("modprobe vdpa"))'
	captures 8 vdpactl -force -b - <<<$'dev show\ndev del x'
	says 'stdin:1: ' 'stdin:2: '
}

@test "as vdpa: 1 and its words; help works there too" {
	captures 1 as_vdpa dev show
	[ -z "$raw" ]
	says 'Failed to connect to vdpa Netlink'
	captures 0 as_vdpa help
	captures 0 as_vdpa dev help
	says 'Usage: vdpa dev'
}

@test "the family without a parent: empty lists, and which module has the parent" {
	modprobe vdpa
	for section in mgmtdev dev; do
		works $section show
		[ -z "$raw" ]
		works -j $section show
		[ "$raw" = "{\"$section\":{}}"$'\n' ]
	done
	works -j dev config show
	[ "$raw" = $'{"config":{}}\n' ]
	for parent in 'vdpasim_net vdpa_sim_net' 'vdpasim_blk vdpa_sim_blk' 'vduse vduse' 'auxiliary/mlx5_core.sf.1 mlx5_vdpa'; do
		fails 3 dev add name x mgmtdev "${parent% *}"
		says "hint: load its driver: \`modprobe ${parent#* }\`"
	done
	fails 3 dev show x
}

@test "the advice works" {
	modprobe vduse
	works mgmtdev show
	prints 'vduse: '
}
