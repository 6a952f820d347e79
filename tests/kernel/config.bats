# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: -c 1
# dev config show: net and block, what is offered and what was negotiated.

load helpers

@test "net, negotiated: byte for byte as iproute2 prints it" {
	works dev add name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01 mtu 1400
	works dev config show "$DEV"
	[ "$raw" = "$DEV: mac 02:00:00:00:00:01 link up link_announce false mtu 1400 
  negotiated_features MTU MAC STATUS CTRL_VQ CTRL_MAC_ADDR VERSION_1 ACCESS_PLATFORM
" ]
	want=$raw
	captures 0 iproute2 dev config show "$DEV"
	[ "$want" = "$raw" ]
	works -j dev config show "$DEV"
	[ "$raw" = "{\"config\":{\"$DEV\":{\"mac\":\"02:00:00:00:00:01\",\"link \":\"up\",\"link_announce \":false,\"mtu\":1400,\"negotiated_features\":[\"MTU\",\"MAC\",\"STATUS\",\"CTRL_VQ\",\"CTRL_MAC_ADDR\",\"VERSION_1\",\"ACCESS_PLATFORM\"]}}}
" ]
}

@test "net, no driver: what was negotiated is absent, not empty" {
	autoprobe off
	works dev add name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01
	works dev config show "$DEV"
	[ "$raw" = "$DEV: mac 02:00:00:00:00:01 link up link_announce false mtu 1500 
" ]
	works -j dev config show
	has_json '.config[] | has("negotiated_features") | not'
}

@test "net, -details: what the device offers, and keys without the blank" {
	autoprobe off
	works dev add name "$DEV" mgmtdev vdpasim_net device_features STATUS,MAC,VERSION_1,ACCESS_PLATFORM mac 02:00:00:00:00:01
	works -d dev config show "$DEV"
	prints_exactly "$DEV: mac 02:00:00:00:00:01 link up link_announce false 
  device_features MAC STATUS VERSION_1 ACCESS_PLATFORM"
	works -d -j dev config show "$DEV"
	prints_exactly "{\"config\":{\"$DEV\":{\"mac\":\"02:00:00:00:00:01\",\"link \":\"up\",\"link_announce \":false,\"link\":\"up\",\"link_announce\":false,\"device_features\":[\"MAC\",\"STATUS\",\"VERSION_1\",\"ACCESS_PLATFORM\"]}}}"
}

@test "features not offered take their fields away" {
	autoprobe off
	works dev add name "$DEV" mgmtdev vdpasim_net device_features VERSION_1,ACCESS_PLATFORM
	works dev config show "$DEV"
	[ "$raw" = "$DEV: 
" ]
	works -j dev config show "$DEV"
	[ "$raw" = "{\"config\":{\"$DEV\":{}}}
" ]
}

@test "block: the bare name by default, all attributes with -details" {
	works dev add name "$DEV" mgmtdev vdpasim_blk
	works dev config show "$DEV"
	[ "$raw" = "$DEV: 
" ]
	works -j dev config show "$DEV"
	prints_exactly "{\"config\":{\"$DEV\":{}}}"
	works -d dev config show "$DEV"
	prints_exactly "$DEV: capacity 262144 size_max 4096 blk_size 512 seg_max 32 num_queues 1 physical_block_exp 0 alignment_offset 0 min_io_size 1 opt_io_size 1 max_discard_sectors 4294967295 max_discard_seg 1 discard_sector_alignment 512 max_write_zeroes_sectors 4294967295 max_write_zeroes_seg 1 read_only false flush true 
  negotiated_features SIZE_MAX SEG_MAX BLK_SIZE FLUSH TOPOLOGY MQ DISCARD WRITE_ZEROES VERSION_1 ACCESS_PLATFORM
  device_features SIZE_MAX SEG_MAX BLK_SIZE FLUSH TOPOLOGY MQ DISCARD WRITE_ZEROES ANY_LAYOUT VERSION_1 ACCESS_PLATFORM"
	works -d -j dev config show "$DEV"
	has_json '.config[] | .capacity == 262144 and .max_discard_sectors == 4294967295 and .read_only == false
		and .flush == true and (.negotiated_features | index("DISCARD")) and (.device_features | index("ANY_LAYOUT"))
		and length == 18'
	# the disk that the driver made of it agrees
	[ "$(cat /sys/devices/"$DEV"/virtio*/block/*/size)" = 262144 ]
}

@test "the capacity is the device's, not a constant" {
	load_standin sf_count=0 odd_id=2
	autoprobe off
	works dev add name "$DEV" mgmtdev mlx5_standin_odd
	works -d -j dev config show "$DEV"
	has_json '.config[] | .capacity == 0 and .device_features == ["VERSION_1", "ACCESS_PLATFORM"]'
}

@test "mlx5: pairs" {
	load_standin sf_count=2
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 4 mac 02:00:00:00:00:02
	works dev add name "$DEV.b" mgmtdev auxiliary/mlx5_core.sf.2
	works dev config
	prints_exactly "$DEV: mac 02:00:00:00:00:02 link up link_announce false max_vq_pairs 4 mtu 1500 
  negotiated_features CSUM GUEST_CSUM MTU MAC HOST_TSO4 HOST_TSO6 STATUS CTRL_VQ CTRL_VLAN MQ CTRL_MAC_ADDR VERSION_1 ACCESS_PLATFORM
$DEV.b: link up link_announce false max_vq_pairs 1 mtu 1500 
  negotiated_features CSUM GUEST_CSUM MTU HOST_TSO4 HOST_TSO6 STATUS CTRL_VQ CTRL_VLAN MQ CTRL_MAC_ADDR VERSION_1 ACCESS_PLATFORM"
}

@test "none, several, and one that is not there" {
	works dev config show
	[ -z "$raw" ]
	works -j dev config
	[ "$raw" = $'{"config":{}}\n' ]
	autoprobe off
	make_devices "$DEV." 2
	works -j dev config show "$DEV.2" "$DEV.1" "$DEV.2"
	has_json '.config | keys_unsorted == [$d + ".2", $d + ".1"]' --arg d "$DEV"
	captures 9 vdpactl dev config show "$DEV.1" gone
	prints "$DEV.1: "
	says 'cannot show configuration of device "gone": device not found'
	fails 3 dev config show gone
}

@test "a class without configuration, asked for by name: 8; unmanaged: 1" {
	load_standin sf_count=0 odd_id=20 extra=1
	works dev add name "$DEV" mgmtdev mlx5_standin_odd
	fails 8 dev config show "$DEV"
	says "cannot show configuration of device \"$DEV\": Operation not supported" 'hint: '
	fails 1 dev config show vdpa0
	says 'unmanaged vdpa device' 'hint: '
}
