# SPDX-License-Identifier: GPL-2.0-or-later
# save and apply: a host becomes what a file says, whatever it was.
# kernels: 6.12
# lab: --parents mlx5 -c 1

load helpers
load apply

@test "devices of every parent are made, a second time there is nothing to do, and save gives the same" {
	devices "$NET" "$BLK" "$SF" '{"name":"bare","mgmtdev":"vdpasim_net"}'
	works --dry-run apply "$FILE"
	prints_exactly <<-'END'
		+ net mgmtdev vdpasim_net mac 02:00:00:00:00:01 mtu 9000 driver vhost_vdpa
		+ blk mgmtdev vdpasim_blk driver virtio_vdpa
		+ sf mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:00:02 max_vqp 2 driver none
		+ bare mgmtdev vdpasim_net
	END
	no_devices
	works apply "$FILE"
	prints $'+ net mgmtdev vdpasim_net mac'
	settled
	[[ -c /dev/vhost-vdpa-0 && $(<"/sys/bus/vdpa/drivers_autoprobe") == 1 ]]
	works save
	has_json '.version == 1 and .vduse == [] and (.devices | map(.name) == ["bare", "blk", "net", "sf"]) and
		(.devices[1] == {name: "blk", mgmtdev: "vdpasim_blk", driver: "virtio_vdpa"}) and
		(.devices[2] | del(.device_features) == {name: "net", mgmtdev: "vdpasim_net", mac: "02:00:00:00:00:01",
			mtu: 9000, driver: "vhost_vdpa"}) and (.devices[2].device_features | startswith("0x"))'
	works save "$BATS_TEST_TMPDIR/saved"
	prints_exactly ''
	[[ $(stat -c %a "$BATS_TEST_TMPDIR/saved") == 644 ]]
	FILE=$BATS_TEST_TMPDIR/saved
	settled
	works -d apply "$FILE"
	prints_exactly $'= bare\n= blk\n= net\n= sf'
	devices
	works dev link net
	[[ -L /dev/vdpa/by-name/net ]]
	works apply "$FILE" prune
	prints '- net' '- blk' '- sf' '- bare'
	[[ ! -L /dev/vdpa/by-name/net ]]
	no_devices
	FILE=$BATS_TEST_TMPDIR/saved
	works -j apply "$FILE"
	has_json '.apply | .done == 4 and .failed == [] and .unchanged == 0 and (.plan | map(.action + .result) | unique == ["adddone"])'
	works save
	[[ $raw == "$(<"$FILE")"$'\n' ]]
	if python3 -c 'import jsonschema' 2>/dev/null; then
		python3 "$TOP_SRCDIR/tests/build/validate.py" "$TOP_SRCDIR/schema/vdpactl-state-1.json" "$FILE"
	fi
}

@test "what differs is changed as it can be: address, driver, or a new device" {
	devices "$NET" "$SF"
	works apply "$FILE"
	devices "${NET/01\"/0a\"}" "${SF/none/vhost_vdpa}"
	works apply "$FILE"
	prints_exactly <<-'END'
		~ net mac 02:00:00:00:00:01 -> 02:00:00:00:00:0a
		~ sf driver none -> vhost_vdpa
	END
	settled
	devices "${NET/9000/1400}" "${SF/:2,/:3,}"
	works -j apply "$FILE"
	has_json '.apply.plan | map(.action) == ["recreate", "recreate"] and .[1].changes == "max_vqp 2 -> 3, driver vhost_vdpa -> none"'
	settled
	works dev config show net
	prints 'mac 02:00:00:00:00:01' 'mtu 1400'
	# Features by name, from another parent, and what the parent does not take.
	devices '{"name":"net","mgmtdev":"vdpasim_net","device_features":"MAC,VERSION_1,ACCESS_PLATFORM","mac":"02:00:00:00:00:01"}' \
		"${SF/sf.1/sf.2}"
	works apply "$FILE"
	prints 'net recreate device_features 0x' 'sf recreate mgmtdev auxiliary/mlx5_core.sf.1 -> auxiliary/mlx5_core.sf.2'
	settled
	devices '{"name":"net","mgmtdev":"vdpasim_net","max_vqp":2}' '{"name":"sf","mgmtdev":"no/where"}'
	captures 8 vdpactl apply "$FILE"
	says '"net" is left as it is: "vdpasim_net" takes no max_vqp' '"sf" is left as it is: no management device "no/where"'
	device_exists net && device_exists sf
}

@test "without a driver in the file the host decides, also when a killed one left autoprobe off" {
	rm -f /run/vdpactl/bind.lock
	devices '{"name":"a","mgmtdev":"vdpasim_net"}'
	works apply "$FILE"
	[[ -e /run/vdpactl/bind.lock && -e /sys/bus/vdpa/devices/a/driver ]]
	works dev del a
	printf 1 >/run/vdpactl/bind.lock
	echo 0 >/sys/bus/vdpa/drivers_autoprobe
	works apply "$FILE"
	[[ -e /sys/bus/vdpa/devices/a/driver && $(<"/sys/bus/vdpa/drivers_autoprobe") == 1 ]]
}

