# SPDX-License-Identifier: GPL-2.0-or-later
# What the unit vdused@.service does, by hand: a daemon in the foreground that tells when it is ready, attached, killed,
# started again, and ended by `vduse del`.
# kernels: 6.12 7.2
# builds: asan
# lab: -c 1
# shellcheck disable=SC2016 # jq's variables

load helpers
load disks

# Starts the daemon as the unit does; `ready` waits for its message.
start() { # [COMMAND...]
	rm -f "$WORK/notify" "$WORK/told"
	socat -u "UNIX-RECVFROM:$WORK/notify,fork" "OPEN:$WORK/told,creat,append" 3>&- &
	SERVERS+=("$!")
	wait_until 20 test -S "$WORK/notify"
	chmod 777 "$WORK/notify"
	NOTIFY_SOCKET=$WORK/notify "$@" "$VDPACTL_VDUSED" block --name "$DEV" --config "$WORK/conf" 3>&- 2>"$WORK/log" &
	DAEMON=$!
	CHILDREN+=("$DAEMON")
}

ready() { wait_until 20 grep -qs READY=1 "$WORK/told" || failed "not ready: $(<"$WORK/log")"; }

attach() { works vduse attach "$DEV" config "$WORK/conf"; }

conf() { printf '%s\n' "$@" >"$WORK/conf"; }

@test "started, attached, killed, started again, attached again, deleted: fio notices nothing" {
	truncate -s 32M "$WORK/image"
	conf '# a disk' 'type block' "backend file:$WORK/image" 'queues 2' 'wait 20'
	start
	ready
	attach
	prints_exactly "$DEV: /dev/vda"
	NODE=/dev/vda
	[[ $(daemon_pid) == "$DAEMON" ]]
	attach
	prints_exactly "$DEV: /dev/vda"
	start_verifying 4M
	sleep 1
	kill -KILL "$DAEMON"
	wait "$DAEMON" || true
	fails 3 vduse attach "$DEV" config "$WORK/conf"
	start
	ready
	attach
	prints_exactly "$DEV: /dev/vda"
	verified
	[[ $(disk_state .statistics.errors) == 0 ]]
	works vduse del "$DEV"
	wait "$DAEMON" || failed "the daemon ends with status $?"
	[[ ! -e $RUNTIME/$DEV && ! -e /sys/bus/vdpa/devices/$DEV ]]
	grep -q STOPPING=1 "$WORK/told"
}

@test "attach: the driver of the file, of the command line, and another one than before" {
	conf 'backend mem:1M' 'driver vhost_vdpa'
	start
	ready
	works vduse attach "$DEV" config "$WORK/conf" driver none
	prints "$DEV:"
	[[ ! -e /sys/bus/vdpa/devices/$DEV/driver ]]
	attach
	prints_exactly "$DEV: /dev/vhost-vdpa-0"
	fails 4 vduse attach "$DEV" driver virtio_vdpa
	says "\"$DEV\" is attached to vhost_vdpa already, not to virtio_vdpa"
	fails 4 vduse attach "$DEV" driver none
	works -j vduse attach "$DEV" driver vhost_vdpa
	has_json '.vduse[$n].node == "/dev/vhost-vdpa-0"' --arg n "$DEV"
	works vduse del "$DEV"
}

@test "attach: what was bound otherwise since stays so, whatever the file says" {
	local words
	for words in 'driver none' 'wait 10'; do
		conf 'backend mem:1M' "$words"
		start
		ready
		attach
		works dev bind "$DEV" driver vhost_vdpa force
		kill -KILL "$DAEMON"
		wait "$DAEMON" || true
		start
		ready
		captures 0 vdpactl vduse attach "$DEV" config "$WORK/conf"
		says "\"$DEV\" is attached to vhost_vdpa already, not to $([[ $words == 'driver none' ]] && echo none || echo virtio_vdpa), and stays so"
		prints "$DEV: /dev/vhost-vdpa-"
		works vduse del "$DEV"
	done
}

@test "attach: without a disk in time it takes back what it made; the daemon goes on" {
	conf 'backend mem:1M'
	start
	ready
	echo 'install virtio_blk /bin/false' >/etc/modprobe.d/no-disks.conf
	rmmod virtio_blk
	fails 7 vduse attach "$DEV" wait 1
	says 'virtio_vdpa made no device node'
	[[ ! -e /sys/bus/vdpa/devices/$DEV ]]
	rm /etc/modprobe.d/no-disks.conf
	attach
	prints_exactly "$DEV: /dev/vda"
	works vduse del "$DEV"
}

@test "another parent's device of the same name is no disk of vdused" {
	[[ -e /sys/module/vdpa_sim_blk ]] || skip "expected: no simulators for this kernel"
	mkdir -p "$RUNTIME/$DEV"
	touch "$RUNTIME/$DEV/"{lock,options}
	works dev add name "$DEV" mgmtdev vdpasim_blk driver none
	works vduse del "$DEV"
	[[ ! -e $RUNTIME/$DEV ]]
	device_exists "$DEV"
	conf 'backend mem:1M'
	start
	ready
	fails 4 vduse attach "$DEV" config "$WORK/conf"
	says "device \"$DEV\" exists already"
	device_exists "$DEV"
	[[ ! -e /sys/bus/vdpa/devices/$DEV/driver ]]
	fails 4 vduse add name "$DEV" type block backend mem:1M
	works dev bind "$DEV" driver virtio_vdpa
	works -j vduse show "$DEV"
	has_json '.vduse[$n] | .daemon == "serving" and (has("driver") or has("node") | not)' --arg n "$DEV"
	works dev del "$DEV"
	works vduse del "$DEV"
}

@test "attach: interrupted when all is done, it takes back what it made" {
	conf 'backend mem:1M'
	start
	ready
	captures 143 interrupted connect vduse attach "$DEV" config "$WORK/conf"
	says interrupted
	[[ ! -e /sys/bus/vdpa/devices/$DEV && -e $RUNTIME/$DEV ]]
	attach
	works vduse del "$DEV"
}

@test "a terminated daemon leaves the device for the next one; other options than before are refused" {
	conf 'backend mem:1M' 'queues 2'
	start
	ready
	attach
	kill -TERM "$DAEMON"
	wait "$DAEMON" || failed "status $?"
	conf 'backend mem:1M' 'queues 3'
	start
	! wait "$DAEMON" || failed "it serves"
	grep -q 'the device has other virtqueues' "$WORK/log"
	conf 'backend mem:1M' 'queues 2'
	start
	ready
	works vduse del "$DEV"
}

@test "the capabilities and system calls that the unit leaves are enough" {
	local bounding unit=$TOP_BUILDDIR/systemd/vdused@.service
	bounding=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit")
	bounding=+${bounding//CAP_/}
	bounding=${bounding,,}
	truncate -s 1M "$WORK/image"
	chown 1000 "$WORK/image"
	chmod 600 "$WORK/image"
	conf "backend file:$WORK/image"
	start setpriv --no-new-privs --bounding-set "-all,${bounding// /,+}"
	ready
	attach
	NODE=/dev/vda
	dd if=/dev/urandom of=$NODE bs=64k count=4 oflag=direct status=none
	works vduse del "$DEV"
}
