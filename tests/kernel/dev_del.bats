# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: -c 1
# dev del. Devices in use: guard.bats.

load helpers

@test "one, and nothing is printed" {
	autoprobe off
	make_devices "$DEV." 2
	works dev del "$DEV.1"
	prints_exactly ''
	run ! device_exists "$DEV.1"
	device_exists "$DEV.2"
	works -j dev d "$DEV.2"
	[ "$raw" = $'\n' ]
	no_devices
}

@test "several at once" {
	autoprobe off
	make_devices "$DEV." 20
	names=("$DEV."{1..19})
	works dev del "${names[@]}"
	works -j dev show
	has_json '.dev | keys == [$d + ".20"]' --arg d "$DEV"
}

@test "one that is not there does not save the others: 9, and it is named" {
	autoprobe off
	make_devices "$DEV." 3
	fails 9 dev del "$DEV.1" gone "$DEV.3"
	says 'cannot delete device "gone": device not found (No such device)'
	works dev show
	prints_exactly "$DEV.2: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256"
}

@test "none there: 3; with if_exists that is no failure" {
	fails 3 dev del gone
	says 'vdpactl: cannot delete device "gone": device not found (No such device)'
	fails 3 dev del gone away
	says '"gone"' '"away"'
	works dev del gone away if_exists
	autoprobe off
	make_devices "$DEV." 1
	works dev del gone "$DEV.1" if_exists
	no_devices
}

@test "a device with a driver: its netdev or disk goes with it" {
	works dev add name "$DEV" mgmtdev vdpasim_net
	works dev add name "$DEV.b" mgmtdev vdpasim_blk
	works dev add name "$DEV.v" mgmtdev vdpasim_net
	bind "$DEV.v" vhost_vdpa
	nodes=(/sys/devices/"$DEV"/virtio*/net/* /sys/devices/"$DEV.b"/virtio*/block/* /dev/vhost-vdpa-*)
	[ "${#nodes[@]}" -eq 3 ]
	works dev del "$DEV" "$DEV.b" "$DEV.v"
	for node in "${nodes[@]}"; do
		[ ! -e "$node" ]
	done
	no_devices
}

@test "a parent can be used again at once" {
	load_standin sf_count=1
	for i in 1 2 3; do
		printf 'dev add name %s mgmtdev auxiliary/mlx5_core.sf.1\ndev del %s\n' "$DEV.$i" "$DEV.$i"
	done >"$BATS_TEST_TMPDIR/batch"
	works -batch "$BATS_TEST_TMPDIR/batch"
	no_devices
}

@test "an unmanaged device is not for users to delete: 1" {
	load_standin sf_count=0 extra=1
	fails 1 dev del vdpa0
	says 'Only user created device can be deleted by user' 'hint: its driver made this device by itself'
	device_exists vdpa0
	fails 1 dev del vdpa0 if_exists
	fails 1 dev del vdpa0 force
}

@test "devices named like a keyword" {
	autoprobe off
	works dev add name force mgmtdev vdpasim_net
	works dev add name if_exists mgmtdev vdpasim_net
	works dev del force
	works dev del if_exists
	no_devices
}

@test "bad words: 2, and nothing is deleted" {
	autoprobe off
	make_devices "$DEV" 1
	fails 2 dev del
	says 'dev del: a device name is expected'
	fails 2 dev del ''
	says '""'
	fails 2 dev del "$DEV" ''
	fails 2 dev del "$DEV" force force
	says 'force is given twice'
	fails 2 dev del "$DEV" force junk
	device_exists "${DEV}1"
}
