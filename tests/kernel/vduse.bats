# SPDX-License-Identifier: GPL-2.0-or-later
# Devices of the parent vduse: what their daemons made is what vdpactl adds, shows and deletes.
# kernels: 6.12 7.2
# lab: -c 1
# seconds: 50

load helpers
load tools

@test "mgmtdev show: vduse makes net and block devices and tells no limits" {
	works mgmtdev show vduse
	prints_exactly <<-'END'
		vduse: 
		  supported_classes net block
		  max_supported_vqs 0
		  dev_features
	END
	works -j mgmtdev show vduse
	prints_exactly '{"mgmtdev":{"vduse":{"supported_classes":["net","block"],"max_supported_vqs":0,"dev_features":[]}}}'
}

@test "a block device is added with the queues that its daemon gave it, shown and deleted" {
	stub "$DEV" --queues 3 --queue-size 64
	works dev add name "$DEV" mgmtdev vduse
	prints_exactly ''
	works dev show "$DEV"
	prints_exactly "$DEV: type block mgmtdev vduse vendor_id 0 max_vqs 3 max_vq_size 64"
	works -j dev show "$DEV"
	prints_exactly '{"dev":{"'"$DEV"'":{"type":"block","mgmtdev":"vduse","vendor_id":0,"max_vqs":3,"max_vq_size":64}}}'
	works dev del "$DEV"
	prints_exactly ''
	gone "$DEV"
	fails 3 dev show "$DEV"
}

