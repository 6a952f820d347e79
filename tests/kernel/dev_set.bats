# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: -c 1
# dev set: the address of a device that exists.

load helpers

mac_is() { # MAC
	works -j dev config show "$DEV"
	[[ $output == *"\"mac\":\"$1\""* ]] || failed "wanted: $1"
}

@test "vdpasim_net: at any time, with prefixes, and nothing is printed" {
	works dev add name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01
	works dev set name "$DEV" mac 02:00:00:00:00:02
	prints_exactly ''
	mac_is 02:00:00:00:00:02
	bind "$DEV" none
	works dev set mac 2:0:0:0:0:3 n "$DEV"
	mac_is 02:00:00:00:00:03
	works -j dev set name "$DEV" mac 02:00:00:00:00:04
	[ "$raw" = $'\n' ]
	mac_is 02:00:00:00:00:04
}

@test "mac random" {
	works dev add name "$DEV" mgmtdev vdpasim_net mac 01:00:00:00:00:00 force
	works dev set name "$DEV" mac random
	works -j dev config show "$DEV"
	[[ $output =~ \"mac\":\".[26ae]: ]]
}

@test "mlx5: any time, but EBUSY where the kernel forbids it for an active device" {
	load_standin sf_count=1
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:00:01
	works dev set name "$DEV" mac 02:00:00:00:00:02
	mac_is 02:00:00:00:00:02
	standin_set mac_busy Y
	fails 5 dev set name "$DEV" mac 02:00:00:00:00:03
	says "cannot change device \"$DEV\": Device or resource busy" 'hint: a driver is active on the device: unbind it first'
	mac_is 02:00:00:00:00:02
	bind "$DEV" none
	works dev set name "$DEV" mac 02:00:00:00:00:03
	mac_is 02:00:00:00:00:03
}

@test "what the kernel answers with a mere warning is a failure here: 8" {
	load_standin sf_count=0 odd_id=20
	works dev add name "$DEV" mgmtdev vdpasim_blk
	works dev add name "$DEV.odd" mgmtdev mlx5_standin_odd
	for name in "$DEV" "$DEV.odd"; do
		fails 8 dev set name "$name" mac 02:00:00:00:00:01
		says "cannot change device \"$name\": $name device not supported"
	done
	captures 8 vdpactl -j dev set name "$DEV" mac 02:00:00:00:00:01
	has_json '.errors[0] | .device == $d and .code == "EOPNOTSUPP"' --arg d "$DEV"
}

@test "as vdpa the warning stays one: 0" {
	works dev add name "$DEV" mgmtdev vdpasim_blk
	captures 0 as_vdpa dev set name "$DEV" mac 02:00:00:00:00:01
	[ "$stderr" = "Warning: vdpa: $DEV device not supported."$'\n' ]
}

@test "no such device: 3; unmanaged: 1" {
	load_standin sf_count=0 extra=1
	fails 3 dev set name gone mac 02:00:00:00:00:01
	says 'cannot change device "gone": device not found'
	fails 1 dev set name vdpa0 mac 02:00:00:00:00:01
	says 'unmanaged vdpa device' 'hint: '
}

@test "bad words are refused before anything is asked: 2" {
	works dev add name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086 # words
		fails 2 dev set $words
		says "vdpactl: dev set: $text"
	done <<-END
		|"name NAME" is missing
		name $DEV|"mac MAC|random" is missing
		mac 02:00:00:00:00:02|"name NAME" is missing
		name $DEV mac|a MAC address of six octets or "random" is expected after "mac"
		name $DEV mac 02:00:00:00:00|mac "02:00:00:00:00" is not a MAC address
		name $DEV mac 00:00:00:00:00:00|mac "00:00:00:00:00:00" is all zero
		name $DEV mac 01:00:5e:00:00:01|mac "01:00:5e:00:00:01" is a multicast address
		name $DEV mac 02:00:00:00:00:02 name $DEV|name is given twice
		name $DEV mtu 1500|unknown argument "mtu"
	END
	mac_is 02:00:00:00:00:01
}

@test "what the kernel refuses, when it is asked all the same: as vdpa" {
	works dev add name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01
	for mac in 00:00:00:00:00:00 01:00:5e:00:00:01; do
		captures 1 as_vdpa dev set name "$DEV" mac "$mac"
		says 'Invalid MAC address' 'kernel answers: Operation not supported'
	done
	mac_is 02:00:00:00:00:01
}
