# SPDX-License-Identifier: GPL-2.0-or-later
# What a user of /dev/vhost-vdpa-N makes visible: negotiated features and the statistics of virtqueues.
# kernels: 6.12
# lab: --parents mlx5 -c 1

load helpers
load tools

setup() {
	tools_setup
	autoprobe off
}

# DEVICE of MGMTDEV, bound to vhost_vdpa.
vhost_device() { # DEVICE MGMTDEV [ARGUMENT...]
	vdpactl dev add name "$1" mgmtdev "$2" "${@:3}"
	bind "$1" vhost_vdpa
}

types() { # JSON-ARRAY: the types of all queues, in the order of their numbers
	works -j dev vstats show "$DEV"
	has_json '.vstats[$n].queues | map(.queue_type) == $t and map(.queue_index) == [range(length)]' \
		--arg n "$DEV" --argjson t "$1"
}

@test "negotiated features appear with FEATURES_OK and go with the user" {
	vhost_device "$DEV" vdpasim_net mac 02:00:00:00:00:01
	works dev config show "$DEV"
	prints_exactly "$DEV: mac 02:00:00:00:00:01 link up link_announce false mtu 1500 "
	use "$DEV"
	works -j dev config show "$DEV"
	has_json '.config[$n] | has("negotiated_features") | not' --arg n "$DEV"
	end_users
	use "$DEV" --negotiate
	works dev config show "$DEV"
	prints_exactly "$DEV: mac 02:00:00:00:00:01 link up link_announce false mtu 1500 
  negotiated_features MTU MAC STATUS CTRL_VQ CTRL_MAC_ADDR ANY_LAYOUT VERSION_1 ACCESS_PLATFORM"
	captures 0 as_vdpa -j dev config show "$DEV"
	prints '"negotiated_features":["MTU","MAC","STATUS","CTRL_VQ","CTRL_MAC_ADDR","ANY_LAYOUT","VERSION_1","ACCESS_PLATFORM"]'
	end_users
	works -j dev config show "$DEV"
	has_json '.config[$n] | has("negotiated_features") | not' --arg n "$DEV"
}

@test "config show -d: negotiated features of a block device" {
	vhost_device "$DEV" vdpasim_blk
	use "$DEV" --features 300000200
	works -d -j dev config show "$DEV"
	has_json '.config[$n] | .negotiated_features == ["FLUSH", "VERSION_1", "ACCESS_PLATFORM"] and .capacity == 262144' \
		--arg n "$DEV"
	fails 8 dev vstats show "$DEV"
	says 'hint: its driver keeps no statistics'
}

@test "vstats before negotiation: exit 1 and a hint, for one queue and for all" {
	local queue
	vhost_device "$DEV" vdpasim_net
	use "$DEV"
	for queue in '' 'qidx 0' 'qidx all' 'qidx ctrlvq'; do
		# shellcheck disable=SC2086 # two words, or none
		fails 1 dev vstats show "$DEV" $queue
		says "cannot show statistics of device \"$DEV\"" 'hint: no driver has negotiated features yet'
	done
}

@test "vstats: all queues of vdpasim_net with their types, by default and by qidx all" {
	vhost_device "$DEV" vdpasim_net
	use "$DEV" --driver-ok
	works dev vstats show "$DEV"
	prints_exactly <<-END
		$DEV: queue_index 0 queue_type rx rx packets 0 rx bytes 0 rx errors 0 rx overruns 0 rx drops 0 
		$DEV: queue_index 1 queue_type tx tx packets 0 tx bytes 0 tx errors 0 tx drops 0 
		$DEV: queue_index 2 queue_type control_vq cvq requests 0 cvq successes 0 cvq errors 0 
	END
	works dev vstats show "$DEV" qidx all
	prints 'queue_type control_vq'
	types '["rx", "tx", "control_vq"]'
	has_json '.vstats[$n].queues[1]["tx packets"] == 0' --arg n "$DEV"
	works -s -j dev show "$DEV"
	has_json '.dev[$n].vstats | map(.queue_type) == ["rx", "tx", "control_vq"]' --arg n "$DEV"
}