@test "-d dev show names driver, virtio device, disk and parent of a block device" {
	stub_added "$DEV"
	works -d -j dev show "$DEV"
	has_json '.dev[$n] | .driver == "virtio_vdpa" and .virtio == $v and .blockdev == $b and .parent == $n and
		.parent_bus == "vduse" and .managed and (has("chardev") or has("netdev") or has("parent_driver") | not)' \
		--arg n "$DEV" --arg v "$(below "$DEV" 'virtio*')" --arg b "$(below "$DEV" 'virtio*/block/*')"
	works -d dev show "$DEV"
	prints "driver virtio_vdpa virtio virtio" "blockdev vd" "parent $DEV parent_bus vduse managed true"
}

@test "-d dev show names the network interface with its MTU, MAC and state" {
	stub_added "$DEV" --type net --queues 2 --features 10028 --mac 02:00:00:00:00:2a --mtu 1400
	works -d -j dev show "$DEV"
	has_json '.dev[$n] | .type == "network" and .virtio == $v and (has("blockdev") | not) and
		.netdev == {name: $i, mtu: 1400, mac: "02:00:00:00:00:2a", operstate: "down"}' \
		--arg n "$DEV" --arg v "$(below "$DEV" 'virtio*')" --arg i "$(below "$DEV" 'virtio*/net/*')"
	ip link set "$(below "$DEV" 'virtio*/net/*')" up
	works -d -j dev show "$DEV"
	has_json '.dev[$n].netdev.operstate == "up"' --arg n "$DEV"
}

@test "-d dev show names the char device with vhost_vdpa, and nothing when no driver is bound" {
	local node
	autoprobe off
	stub_added "$DEV"
	works -d -j dev show "$DEV"
	has_json '.dev[$n] | .parent == $n and (has("driver") or has("virtio") or has("chardev") | not)' --arg n "$DEV"
	bind "$DEV" vhost_vdpa
	node=$(chardev "$DEV")
	works -d -j dev show "$DEV"
	has_json '.dev[$n] | .driver == "vhost_vdpa" and .driver_override == "vhost_vdpa" and .chardev == $c and
		.chardev_number == $d and (has("virtio") | not)' \
		--arg n "$DEV" --arg c "$node" --arg d "$((16#$(stat -c %t "$node"))):$((16#$(stat -c %T "$node")))"
}

@test "config show: a net device's configuration is its daemon's, before and after a driver" {
	autoprobe off
	stub_added "$DEV" --type net --queues 2 --features 10028 --mac 02:00:00:00:00:2a --mtu 1400
	works dev config show "$DEV"
	prints_exactly "$DEV: mac 02:00:00:00:00:2a link up link_announce false mtu 1400 "
	bind "$DEV" virtio_vdpa
	works dev config show "$DEV"
	prints_exactly "$DEV: mac 02:00:00:00:00:2a link up link_announce false mtu 1400 
  negotiated_features MTU MAC STATUS VERSION_1 ACCESS_PLATFORM"
	works -d -j dev config show "$DEV"
	has_json '.config[$n] | .link == "up" and .link_announce == false and .mtu == 1400 and
		.negotiated_features == ["MTU", "MAC", "STATUS", "VERSION_1", "ACCESS_PLATFORM"] and
		.device_features == .negotiated_features' --arg n "$DEV"
}

@test "config show: features that nobody offers show no MAC, link or MTU" {
	stub_added "$DEV" --type net --queues 2
	works -j dev config show "$DEV"
	has_json '.config[$n] == {negotiated_features: ["VERSION_1", "ACCESS_PLATFORM"]}' --arg n "$DEV"
}

@test "config show: all that a user of the char device did not take is left out of the negotiated features" {
	autoprobe off
	stub_added "$DEV" --type net --queues 2 --features 10028
	bind "$DEV" vhost_vdpa
	use "$DEV" --features 300000020
	works -d -j dev config show "$DEV"
	has_json '.config[$n] | .negotiated_features == ["MAC", "VERSION_1", "ACCESS_PLATFORM"] and
		.device_features == ["MTU", "MAC", "STATUS", "VERSION_1", "ACCESS_PLATFORM"]' --arg n "$DEV"
	end_users
	works -d -j dev config show "$DEV"
	has_json '.config[$n] | has("negotiated_features") | not' --arg n "$DEV"
}

@test "config show -d: every field of a block device that offers everything" {
	autoprobe off
	stub_added "$DEV" --queues 2 --capacity 131072 --features 7666
	works dev config show "$DEV"
	prints_exactly "$DEV: "
	works -d -j dev config show "$DEV"
	has_json '.config[$n] == {capacity: 131072, size_max: 65536, blk_size: 1024, seg_max: 62, num_queues: 2,
		physical_block_exp: 2, alignment_offset: 1, min_io_size: 8, opt_io_size: 16,
		max_discard_sectors: 2048, max_discard_seg: 3, discard_sector_alignment: 4,
		max_write_zeroes_sectors: 4096, max_write_zeroes_seg: 5, read_only: true, flush: true,
		device_features: ["SIZE_MAX", "SEG_MAX", "RO", "BLK_SIZE", "FLUSH", "TOPOLOGY", "MQ", "DISCARD",
			"WRITE_ZEROES", "VERSION_1", "ACCESS_PLATFORM"]}' --arg n "$DEV"
	works -d dev config show "$DEV"
	prints "$DEV: capacity 131072 size_max 65536 blk_size 1024 seg_max 62 " "read_only true flush true "
}

@test "config show -d: a block device that offers nothing has a capacity, is writable and has no cache" {
	stub_added "$DEV"
	works -d -j dev config show "$DEV"
	has_json '.config[$n] | [.capacity, .read_only, .flush, (keys | length)] == [0, false, false, 5]' --arg n "$DEV"
}

@test "dev add without a daemon's device: exit 1, and the hint names the device that is missing" {
	fails 1 dev add name nothing mgmtdev vduse
	says 'cannot add device "nothing"' 'hint: there is no VDUSE device "nothing"' '/dev/vduse/nothing'
}

@test "dev add before every virtqueue is set up: exit 1, and the hint says so" {
	stub "$DEV" --no-vq-setup
	fails 1 dev add name "$DEV" mgmtdev vduse
	says "hint: the VDUSE device \"$DEV\" exists but its daemon has not set up every virtqueue yet"
	gone "$DEV"
}

@test "dev add twice: exit 4, by our check and by the kernel's" {
	stub_added "$DEV"
	fails 4 dev add name "$DEV" mgmtdev vduse
	says "device \"$DEV\" exists already"
	fails 4 dev add name "$DEV" mgmtdev vduse force
	captures 1 as_vdpa dev add name "$DEV" mgmtdev vduse
	works dev show "$DEV"
}

@test "deleted and added again, three times: the same device" {
	local i
	stub "$DEV"
	for i in 1 2 3; do
		works dev add name "$DEV" mgmtdev vduse
		works dev del "$DEV"
	done
}

@test "attributes are refused by vduse: exit 8, and the hint names them" {
	stub "$DEV" --type net --queues 2 --features 10028
	fails 8 dev add name "$DEV" mgmtdev vduse mac 02:00:00:00:00:01
	says 'hint: this parent does not take mac; vduse takes none of them'
	fails 8 dev add name "$DEV" mgmtdev vduse mtu 1500
	says 'does not take mtu;'
	fails 8 dev add name "$DEV" mgmtdev vduse max_vqp 1
	says 'does not take max_vqp;'
	fails 8 dev add name "$DEV" mgmtdev vduse device_features 0x300010028
	says 'does not take device_features;'
	fails 8 dev add name "$DEV" mgmtdev vduse mac 02:00:00:00:00:01 mtu 1500
	says 'does not take mac, mtu;'
	gone "$DEV"
}

@test "-j: a refusal is told in the document too" {
	stub "$DEV"
	captures 8 vdpactl -j dev add name "$DEV" mgmtdev vduse mtu 1500
	has_json '.errors == [{device: $n, errno: 95, code: "EOPNOTSUPP", message: .errors[0].message, hint: .errors[0].hint}]' \
		--arg n "$DEV"
}

@test "values that the kernel refuses before it looks for the device" {
	fails 1 dev add name "$DEV" mgmtdev vduse mtu 10
	says 'hint: mtu: expected 68 to 65535'
	fails 1 dev add name "$DEV" mgmtdev vduse max_vqp 0
	says 'At least one pair of VQs is required'
}

@test "vstats: vduse counts nothing, exit 8; -s dev show leaves it out" {
	stub_added "$DEV" --type net --queues 2
	fails 8 dev vstats show "$DEV"
	says 'hint: its driver keeps no statistics'
	fails 8 dev vstats show "$DEV" qidx 0
	fails 8 dev vstats show "$DEV" qidx all
	works -s -j dev show "$DEV"
	has_json '.dev[$n] | has("vstats") | not' --arg n "$DEV"
}

@test "dev set: exit 8 for a net and for a block device" {
	stub_added "$DEV" --type net --queues 2 --features 20
	stub_added b
	fails 8 dev set name "$DEV" mac 02:00:00:00:00:02
	says 'hint: '
	works -j dev config show "$DEV"
	has_json '.config[$n].mac == "02:00:00:00:00:01"' --arg n "$DEV"
	fails 8 dev set name b mac 02:00:00:00:00:02
}

@test "names of 64, 128 and 255 characters, as vdpactl and as vdpa" {
	local name n long
	printf -v long '%*s' 255 ''
	long=${long// /x}
	for n in 64 128 255; do
		name=$DEV${long:0:n - ${#DEV}}
		stub_added "$name" --type net --queues 2 --features 20
		works dev show "$name"
		prints_exactly "$name: type network mgmtdev vduse vendor_id 0 max_vqs 2 max_vq_size 128"
		works -d -j dev show "$name"
		# The interface is found through bus_info, which has room for 31 characters, or by its place.
		has_json '.dev[$n] | .parent == $n and .netdev.name == $i' --arg n "$name" --arg i "$(below "$name" 'virtio*/net/*')"
		works dev config show "$name"
		prints "$name: mac 02:00:00:00:00:01 "
		captures 0 as_vdpa -j dev show "$name"
		has_json '.dev[$n].max_vqs == 2' --arg n "$name"
	done
	captures 0 as_vdpa dev show
	mapfile -t lines <<<"$output"
	((${#lines[@]} == 3))
	for name in /sys/bus/vdpa/devices/*; do
		works dev del "${name##*/}"
	done
}

