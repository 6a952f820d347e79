# SPDX-License-Identifier: GPL-2.0-or-later
# save, apply, restore: a host becomes what a file says, whatever it was and whoever interrupts.
# kernels: 6.12
# lab: --parents mlx5 -c 1

load helpers

# A state file with these devices, an object each.
devices() { # DEVICE...
	local IFS=,
	printf '{"version":1,"devices":[%s]}\n' "$*" >"$BATS_TEST_TMPDIR/f"
	FILE=$BATS_TEST_TMPDIR/f
}

# COUNT devices PREFIX1 ... with these attributes.
many() { # PREFIX COUNT [ATTRIBUTES]
	local numbers
	mapfile -t numbers < <(seq "$2")
	{
		printf '{"version":1,"devices":['
		# shellcheck disable=SC2059
		printf "{\"name\":\"$1%d\",\"mgmtdev\":\"vdpasim_net\"${3-}},\n" "${numbers[@]:1}"
		printf '{"name":"%s1","mgmtdev":"vdpasim_net"%s}]}\n' "$1" "${3-}"
	} >"$BATS_TEST_TMPDIR/f"
	FILE=$BATS_TEST_TMPDIR/f
}

# What stands below the device in sysfs, its name alone.
below() { # DEVICE PATTERN
	# shellcheck disable=SC2206 # a pattern
	local paths=(/sys/bus/vdpa/devices/$1/$2)
	printf '%s\n' "${paths[0]##*/}"
}

count() { set -- /sys/bus/vdpa/devices/*; [[ -e $1 ]] || shift; echo $#; }

# A second run has nothing to do.
settled() {
	works apply "$FILE"
	prints_exactly ''
}

readonly NET='{"name":"net","mgmtdev":"vdpasim_net","mac":"02:00:00:00:00:01","mtu":9000,"driver":"vhost_vdpa"}'
readonly BLK='{"name":"blk","mgmtdev":"vdpasim_blk","driver":"virtio_vdpa"}'
readonly SF='{"name":"sf","mgmtdev":"auxiliary/mlx5_core.sf.1","mac":"02:00:00:00:00:02","max_vqp":2,"driver":"none"}'

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

@test "made anew: what the file does not give is as it was, the driver and the char device's owner, too" {
	devices "${NET/,\"driver*/\}}" "$SF" '{"name":"up","mgmtdev":"vdpasim_net","mtu":1400,"driver":"virtio_vdpa"}'
	works dev add name net mgmtdev vdpasim_net mac 02:00:00:00:00:01 mtu 1400 driver vhost_vdpa group daemon
	works apply "$FILE"
	prints '~ net recreate mtu 1400 -> 9000'
	devices '{"name":"net","mgmtdev":"vdpasim_net","mtu":2000}' \
		'{"name":"sf","mgmtdev":"auxiliary/mlx5_core.sf.1","max_vqp":3}' '{"name":"up","mgmtdev":"vdpasim_net","mtu":1500}'
	works apply "$FILE"
	prints_exactly <<-'END'
		~ net recreate mtu 9000 -> 2000
		~ sf recreate max_vqp 2 -> 3
		~ up recreate mtu 1400 -> 1500
	END
	settled
	works -d -j dev show
	has_json '.dev | .net.driver == "vhost_vdpa" and (.sf | has("driver") | not) and .up.driver == "virtio_vdpa"'
	works -d -j dev config show net
	has_json '.config.net | .mac == "02:00:00:00:00:01" and .mtu == 2000'
	works -d -j dev config show sf
	has_json '.config.sf | .mac == "02:00:00:00:00:02" and .max_vq_pairs == 3'
	[[ $(stat -c %G "/dev/$(below net 'vhost-vdpa-*')") == daemon ]]
	rm -r /dev/vdpa
}

inode() { stat -L -c %i "/sys/bus/vdpa/devices/$1/"; }

@test "what is made anew is not touched before its turn to make devices has come" {
	local before
	devices "$NET" "$BLK"
	works apply "$FILE"
	before=$(inode net)
	devices "${NET/9000/1400}" "$BLK"
	mkfifo "$BATS_TEST_TMPDIR/go"
	flock /run/vdpactl/bind.lock cat "$BATS_TEST_TMPDIR/go" 3>&- &
	CHILDREN+=("$!")
	wait_until 5 eval '! flock -n /run/vdpactl/bind.lock true'
	captures 9 vdpactl --timeout 1 apply "$FILE"
	says 'another vdpactl holds it'
	prints '~ net recreate mtu 9000 -> 1400 (failed)'
	: >"$BATS_TEST_TMPDIR/go"
	[[ $(inode net) == "$before" && -n $(below net 'vhost-vdpa-*') ]]
	works apply "$FILE"
	settled
}

