# SPDX-License-Identifier: GPL-2.0-or-later
# dev show and dev del of patterns and filters.
# kernels: 6.12
# lab: -c 1

load helpers

setup() {
	common_setup
	autoprobe off
	make_devices n 3
	works dev add name blk mgmtdev vdpasim_blk
	works dev add name 'a*' mgmtdev vdpasim_net
	works dev add name ab mgmtdev vdpasim_net
	bind n2 vhost_vdpa
}

names() { jq -r '.dev | keys_unsorted | join(" ")' <<<"$output"; }

shows() { # NAMES WORD...
	works -j dev show "${@:2}"
	[[ $(names) == "$1" ]] || failed "dev show ${*:2}: $(names)"
}

@test "dev show: patterns, filters, both" {
	shows 'n1 n2 n3' 'n*'
	shows 'n1 n3' 'n[13]'
	shows 'n3 n1 n2' n3 'n?' n1
	shows 'a*' 'a*'
	shows 'a* ab' 'a?'
	shows blk type block
	shows blk mgmtdev vdpasim_blk
	shows n2 driver vhost_vdpa
	shows 'n1 n3' 'n*' driver none
	shows '' 'n*' type block
	shows 'n1 n2 n3 a* ab' type net
	shows n2 n1 n2 driver vhost_vdpa
	shows '' driver virtio_vdpa
	works dev show type block
	prints_exactly 'blk: type block mgmtdev vdpasim_blk vendor_id 0 max_vqs 1 max_vq_size 256'
	captures 9 vdpactl dev show 'x*' n1
	says 'no device matches "x*"'
	fails 3 dev show 'x*' gone
	captures 1 as_vdpa dev show 'n*'
}

@test "dev del: what matches, and only that" {
	works dev del 'n*' driver none
	works -j dev show
	[[ $(names) == 'n2 blk a* ab' ]]
	works dev del 'a*'
	works -j dev show
	[[ $(names) == 'n2 blk ab' ]]
	fails 3 dev del 'x*'
	says 'no device matches "x*"'
	works dev del 'x*' if_exists
	fails 3 dev del type net driver virtio_vdpa
	says 'no device matches'
	works dev del type net driver virtio_vdpa if_exists
	fails 3 dev del mgmtdev nothing
	fails 2 dev del
	captures 9 vdpactl dev del ab gone type net
	works dev del type net
	works -j dev show
	[[ $(names) == blk ]]
	works dev del mgmtdev vdpasim_blk
	no_devices
}

@test "--dry-run: told, and nothing is done" {
	works --dry-run dev del 'n*' blk
	prints_exactly $'n1: would be deleted\nn2: would be deleted\nn3: would be deleted\nblk: would be deleted'
	works -j --dry-run dev del type block
	prints_exactly '{"dev":{"blk":{"action":"delete"}}}'
	captures 9 vdpactl --dry-run dev del n1 gone
	prints_exactly 'n1: would be deleted'
	fails 3 -D dev del 'x*'
	shows 'n1 n2 n3 blk a* ab'
}

@test "2,000 by one pattern" {
	make_devices many 2000
	works --dry-run dev del 'many*'
	works dev del 'many*'
	shows 'n1 n2 n3 blk a* ab'
}