@test "a device of type fs in the middle: those behind it stay in the list" {
	stub_added a
	if [[ $VDPACTL_LAB == 6.12 ]]; then
		# This kernel makes no such device, so there can't be one.
		run -1 "$VDUSE_STUB" --type fs --queues 2 f
		[[ $output == *"Invalid argument"* ]]
		return
	fi
	stub_added f --type fs --queues 2
	stub_added n --type net --queues 2 --features 20
	works dev show
	prints_exactly <<-'END'
		a: type block mgmtdev vduse vendor_id 0 max_vqs 1 max_vq_size 128
		f: type <unknown type> mgmtdev vduse vendor_id 0 max_vqs 2 max_vq_size 128
		n: type network mgmtdev vduse vendor_id 0 max_vqs 2 max_vq_size 128
	END
	captures 0 vdpactl -j dev config show
	has_json '.config | keys == ["a", "n"] and .n.mac == "02:00:00:00:00:01"'
	says 'f is left out: '
	fails 8 dev config show f
	captures 0 as_vdpa -j dev config show
	has_json '.config | keys == ["a", "n"]'
	works -d -j dev show f
	has_json '.dev.f | .driver == "virtio_vdpa" and .virtio == $v and (has("netdev") or has("blockdev") | not)' \
		--arg v "$(below f 'virtio*')"
	works dev del f
}

