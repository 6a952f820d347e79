# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: --parents mlx5 -c 1
# dev show: which devices, which fields, and with -details what became of them.

load helpers

@test "no device: no line, and an empty object" {
	works dev show
	[ -z "$raw" ]
	works -j dev show
	[ "$raw" = $'{"dev":{}}\n' ]
	works -jp dev show
	[ "$raw" = $'{\n    "dev": {}\n}\n' ]
}

@test "dev, dev list and prefixes are dev show, in the order of creation" {
	autoprobe off
	make_devices "$DEV." 2
	works dev add name "$DEV.b" mgmtdev vdpasim_blk
	want="$DEV.1: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256
$DEV.2: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256
$DEV.b: type block mgmtdev vdpasim_blk vendor_id 0 max_vqs 1 max_vq_size 256"
	for words in 'dev show' dev 'd l'; do
		# shellcheck disable=SC2086 # words
		works $words
		prints_exactly "$want"
	done
}

@test "several names: in the order asked, each once; one that is not there does not hide the others" {
	autoprobe off
	make_devices "$DEV." 3
	works -j dev show "$DEV.3" "$DEV.1" "$DEV.3"
	has_json '.dev | keys_unsorted == [$d + ".3", $d + ".1"]' --arg d "$DEV"
	captures 9 vdpactl -j dev show "$DEV.2" gone "$DEV.1"
	has_json '(.dev | length == 2) and (.errors | length == 1) and .errors[0].device == "gone"'
	says 'cannot show device "gone": device not found'
	fails 3 dev show gone away
	says '"gone"' '"away"'
}

@test "-details: virtio_vdpa and its netdev" {
	works dev add name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:0d:01 mtu 1300
	netdev=$(basename /sys/devices/"$DEV"/virtio*/net/*)
	works -d -j dev show "$DEV"
	has_json '.dev[] | .driver == "virtio_vdpa" and (.virtio | test("^virtio[0-9]+$"))
		and .netdev == {name: $n, mtu: 1300, mac: "02:00:00:00:0d:01", operstate: "down"}
		and .managed == true and .min_vq_size == 1 and (has("chardev") | not)' --arg n "$netdev"
	ip link set "$netdev" up
	works -d dev show "$DEV"
	prints " driver virtio_vdpa" " netdev $netdev mtu 1300 mac 02:00:00:00:0d:01 operstate up" " managed true"
	[[ $output != *$'\n'* ]]
}

@test "-details: virtio_vdpa and its block device" {
	works dev add name "$DEV" mgmtdev vdpasim_blk
	disk=$(basename /sys/devices/"$DEV"/virtio*/block/*)
	works -d -j dev show "$DEV"
	has_json '.dev[] | .driver == "virtio_vdpa" and .blockdev == $n and (has("netdev") | not)' --arg n "$disk"
}

@test "-details: vhost_vdpa and its character device; without a driver neither" {
	works dev add name "$DEV" mgmtdev vdpasim_net
	bind "$DEV" vhost_vdpa
	node=$(basename /sys/devices/"$DEV"/vhost-vdpa-*)
	works -d -j dev show "$DEV"
	has_json '.dev[] | .driver == "vhost_vdpa" and .driver_override == "vhost_vdpa" and .chardev == "/dev/" + $n
		and .chardev_number == $m and (has("virtio") or has("netdev") | not)' \
		--arg n "$node" --arg m "$(<"/sys/devices/$DEV/$node/dev")"
	bind "$DEV" none
	works -d -j dev show "$DEV"
	has_json '.dev[] | has("driver") or has("chardev") or has("virtio") | not'
}

@test "-details: subfunctions and functions know their parents, siblings keep apart" {
	works dev add name "$DEV.1" mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:0e:01
	works dev add name "$DEV.2" mgmtdev auxiliary/mlx5_core.sf.2 mac 02:00:00:00:0e:02
	works dev add name "$DEV.p" mgmtdev pci/0000:03:00.2 mac 02:00:00:00:0e:03
	works -d -j dev show
	has_json '[.dev[] | [.parent, .parent_bus, .parent_driver]] == [["mlx5_core.sf.1", "auxiliary", "mlx5_core.sf"],
		["mlx5_core.sf.2", "auxiliary", "mlx5_core.sf"], ["0000:03:00.2", "pci", "mlx5_core"]]'
	# All their virtio devices are neighbours below the physical function.
	has_json '[.dev[] | .netdev.mac] == ["02:00:00:00:0e:01", "02:00:00:00:0e:02", "02:00:00:00:0e:03"]'
}

@test "unmanaged devices: with -details in the list, by name always" {
	load_standin extra=2
	works dev show
	prints_exactly ''
	works -d -j dev show
	has_json '.dev | length == 2 and all(.[]; .managed == false and (has("mgmtdev") | not))'
	name=$(jq -r '.dev | keys[0]' <<<"$output")
	works dev show "$name"
	prints "$name:"
	works -d dev show "$name"
	prints ' managed false'
}

@test "-statistics: the queues' counters with each device" {
	load_standin sf_count=1
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:0f:01
	works dev add name "$DEV.b" mgmtdev vdpasim_blk
	works -s dev show
	prints_exactly "$DEV: type network mgmtdev auxiliary/mlx5_core.sf.1 vendor_id 5555 max_vqs 3 max_vq_size 256
  vstats queue_index 0 queue_type rx received_desc 1000 completed_desc 500 
  vstats queue_index 1 queue_type tx received_desc 2000 completed_desc 1500 
  vstats queue_index 2 queue_type control_vq received_desc 3000 completed_desc 2500 
$DEV.b: type block mgmtdev vdpasim_blk vendor_id 0 max_vqs 1 max_vq_size 256"
	works -s -j dev show
	has_json '([.dev[$d].vstats[] | .queue_type] == ["rx", "tx", "control_vq"]) and .dev[$d].vstats[2] == {queue_index: 2,
		queue_type: "control_vq", received_desc: 3000, completed_desc: 2500} and (.dev[$b] | has("vstats") | not)' \
		--arg d "$DEV" --arg b "$DEV.b"
}

@test "an empty name is refused: 2" {
	fails 2 dev show ''
	says '""'
}
