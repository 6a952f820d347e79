# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: --parents mlx5 -c 1
# dev add: what each parent makes of each attribute. What is refused is in errors.bats.

load helpers

setup() {
	common_setup
	autoprobe off
}

config() { # DEVICE: its configuration with details, as JSON in output
	works -d -j dev config show "$1"
}

@test "vdpasim_net: nothing given, and nothing printed" {
	works dev add name "$DEV" mgmtdev vdpasim_net
	prints_exactly ''
	works dev show
	prints_exactly "$DEV: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256"
	config "$DEV"
	has_json '.config[$d] | .mac == "00:00:00:00:00:00" and .mtu == 1500' --arg d "$DEV"
}

@test "vdpasim_net: mac, mtu and device_features, in any order, with the words' prefixes" {
	works dev add mtu 1400 mac 02:00:00:00:0a:01 name "$DEV" mgmtdev vdpasim_net
	works dev add mgmt vdpasim_net mac 2:0:0:0:a:2 n "$DEV.b" device_features 0x300000028 mtu 9000
	works dev add device_features 300010028 n "$DEV.c" m vdpasim_net
	works -d -j dev config show
	has_json '.config[$d] | .mac == "02:00:00:00:0a:01" and .mtu == 1400' --arg d "$DEV"
	has_json '.config[$d] | .mac == "02:00:00:00:0a:02" and .mtu == 9000
		and .device_features == ["MTU","MAC","VERSION_1","ACCESS_PLATFORM"]' --arg d "$DEV.b"
	has_json '.config[$d].device_features == ["MTU","MAC","STATUS","VERSION_1","ACCESS_PLATFORM"]' --arg d "$DEV.c"
}

@test "the smallest and the largest mtu" {
	works dev add name "$DEV" mgmtdev vdpasim_net mtu 68
	works dev add name "$DEV.b" mgmtdev vdpasim_net mtu 65535
	works -j dev config show
	has_json '[.config[].mtu] | sort == [68, 65535]'
}

@test "mac random: of one interface, locally administered, and another each time" {
	for i in 1 2 3 4; do
		echo "dev add name $DEV.$i mgmtdev vdpasim_net mac random"
	done >"$BATS_TEST_TMPDIR/batch"
	works -batch "$BATS_TEST_TMPDIR/batch"
	works -j dev config show
	has_json '[.config[].mac] | unique | length == 4'
	has_json '[.config[].mac[0:2]] | all(test("^.[26ae]$"))'
}

@test "vdpasim_blk" {
	works dev add name "$DEV" mgmtdev vdpasim_blk
	works dev show
	prints_exactly "$DEV: type block mgmtdev vdpasim_blk vendor_id 0 max_vqs 1 max_vq_size 256"
}

@test "mlx5 subfunction: one pair by default, max_vqp as asked, mac and mtu" {
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1
	works dev add name "$DEV.b" mgmtdev auxiliary/mlx5_core.sf.2 max_vqp 32 mac 02:00:00:00:0b:02 mtu 1450
	works dev show
	prints_exactly "$DEV: type network mgmtdev auxiliary/mlx5_core.sf.1 vendor_id 5555 max_vqs 3 max_vq_size 256
$DEV.b: type network mgmtdev auxiliary/mlx5_core.sf.2 vendor_id 5555 max_vqs 65 max_vq_size 256"
	config "$DEV.b"
	has_json '.config[] | .mac == "02:00:00:00:0b:02" and .mtu == 1450 and .max_vq_pairs == 32'
}

@test "max_vqs: data queues two a pair, an odd number counts the control queue" {
	works dev add name "$DEV.1" mgmtdev auxiliary/mlx5_core.sf.1 max_vqs 2
	works dev add name "$DEV.2" mgmtdev auxiliary/mlx5_core.sf.2 max_vqs 3
	works dev add name "$DEV.3" mgmtdev auxiliary/mlx5_core.sf.3 max_vqs 8
	works dev add name "$DEV.4" mgmtdev auxiliary/mlx5_core.sf.4 max_vqs 17
	works -j dev config show
	has_json '[.config[].max_vq_pairs] == [1, 1, 4, 8]'
}

@test "mlx5: the most pairs that there are" {
	works dev add name "$DEV" mgmtdev pci/0000:03:00.2 max_vqp 128
	works -j dev show "$DEV"
	has_json '.dev[] | .max_vqs == 257 and .mgmtdev == "pci/0000:03:00.2"'
}

@test "mlx5: the mtu belongs to the parent and stays for its next device" {
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 mtu 2000
	works dev del "$DEV"
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1
	config "$DEV"
	has_json '.config[].mtu == 2000'
}

@test "mlx5: a parent with an address of its own gives it, one without takes the feature away" {
	load_standin vport_mac=Y sf_count=2
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.2
	config "$DEV"
	has_json '.config[] | .mac == "02:6d:78:35:00:02" and (.device_features | index("MAC"))'
	load_standin sf_count=2
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.2
	config "$DEV"
	has_json '.config[] | (has("mac") | not) and (.device_features | index("MAC") | not)'
}

@test "other classes: a parent that makes crypto devices" {
	load_standin odd_id=20
	works dev add name "$DEV" mgmtdev mlx5_standin_odd
	works dev show "$DEV"
	prints_exactly "$DEV: type <unknown type> mgmtdev mlx5_standin_odd vendor_id 5555 max_vqs 3 max_vq_size 256"
}

@test "a device exists as soon as the command has ended, and its driver has it" {
	autoprobe on
	works dev add name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:0c:01
	[ -e "/sys/bus/vdpa/drivers/virtio_vdpa/$DEV" ]
	works -j dev config show "$DEV"
	has_json '.config[].negotiated_features | index("MAC") and index("VERSION_1")'
}

@test "a name of 255 octets" {
	printf -v name '%0255d' 7
	works dev add name "$name" mgmtdev vdpasim_net
	works -j dev show
	has_json '.dev | has($d)' --arg d "$name"
	works dev del "$name"
}

@test "-j prints one empty line, as vdpa does, and quiet or verbose change nothing" {
	works -j dev add name "$DEV" mgmtdev vdpasim_net
	[ "$raw" = $'\n' ]
	works -q dev add name "$DEV.b" mgmtdev vdpasim_net
	prints_exactly ''
	works -v dev add name "$DEV.c" mgmtdev vdpasim_net
	prints_exactly ''
}