@test "a daemon that does not answer: the device comes up without a driver's device, or with an error" {
	stub "$DEV" --ignore-messages
	msg_timeout "$DEV" 1
	start_clock
	works dev add name "$DEV" mgmtdev vduse
	took_at_least 900
	works -d -j dev show "$DEV"
	has_json '.dev[$n] | has("blockdev") or has("netdev") | not' --arg n "$DEV"
	works dev del "$DEV"
}

@test "several daemons' devices by one batch, and deleted by one command" {
	local i
	for i in 1 2 3 4 5; do
		stub "$DEV-$i"
	done
	captures 0 vdpactl -batch - < <(printf "dev add name $DEV-%d mgmtdev vduse\n" 1 2 3 4 5)
	silent
	works -j dev show
	has_json '.dev | length == 5 and (to_entries | all(.value.mgmtdev == "vduse"))'
	works dev del "$DEV"-{1..5}
	no_devices
}

@test "qemu-storage-daemon's vduse-blk: a disk that appears, reads back and goes" {
	local disk
	head -c 1048576 /dev/urandom >"$BATS_TEST_TMPDIR/image"
	background qemu-storage-daemon --blockdev "driver=file,filename=$BATS_TEST_TMPDIR/image,node-name=f" \
		--export "type=vduse-blk,id=e,node-name=f,name=$DEV,writable=on"
	wait_until 20 test -e "/dev/vduse/$DEV"
	wait_until 20 vdpactl dev add name "$DEV" mgmtdev vduse 2>/dev/null
	works -d -j dev config show "$DEV"
	has_json '.config[$n] | .capacity == 2048 and .flush and (.read_only | not)' --arg n "$DEV"
	disk=$(below "$DEV" 'virtio*/block/*')
	works -d -j dev show "$DEV"
	has_json '.dev[$n].blockdev == $b' --arg n "$DEV" --arg b "$disk"
	cmp "/dev/$disk" "$BATS_TEST_TMPDIR/image"
	printf 'written through the disk' | dd of="/dev/$disk" bs=512 seek=7 conv=sync,fsync status=none
	[[ $(dd if="$BATS_TEST_TMPDIR/image" bs=512 skip=7 count=1 status=none | tr -d '\0') == 'written through the disk' ]]
	works dev del "$DEV"
	run ! test -e "/sys/class/block/$disk"
	kill "${CHILDREN[0]}"
	wait_until 20 ended "${CHILDREN[0]}"
	run ! test -e "/dev/vduse/$DEV"
}

@test "vduse show finds the daemons of other programs by one look for all" {
	command -v strace >/dev/null || skip "no strace"
	stub one
	stub two
	stub three
	counts_looks -j vduse show
	((LOOKS == 1)) || failed "$LOOKS looks"
	has_json '.vduse | .one.pid == $one and .two.pid == $two and .three.pid == $three' \
		--argjson one "${STUB[one]}" --argjson two "${STUB[two]}" --argjson three "${STUB[three]}"
	works -j vduse show two
	has_json '.vduse.two.pid == $two' --argjson two "${STUB[two]}"
}
