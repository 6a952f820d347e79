# SPDX-License-Identifier: GPL-2.0-or-later
# restore: modules and parents that come late, or never.
# kernels: 6.12
# lab: --parents mlx5 -c 1

load helpers
load apply

@test "restore loads the modules, and waits for parents that come late, but not for ever" {
	rmmod vdpa_sim_net vdpa_sim_blk vdpa_sim
	load_standin sf_count=1
	rmmod mlx5_standin
	devices "$NET" "$SF"
	{ sleep 2; modprobe mlx5_standin sf_count=1; } 3>&- &
	CHILDREN+=("$!")
	works restore "$FILE" wait 20
	prints '+ net ' '+ sf '
	# Who is ready does not wait for the others.
	works dev del net sf
	devices '{"name":"never","mgmtdev":"pci/0000:ff:00.0"}' "$NET" "$SF"
	"$VDPACTL" restore "$FILE" wait 30 >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	CHILDREN+=("$!")
	wait_until 20 device_exists sf
	device_exists net
	kill -0 "$!"
	kill -TERM "$!"
	wait "$!" && failed "ended well"
	run -0 cat "$BATS_TEST_TMPDIR/out"
	prints '+ net ' '+ sf ' '(not finished)'
	# The default for parents is a minute.
	captures 9 timeout 40 "$VDPACTL" --timeout 1 restore "$FILE"
	says 'cannot add device "never"'
	captures 3 vdpactl restore
	says 'cannot read /etc/vdpactl/vdpactl.json'
}

@test "restore: one parent that never comes keeps neither the late ones nor another apply waiting" {
	load_standin sf_count=1
	rmmod mlx5_standin
	devices '{"name":"never","mgmtdev":"pci/0000:ff:00.0"}' "$NET" "$SF"
	"$VDPACTL" restore "$FILE" wait 120 >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	CHILDREN+=("$!")
	wait_until 20 device_exists net
	modprobe mlx5_standin sf_count=1
	wait_until 20 device_exists sf
	devices "$BLK"
	works apply "$FILE"
	device_exists blk
	kill -0 "${CHILDREN[-1]}"
	kill -TERM "${CHILDREN[-1]}"
	wait "${CHILDREN[-1]}" && failed "ended well"
	run -0 cat "$BATS_TEST_TMPDIR/out"
	prints '+ net ' $'\n+ sf ' '+ never mgmtdev pci/0000:ff:00.0 (not finished)'
}

@test "restore tells what it did first, whatever becomes of the late ones; a wrong feature fails its device alone" {
	local bad='{"name":"bad","mgmtdev":"auxiliary/mlx5_core.sf.1","device_features":"RO"}'
	load_standin sf_count=2
	rmmod mlx5_standin
	devices "$bad" "${SF/sf.1/sf.2}" "$NET"
	"$VDPACTL" -j restore "$FILE" wait 30 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	wait_until 20 device_exists net
	modprobe mlx5_standin sf_count=2
	status=0
	wait "$!" || status=$?
	output=$(<"$BATS_TEST_TMPDIR/out")
	stderr=$(<"$BATS_TEST_TMPDIR/err")
	says "$FILE:1:94: \$.devices[0].device_features: \"RO\" is not a feature"
	has_json '.restore // .apply | .done == 2 and .failed == ["bad"] and (.plan | map(.name) == ["net", "bad", "sf"])'
	[[ $status == 9 ]] && device_exists sf
	run ! device_exists bad
}

@test "restore ends in time also when a module does not come" {
	devices '{"name":"never","mgmtdev":"auxiliary/mlx5_core.sf.9"}'
	run ! grep -q mlx5_vdpa /proc/modules
	mkdir "$BATS_TEST_TMPDIR/bin"
	# Only what is tried while it waits hangs.
	cat >"$BATS_TEST_TMPDIR/bin/modprobe" <<-END
		#!/bin/sh
		[ -e $BATS_TEST_TMPDIR/tried ] || exec touch $BATS_TEST_TMPDIR/tried
		touch $BATS_TEST_TMPDIR/again
		sleep 15
		touch $BATS_TEST_TMPDIR/slept
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/modprobe"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH captures 3 vdpactl restore "$FILE" wait 5
	says 'cannot add device "never"'
	# It is tried again, too: what it drives may have come.
	[[ -e $BATS_TEST_TMPDIR/again && ! -e $BATS_TEST_TMPDIR/slept ]]
}