@test "vstats qidx: one queue, and the control queue by its name" {
	vhost_device "$DEV" vdpasim_net
	use "$DEV" --negotiate
	works dev vstats show "$DEV" qidx 0
	prints_exactly "$DEV: queue_type rx rx packets 0 rx bytes 0 rx errors 0 rx overruns 0 rx drops 0 "
	works dev vstats show "$DEV" qidx ctrlvq
	prints_exactly "$DEV: queue_type control_vq cvq requests 0 cvq successes 0 cvq errors 0 "
	works -d -j dev vstats show "$DEV" qidx 2
	has_json '.vstats[$n] | .queue_index == 2 and .queue_type == "control_vq" and
		(.negotiated_features | index("CTRL_VQ"))' --arg n "$DEV"
	captures 0 as_vdpa dev vstats show "$DEV" qidx 2
	prints_exactly "$DEV: queue_type control_vq cvq requests 0 cvq successes 0 cvq errors 0 "
}

@test "vstats: without CTRL_VQ there is no control queue" {
	vhost_device "$DEV" vdpasim_net
	use "$DEV" --features 300000020
	works -j dev vstats show "$DEV" qidx 2
	has_json '.vstats[$n].queue_type == "rx"' --arg n "$DEV"
	fails 3 dev vstats show "$DEV" qidx ctrlvq
	says 'it has no control virtqueue (CTRL_VQ was not negotiated)'
}

@test "vstats: queues that are not there" {
	vhost_device "$DEV" vdpasim_net
	use "$DEV" --negotiate
	fails 1 dev vstats show "$DEV" qidx 3
	says "cannot show statistics of device \"$DEV\""
	fails 1 dev vstats show "$DEV" qidx 65536
	says 'queue index exceeds max value'
	fails 1 dev vstats show "$DEV" qidx 4294967295
	says 'queue index exceeds max value'
	fails 3 dev vstats show nothing
	says 'device not found'
}

@test "vstats of several pairs: the control queue stands behind all pairs with MQ, behind one without" {
	vhost_device "$DEV" auxiliary/mlx5_core.sf.1 max_vqp 2 mac 02:00:00:00:00:01
	use "$DEV" --negotiate
	types '["rx", "tx", "rx", "tx", "control_vq"]'
	works -j dev vstats show "$DEV" qidx ctrlvq
	has_json '.vstats[$n] | .queue_type == "control_vq" and .received_desc == 5000 and .completed_desc == 4500' --arg n "$DEV"
	fails 1 dev vstats show "$DEV" qidx 5
	says 'virtqueue index is not valid'
	end_users
	# VERSION_1, ACCESS_PLATFORM, CTRL_VQ
	use "$DEV" --features 300020000
	types '["rx", "tx", "control_vq"]'
	works -j dev vstats show "$DEV" qidx ctrlvq
	has_json '.vstats[$n].received_desc == 3000' --arg n "$DEV"
	end_users
	use "$DEV" --features 300000000
	types '["rx", "tx"]'
}

@test "with one of them open the batch deletes the others" {
	local i list=
	make_devices "$DEV" 12
	for ((i = 1; i <= 12; i++)); do
		bind "$DEV$i" vhost_vdpa
		list+="dev del $DEV$i"$'\n'
	done
	use "${DEV}7"
	captures 9 vdpactl -force -batch - <<<"$list"
	says ":7: " "is open in $PID (vhost_open)"
	[[ $(echo /sys/bus/vdpa/devices/*) == "/sys/bus/vdpa/devices/${DEV}7" ]]
}

@test "300 devices with char devices that nobody has open are deleted without a search through all processes" {
	local calls
	# Without virtio_vdpa, and it does not come back, all go to vhost_vdpa.
	modprobe -r virtio_vdpa
	autoprobe on
	works -batch - < <(printf "dev add name $DEV-%d mgmtdev vdpasim_net\n" {1..300})
	device_exists "$DEV-300"
	[[ -e $(chardev "$DEV-1") && -e $(chardev "$DEV-300") ]]
	# The leak sanitizer can't work below strace.
	captures 0 strace -E ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" -f --seccomp-bpf -e trace=openat \
		-o "$BATS_TEST_TMPDIR/calls" "$VDPACTL" -batch - < <(printf "dev del $DEV-%d\n" {1..300})
	silent
	no_devices
	mapfile -t calls <"$BATS_TEST_TMPDIR/calls"
	# A file for each device, and what the program opens at its start: a search opens a directory for each process.
	((${#calls[@]} >= 300 && ${#calls[@]} < 1000)) || failed "${#calls[@]} files opened"
}