@test "a signal between a deletion and the new device: what was deleted is put back" {
	many r 3000 ',"mtu":1400,"driver":"none"'
	works apply "$FILE"
	sed -i s/:1400/:1500/ "$FILE"
	"$VDPACTL" apply "$FILE" >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	wait_until 20 eval '! device_exists r2'
	kill -TERM "$!"
	wait "$!" && failed "ended well"
	[[ $(count) == 3000 ]] || failed "$(count) devices are left"
	grep -q '"r2" is as it was' "$BATS_TEST_TMPDIR/err"
	works dev config show r2
	prints 'mtu 1400'
}

@test "many are added in turns with others that add devices" {
	many n 6000 ',"driver":"none"'
	"$VDPACTL" apply "$FILE" >/dev/null 3>&- &
	wait_until 20 device_exists n300
	works dev add name other mgmtdev vdpasim_net driver none
	run ! device_exists n6000
	wait "$!"
	[[ $(count) == 6001 && $(<"/sys/bus/vdpa/drivers_autoprobe") == 1 ]]
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

@test "what is in use is neither deleted nor made again; with force an interface that is up is" {
	local node disk pid
	devices "$NET" "$BLK" '{"name":"up","mgmtdev":"vdpasim_net","mac":"02:00:00:00:00:03","driver":"virtio_vdpa"}'
	works apply "$FILE"
	node=$(below net 'vhost-vdpa-*')
	disk=$(below blk 'virtio*/block/*')
	sleep 100 <"/dev/$node" 3>&- &
	CHILDREN+=("$!")
	pid=$!
	wait_until 5 test -e "/proc/$pid/fd/0"
	ip link set "$(below up 'virtio*/net/*')" up
	sleep 100 <"/dev/$disk" 3>&- &
	CHILDREN+=("$!")
	devices "${NET/9000/1400}"
	captures 5 vdpactl apply "$FILE" prune
	says "is open in $pid (sleep)" 'interface ' 'of "up" is up' "/dev/$disk is open in"
	[[ $(count) == 3 ]]
	captures 9 vdpactl apply "$FILE" prune force
	says "is open in $pid (sleep)" "/dev/$disk is open in"
	[[ $(count) == 2 ]] && device_exists net && device_exists blk
	for pid in "${CHILDREN[@]}"; do
		kill "$pid"
		wait "$pid" || true
	done
	works apply "$FILE" prune
	prints_exactly $'~ net recreate mtu 9000 -> 1400\n- blk'
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

bound() { set -- /sys/bus/vdpa/drivers/vhost_vdpa/k*; [[ -e $1 ]] || shift; echo $#; }

@test "long work shows how far it is, on a terminal alone, and wipes it off" {
	many w 800 ',"driver":"vhost_vdpa"'
	# shellcheck disable=SC2016
	export VDPACTL FILE
	SHELL=/bin/bash script -qec '"$VDPACTL" apply "$FILE" >/dev/null' /dev/null <<<'' >"$BATS_TEST_TMPDIR/terminal"
	output=$(<"$BATS_TEST_TMPDIR/terminal")
	[[ $output =~ $'\r\e[K'(adding|binding)' '[0-9]+/1600 ]] || failed "nothing of adding or binding"
	[[ $output == *$'\r\e[K' ]] || failed "something is left"
	works dev del 'w*'
	captures 0 vdpactl apply "$FILE"
	silent
}

@test "killed half-way, the next apply finishes; SIGTERM ends it with what was done" {
	local pid n
	many k 300 ',"driver":"vhost_vdpa"'
	"$VDPACTL" -q apply "$FILE" >/dev/null 2>&1 3>&- &
	pid=$!
	# Not while simulators are added: Linux 6.12 dies of a fatal signal in the middle of that.
	wait_until 30 test -e /sys/bus/vdpa/drivers/vhost_vdpa/k5
	kill -KILL "$pid"
	wait "$pid" || true
	n=$(bound)
	((n < 250)) || failed "killed too late: $n are bound"
	# As if it had been killed earlier: some are not there at all.
	printf 'dev del k%d\n' {260..300} | vdpactl -batch -
	"$VDPACTL" apply "$FILE" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	wait_until 20 test -e "/sys/bus/vdpa/drivers/vhost_vdpa/k$((n + 10))"
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	stderr=$(<"$BATS_TEST_TMPDIR/err")
	says 'interrupted: ' ' of the devices are not finished' 'goes on where this one stopped'
	grep -q '(not finished)' "$BATS_TEST_TMPDIR/out"
	[[ $status == 9 ]]
	captures 0 vdpactl apply "$FILE"
	settled
	[[ $(bound) == 300 && $(</sys/bus/vdpa/drivers_autoprobe) == 1 ]]
}

@test "a signal ends apply, tells that, and ends the batch that it is in" {
	local pid
	devices "$NET"
	mkdir -p /run/vdpactl
	background flock -F /run/vdpactl/apply.lock sleep 100
	wait_until 5 eval '! lock_is_free'
	printf 'apply %s\ndev add name later mgmtdev vdpasim_net\n' "$FILE" >"$BATS_TEST_TMPDIR/batch"
	"$VDPACTL" -force -batch "$BATS_TEST_TMPDIR/batch" >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	# It holds the signals, which are 1, 2 and 15.
	wait_until 20 grep -q '^SigBlk:.*4003$' "/proc/$pid/status"
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	grep -q interrupted "$BATS_TEST_TMPDIR/err"
	[[ $status == 143 ]]
	run ! device_exists later
}

lock_is_free() { flock -n /run/vdpactl/apply.lock true; }

@test "two at once: one waits for the other, and finds nothing to do; a deadline ends the wait" {
	local first second
	many t 100
	mkdir -p /run/vdpactl
	flock /run/vdpactl/apply.lock sleep 4 3>&- &
	CHILDREN+=("$!")
	wait_until 5 eval '! lock_is_free'
	fails 7 --timeout 1 apply "$FILE"
	says 'another apply or restore runs, and was not through after 1 seconds'
	"$VDPACTL" apply "$FILE" >"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
	first=$!
	"$VDPACTL" apply "$FILE" >"$BATS_TEST_TMPDIR/second" 2>&1 3>&- &
	second=$!
	wait "$first"
	wait "$second"
	[[ $(cat "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/second" | wc -l) == 100 ]]
	[[ ! -s $BATS_TEST_TMPDIR/first || ! -s $BATS_TEST_TMPDIR/second ]]
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

@test "save FILE replaces the file as a whole, keeps its mode, and refuses what is no file" {
	echo old >"$BATS_TEST_TMPDIR/saved"
	chmod 640 "$BATS_TEST_TMPDIR/saved"
	ln -s saved "$BATS_TEST_TMPDIR/link"
	works save "$BATS_TEST_TMPDIR/link"
	[[ -L $BATS_TEST_TMPDIR/link && $(stat -c %a "$BATS_TEST_TMPDIR/saved") == 640 ]]
	[[ $(<"$BATS_TEST_TMPDIR/saved") == *'"version":1'* ]]
	fails 1 save /dev/null
	says 'cannot write /dev/null: it is no regular file'
	fails 3 save "$BATS_TEST_TMPDIR/no/where"
	set -- "$BATS_TEST_TMPDIR"/saved.*
	[[ ! -e $1 ]]
}

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
	captures 9 vdpactl --timeout 1 restore "$FILE"
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
	says '$.devices[0].device_features: "RO" is not a feature'
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
		sleep 15
		touch $BATS_TEST_TMPDIR/slept
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/modprobe"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH captures 3 vdpactl restore "$FILE" wait 1
	says 'cannot add device "never"'
	[[ -e $BATS_TEST_TMPDIR/tried && ! -e $BATS_TEST_TMPDIR/slept ]]
}

node_is() { # DEVICE OWNER:GROUP:MODE
	local is
	is=$(stat -c %U:%G:%a "/dev/$(below "$1" 'vhost-vdpa-*')")
	[[ $is == "$2" ]] || failed "the node of $1 is $is, wanted $2"
}

@test "whom a char device belongs to is saved, compared, and given to it again" {
	works dev add name given mgmtdev vdpasim_net driver vhost_vdpa owner nobody mode 0640
	works dev add name plain mgmtdev vdpasim_net driver vhost_vdpa
	works dev add name bare mgmtdev vdpasim_net driver none
	works save
	has_json '[.devices[] | [.name, .owner, .group, .mode]] ==
		[["bare", null, null, null], ["given", "nobody", null, "640"], ["plain", null, null, null]]'
	printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/saved"
	FILE=$BATS_TEST_TMPDIR/saved
	settled
	works dev del given plain bare
	works apply "$FILE"
	prints ' driver vhost_vdpa owner nobody mode 640'
	node_is given nobody:root:640
	node_is plain root:root:600
	[[ -L /dev/vdpa/by-name/given ]]
	settled
	works save
	diff <(printf '%s\n' "$output") "$FILE"
	chown root:12345 "/dev/$(below given 'vhost-vdpa-*')"
	works --dry-run apply "$FILE"
	prints_exactly '~ given owner root -> nobody'
	node_is given root:UNKNOWN:640
	works apply "$FILE"
	prints_exactly '~ given owner root -> nobody'
	node_is given nobody:UNKNOWN:640
	settled
	works save
	has_json '.devices[1].group == "12345"'
	works dev export given format commands
	prints ' driver vhost_vdpa owner nobody group 12345 mode 640'
	works dev export plain format commands
	[[ $output == *' driver vhost_vdpa' ]]
	devices '{"name":"given","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","owner":"daemon","group":"0","mode":"0600"}' \
		'{"name":"bare","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","mode":"666"}'
	works apply "$FILE"
	prints_exactly $'~ given owner nobody -> daemon, group 12345 -> root, mode 640 -> 600\n~ bare driver none -> vhost_vdpa, mode none -> 666'
	node_is given daemon:root:600
	node_is bare root:root:666
	settled
	# Made anew, it has what the file does not speak of.
	devices '{"name":"bare","mgmtdev":"vdpasim_net","mtu":1400,"driver":"vhost_vdpa"}'
	works apply "$FILE"
	prints '~ bare recreate '
	node_is bare root:root:666
	rm -r /dev/vdpa
}

@test "with an owner that this host does not know the device is there, and not given away" {
	devices '{"name":"a","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","owner":"no-such-user","group":"daemon"}' \
		'{"name":"b","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","group":"daemon"}'
	captures 9 vdpactl --dry-run apply "$FILE"
	prints '+ a ' '(failed)' '+ b '
	captures 9 vdpactl apply "$FILE"
	says 'the char device of "a" is not given away: owner "no-such-user" is not the name or number of a user'
	prints '+ a ' '(failed)' '+ b '
	node_is a root:daemon:600
	node_is b root:daemon:600
	# Nothing else is left to do, and it is told each time.
	captures 9 vdpactl apply "$FILE"
	says 'owner "no-such-user" is not'
	prints_exactly '~ a owner root -> no-such-user (failed)'
	rm -r /dev/vdpa
}

@test "char devices get their links, and what is not given of links.conf" {
	local conf=/etc/vdpactl/links.conf
	mkdir -p /etc/vdpactl
	printf '%s\n' 'group daemon' 'mode 660' >"$conf"
	devices '{"name":"a","mgmtdev":"vdpasim_net","driver":"vhost_vdpa"}' \
		'{"name":"b","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","owner":"nobody"}' \
		'{"name":"c","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","group":"root","mode":"600"}'
	works apply "$FILE"
	node_is a root:daemon:660
	node_is b nobody:daemon:660
	node_is c root:root:600
	[[ $(readlink /dev/vdpa/by-name/a) == "../../$(below a 'vhost-vdpa-*')" && -L /dev/vdpa/by-name/c ]]
	# Made anew, it is not more open than it was.
	devices '{"name":"c","mgmtdev":"vdpasim_net","mtu":1400,"driver":"vhost_vdpa"}'
	works apply "$FILE"
	prints '~ c recreate '
	node_is c root:root:600
	# A wrong file takes no device away, and is told once.
	works dev del a b c
	echo 'mode rw' >"$conf"
	devices '{"name":"a","mgmtdev":"vdpasim_net","driver":"vhost_vdpa"}' \
		'{"name":"b","mgmtdev":"vdpasim_net","driver":"vhost_vdpa"}'
	captures 0 vdpactl apply "$FILE"
	[[ $(grep -c "$conf:1: mode \"rw\" is not an octal number" <<<"$stderr") == 1 ]]
	node_is a root:root:600
	[[ -L /dev/vdpa/by-name/a && -L /dev/vdpa/by-name/b ]]
	rm -r /dev/vdpa "$conf"
}