@test "a driver that is loaded for one device takes no other" {
	works dev add name bystander mgmtdev vdpasim_net driver none
	rmmod vhost_vdpa
	works dev add name a mgmtdev vdpasim_net driver vhost_vdpa
	run ! test -e /sys/bus/vdpa/devices/bystander/driver
	works dev del a
	rmmod vhost_vdpa
	devices "$NET" '{"name":"bystander","mgmtdev":"vdpasim_net","driver":"none"}'
	works apply "$FILE"
	prints '+ net '
	run ! test -e /sys/bus/vdpa/devices/bystander/driver
	[[ -c /dev/$(below net 'vhost-vdpa-*') && $(<"/sys/bus/vdpa/drivers_autoprobe") == 1 ]]
}

@test "another address: an interface of virtio_vdpa is made anew with it, but not while it is up" {
	local up='{"name":"up","mgmtdev":"vdpasim_net","mac":"02:00:00:00:00:03","driver":"virtio_vdpa"}' netdev
	devices "$up"
	works apply "$FILE"
	netdev=$(below up 'virtio*/net/*')
	ip link set "$netdev" up
	devices "${up/03/04}"
	captures 5 vdpactl apply "$FILE"
	says "busy: interface $netdev of \"up\" is up"
	works dev config show up
	prints 'mac 02:00:00:00:00:03'
	works apply "$FILE" force
	prints_exactly '~ up mac 02:00:00:00:00:03 -> 02:00:00:00:00:04'
	netdev=$(below up 'virtio*/net/*')
	[[ $(<"/sys/class/net/$netdev/address") == 02:00:00:00:00:04 ]]
	settled
}

@test "one that fails among many: the others are made, the exit status is 9, and it is told" {
	many n 200
	sed -i 's/"name":"n100","mgmtdev":"vdpasim_net"/"name":"n100","mgmtdev":"gone\/parent"/' "$FILE"
	captures 9 vdpactl -j apply "$FILE"
	says 'cannot add device "n100"'
	has_json '.apply.done == 199 and .apply.failed == ["n100"] and .errors[0].device == "n100" and .errors[0].code == "ENODEV"'
	[[ $(count) == 199 ]]
	works --dry-run apply "$FILE"
	prints_exactly '+ n100 mgmtdev gone/parent'
	# Again: the others are as the file says.
	captures 9 vdpactl apply "$FILE"
	[[ $(count) == 199 ]]
}

@test "unprivileged: nothing is done, a dry run tells what would be" {
	devices "$NET"
	captures 6 as_nobody "$VDPACTL" apply - <"$FILE"
	says 'cannot lock' '--dry-run does not'
	captures 0 as_nobody "$VDPACTL" --dry-run apply - <"$FILE"
	prints '+ net mgmtdev vdpasim_net'
	no_devices
}

@test "names that JSON must escape, and those that it cannot hold" {
	local odd=$'a "quo\\ted"\tna{me}' raw_name=$'\xff\xfe'
	works dev add name "$odd" mgmtdev vdpasim_net
	works dev add name "$raw_name" mgmtdev vdpasim_net
	captures 0 vdpactl save "$BATS_TEST_TMPDIR/saved"
	says 'left out, names that JSON cannot hold: "\xff\xfe"'
	works dev del "$odd"
	captures 0 vdpactl apply "$BATS_TEST_TMPDIR/saved"
	prints '+ a "quo\ted"\x09na{me} mgmtdev vdpasim_net'
	works dev show "$odd"
	works dev del "$odd"
	works dev del "$raw_name"
}

@test "features by name that the parent does not have: told with their place before anything is done" {
	printf '%s\n' '{"version":1,"devices":[' "$NET," '{"name":"bad","mgmtdev":"vdpasim_net",' \
		' "device_features":"RO"}]}' >"$BATS_TEST_TMPDIR/f"
	captures 2 vdpactl -j apply "$BATS_TEST_TMPDIR/f"
	says "/f:4:20: \$.devices[1].device_features: \"RO\" is not a feature, expected names like those that \"vdpasim_net\" offers"
	has_json '.errors[0] | .device == "bad" and .line == 4 and .column == 20'
	captures 2 vdpactl apply - <"$BATS_TEST_TMPDIR/f"
	says 'stdin:4:20: $.devices[1].device_features: '
	no_devices
}

@test "save FILE replaces the file as a whole, keeps its mode and owner, and refuses what is no file" {
	echo old >"$BATS_TEST_TMPDIR/saved"
	chown nobody:daemon "$BATS_TEST_TMPDIR/saved"
	chmod 640 "$BATS_TEST_TMPDIR/saved"
	ln -s saved "$BATS_TEST_TMPDIR/link"
	works save "$BATS_TEST_TMPDIR/link"
	[[ -L $BATS_TEST_TMPDIR/link && $(stat -c %U:%G:%a "$BATS_TEST_TMPDIR/saved") == nobody:daemon:640 ]]
	[[ $(<"$BATS_TEST_TMPDIR/saved") == *'"version":1'* ]]
	fails 1 save /dev/null
	says 'cannot write /dev/null: it is no regular file'
	fails 3 save "$BATS_TEST_TMPDIR/no/where"
	ln -s nothing "$BATS_TEST_TMPDIR/astray"
	fails 3 save "$BATS_TEST_TMPDIR/astray"
	says 'astray: it is a link to what is not there'
	[[ -L $BATS_TEST_TMPDIR/astray ]]
	set -- "$BATS_TEST_TMPDIR"/saved.*
	[[ ! -e $1 ]]
}
