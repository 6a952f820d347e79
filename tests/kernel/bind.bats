# SPDX-License-Identifier: GPL-2.0-or-later
# dev add with driver and wait, dev bind, unbind, wait, users; the host's autoprobe stays as it was.
# kernels: 6.12 7.2
# lab: -c 2

load helpers
load tools

AUTOPROBE=/sys/bus/vdpa/drivers_autoprobe

needs_simulators() { [[ -e /sys/module/vdpa_sim_net ]] || skip "expected: no simulators for this kernel"; }

driver_of() { # DEVICE
	basename "$(readlink "/sys/bus/vdpa/devices/$1/driver" || echo none)"
}

bound_to() { # DEVICE DRIVER
	[[ $(driver_of "$1") == "$2" ]] || failed "$1 is bound to $(driver_of "$1"), not to $2"
}

autoprobe_is() { # 0|1
	[[ $(<$AUTOPROBE) == "$1" ]] || failed "drivers_autoprobe is $(<$AUTOPROBE)"
}

# Until it has executed, it has its parent's name.
comm_is() { # PID NAME
	wait_until 20 grep -qx "$2" "/proc/$1/comm"
}

# It waits: its socket for uevents is there.
looks_for_events() { # PID
	compgen -G "/proc/$1/fd/*" >/dev/null && [[ $(readlink "/proc/$1/fd/"*) == *socket:* ]]
}

@test "dev add driver: each one, whatever the host would do, and its node is printed" {
	stub a && stub b && stub c
	works dev add name a mgmtdev vduse driver vhost_vdpa
	prints_exactly "a: $(chardev a)"
	bound_to a vhost_vdpa
	works dev add name b mgmtdev vduse driver virtio_vdpa wait
	prints_exactly "b: /dev/$(below b 'virtio*/block/*')"
	bound_to b virtio_vdpa
	works dev add name c mgmtdev vduse driver none
	prints_exactly 'c:'
	bound_to c none
	autoprobe_is 1
	works dev del a b c
	autoprobe off
	works -j dev add name a mgmtdev vduse driver vhost_vdpa wait 5
	has_json '.dev.a | .type == "block" and .mgmtdev == "vduse" and .driver == "vhost_vdpa" and .driver_override == "vhost_vdpa"
		and .chardev == $c and .negotiated == false and (has("users") or has("result") or has("changed") | not)' \
		--arg c "$(chardev a)"
	autoprobe_is 0
}

@test "dev add wait: for what the host's own driver makes; what has no driver fails, and is not left" {
	stub "$DEV"
	works dev add name "$DEV" mgmtdev vduse wait 20
	prints "$DEV: /dev/"
	works dev del "$DEV"
	autoprobe off
	fails 1 dev add name "$DEV" mgmtdev vduse wait 1
	says "device \"$DEV\" is bound to no driver"
	gone "$DEV"
	fails 2 dev add name "$DEV" mgmtdev vduse driver none wait
	says 'there is nothing to wait for with driver none'
}

@test "a net device: its interface is waited for and printed" {
	stub "$DEV" --type net --queues 2 --features 10028 --mac 02:00:00:00:00:2a
	works dev add name "$DEV" mgmtdev vduse driver virtio_vdpa wait
	prints_exactly "$DEV: $(below "$DEV" 'virtio*/net/*')"
	works dev wait "$DEV" netdev
	prints_exactly "$DEV: $(below "$DEV" 'virtio*/net/*')"
	fails 7 dev wait "$DEV" blockdev 0
	says "device \"$DEV\" is not blockdev after 0 s" 'hint: it is bound to virtio_vdpa'
}

@test "what fails behind the addition takes it back: no daemon, no interface, no driver" {
	stub "$DEV" --features 300000000
	works dev add name "$DEV" mgmtdev vduse driver none
	fails 4 dev add name "$DEV" mgmtdev vduse driver vhost_vdpa
	device_exists "$DEV"
	bound_to "$DEV" none
	works dev del "$DEV"
	kill -STOP "${STUB[$DEV]}"
	msg_timeout "$DEV" 1
	captures 7 vdpactl dev add name "$DEV" mgmtdev vduse driver virtio_vdpa wait 2
	says "virtio_vdpa made no device node or interface of \"$DEV\" within 2 s"
	kill -CONT "${STUB[$DEV]}"
	gone "$DEV"
	autoprobe_is 1
}

@test "interrupted when all is done: the device is not left" {
	stub "$DEV"
	captures 143 interrupted flock dev add name "$DEV" mgmtdev vduse driver none
	says interrupted
	gone "$DEV"
	works dev add name "$DEV" mgmtdev vduse driver none
}

@test "a driver that can't be loaded: 8 before anything is done" {
	stub "$DEV"
	rmmod vhost_vdpa
	mkdir "$BATS_TEST_TMPDIR/empty"
	mount --bind "$BATS_TEST_TMPDIR/empty" "/lib/modules/$(uname -r)"
	captures 8 vdpactl dev add name "$DEV" mgmtdev vduse driver vhost_vdpa || status=bad
	umount "/lib/modules/$(uname -r)"
	[[ $status == 8 ]]
	says 'the vdpa bus has no driver "vhost_vdpa"' 'hint: load it: `modprobe vhost_vdpa`'
	gone "$DEV"
	# Where the module is, it is loaded.
	works dev add name "$DEV" mgmtdev vduse driver vhost_vdpa
	prints_exactly "$DEV: $(chardev "$DEV")"
}

@test "dev bind and unbind: from any driver to any other, and again" {
	stub "$DEV"
	works dev add name "$DEV" mgmtdev vduse driver none
	works dev bind "$DEV" driver vhost_vdpa
	prints_exactly "$DEV: $(chardev "$DEV")"
	works dev bind "$DEV" driver vhost_vdpa
	works -j dev bind "$DEV" driver virtio_vdpa wait
	has_json '.dev[$n] | .driver == "virtio_vdpa" and .driver_override == "virtio_vdpa" and .blockdev == $b' \
		--arg n "$DEV" --arg b "$(below "$DEV" 'virtio*/block/*')"
	works dev unbind "$DEV"
	prints_exactly ''
	bound_to "$DEV" none
	works dev unbind "$DEV"
	works -d -j dev show "$DEV"
	has_json '.dev[$n] | .driver_override == "virtio_vdpa" and (has("driver") or has("virtio") | not)' --arg n "$DEV"
	works dev bind "$DEV" driver vhost_vdpa wait 5
	fails 3 dev bind nothing driver vhost_vdpa
	says '"nothing"'
	fails 3 dev unbind nothing
}

@test "in use: bind, unbind and del refuse, naming who; dev users and show -d name them, too" {
	local pid
	stub "$DEV"
	works dev add name "$DEV" mgmtdev vduse driver vhost_vdpa
	use "$DEV" --negotiate
	pid=$PID
	for words in "bind $DEV driver virtio_vdpa" "unbind $DEV" "del $DEV" "--dry-run del $DEV"; do
		# shellcheck disable=SC2086 # words
		fails 5 dev $words
		says "busy: $(chardev "$DEV") is open in $pid (vhost_open)"
	done
	works dev users "$DEV"
	prints_exactly "$pid vhost_open"
	works -j dev users "$DEV"
	has_json '.dev[$n] == {users: [{pid: $p, comm: "vhost_open"}]}' --arg n "$DEV" --argjson p "$pid"
	works -d dev show "$DEV"
	prints " managed true negotiated true users $pid (vhost_open)"
	works -d -j dev show
	has_json '.dev[$n] | .negotiated and .users == [{pid: $p, comm: "vhost_open"}]' --arg n "$DEV" --argjson p "$pid"
	works dev bind "$DEV" driver vhost_vdpa
	end_users
	works dev users "$DEV"
	prints_exactly ''
	works -j dev users "$DEV"
	has_json '.dev[$n] == {users: []}' --arg n "$DEV"
	works dev unbind "$DEV"
	fails 3 dev users nothing
}

@test "in use by a process of another PID namespace: users tells that it can't see all; del refuses, as --dry-run says" {
	stub "$DEV"
	works dev add name "$DEV" mgmtdev vduse driver vhost_vdpa
	captures 0 unshare -pf --mount-proc "$VDPACTL" dev users "$DEV"
	silent
	captures 0 unshare -pf --mount-proc "$VDPACTL" --dry-run dev del "$DEV"
	prints_exactly "$DEV: would be deleted"
	use "$DEV"
	captures 0 unshare -pf --mount-proc "$VDPACTL" dev users "$DEV"
	prints_exactly ''
	says "processes that can't be seen from here are left out"
	for words in "del $DEV" "--dry-run del $DEV" "--dry-run del $DEV*"; do
		# shellcheck disable=SC2086 # words
		captures 5 unshare -pf --mount-proc "$VDPACTL" dev $words
		says "busy: $(chardev "$DEV") may be open in a process that can't be seen from here"
	done
	captures 0 unshare -pf --mount-proc "$VDPACTL" --dry-run dev del "$DEV" force
	prints_exactly "$DEV: would be deleted"
	end_users
}

@test "a disk that is open is not taken away, but with force" {
	local disk
	stub "$DEV"
	works dev add name "$DEV" mgmtdev vduse driver virtio_vdpa wait
	disk=/dev/$(below "$DEV" 'virtio*/block/*')
	background sleep 60 4<"$disk"
	PID=${CHILDREN[-1]}
	comm_is "$PID" sleep
	fails 5 dev unbind "$DEV"
	says "busy: $disk is open in $PID (sleep)"
	fails 5 dev bind "$DEV" driver vhost_vdpa
	works dev users "$DEV"
	prints_exactly "$PID sleep"
	works dev bind "$DEV" driver vhost_vdpa force
	bound_to "$DEV" vhost_vdpa
}

@test "dev wait: each condition; those that hold are told at once, others in time" {
	stub "$DEV"
	fails 7 dev wait "$DEV" present 0
	says "device \"$DEV\" is not present after 0 s"
	fails 3 dev wait "$DEV" chardev 0
	works dev wait "$DEV" absent
	prints_exactly ''
	works -j dev wait "$DEV" absent
	prints_exactly '{"dev":{}}'
	background "$VDPACTL" dev wait "$DEV" present 30
	works dev add name "$DEV" mgmtdev vduse driver none
	wait "${CHILDREN[-1]}"
	CHILDREN=()
	works dev wait "$DEV" present
	prints_exactly "$DEV:"
	fails 7 dev wait "$DEV" bound 0
	says 'hint: it is bound to no driver'
	background "$VDPACTL" dev wait "$DEV" chardev 30
	works dev bind "$DEV" driver vhost_vdpa
	wait "${CHILDREN[-1]}"
	CHILDREN=()
	works dev wait "$DEV" chardev
	prints_exactly "$DEV: $(chardev "$DEV")"
	works -j dev wait "$DEV" bound
	has_json '.dev[$n].driver == "vhost_vdpa"' --arg n "$DEV"
	background "$VDPACTL" dev wait "$DEV" absent 30
	works dev del "$DEV"
	wait "${CHILDREN[-1]}"
	CHILDREN=()
	start_clock
	fails 7 -T 1 dev wait "$DEV" present 60
	took_at_least 900
	took_at_most 15000
	fails 7 -T 0 dev wait "$DEV" present
}

@test "dev wait: a device that is made anew meanwhile is waited for" {
	stub "$DEV"
	works dev add name "$DEV" mgmtdev vduse driver none
	background "$VDPACTL" dev wait "$DEV" chardev 30
	wait_until 20 looks_for_events "${CHILDREN[-1]}"
	sleep 0.5 # longer than its first look
	works dev del "$DEV"
	sleep 0.5
	works dev add name "$DEV" mgmtdev vduse driver vhost_vdpa
	wait "${CHILDREN[-1]}" || failed "does not wait: $?"
	CHILDREN=()
}

@test "two at a time for one driver: both end well, and the device keeps its override" {
	local i pid
	stub "$DEV"
	works dev add name "$DEV" mgmtdev vduse driver none
	for ((i = 0; i < 20; i++)); do
		"$VDPACTL" dev bind "$DEV" driver vhost_vdpa >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
		pid=$!
		works dev bind "$DEV" driver vhost_vdpa
		wait "$pid" || failed "$(<"$BATS_TEST_TMPDIR/err")"
		[[ $(<"/sys/bus/vdpa/devices/$DEV/driver_override") == vhost_vdpa ]]
		works dev unbind "$DEV"
	done
}

@test "without privileges: 6, and nothing is done" {
	stub "$DEV"
	works dev add name "$DEV" mgmtdev vduse driver none
	captures 6 as_nobody "$VDPACTL" dev bind "$DEV" driver vhost_vdpa
	says 'hint: drivers are bound by root'
	captures 6 as_nobody "$VDPACTL" dev add name other mgmtdev vduse driver vhost_vdpa
	works dev bind "$DEV" driver vhost_vdpa
	captures 6 as_nobody "$VDPACTL" dev unbind "$DEV"
	captures 0 as_nobody "$VDPACTL" dev wait "$DEV" chardev
	captures 0 as_nobody "$VDPACTL" dev users "$DEV"
	silent
	use "$DEV"
	captures 0 as_nobody "$VDPACTL" dev users "$DEV"
	prints_exactly ''
	says 'processes of other users are left out'
	end_users
	bound_to "$DEV" vhost_vdpa
}

@test "sysfs that can't be written: one sentence, and the device is not left" {
	stub "$DEV"
	mount -o remount,bind,ro /sys
	captures 1 vdpactl dev add name "$DEV" mgmtdev vduse driver vhost_vdpa || status=bad
	mount -o remount,bind,rw /sys
	[[ $status == 1 ]]
	says "can't write" 'Read-only file system'
	gone "$DEV"
	autoprobe_is 1
}

@test "several at a time, with different drivers: each gets its own, and autoprobe is as before" {
	local i pids=()
	for i in 1 2 3 4 5 6; do
		stub "p$i"
	done
	for i in 1 2 3 4 5 6; do
		"$VDPACTL" dev add name "p$i" mgmtdev vduse driver "$( ((i % 2)) && echo vhost_vdpa || echo none)" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	for i in 1 3 5; do
		bound_to "p$i" vhost_vdpa
		bound_to "p$((i + 1))" none
	done
	autoprobe_is 1
}

stopped() { [[ $(<"/proc/$1/stat") == *') T '* ]]; }

@test "killed with autoprobe off: the next command switches it on again" {
	stub a && stub b
	# Whoever holds the lock has said so in the file, and dies.
	mkdir -p /run/vdpactl
	printf 1 >/run/vdpactl/bind.lock
	echo 0 >$AUTOPROBE
	works dev add name a mgmtdev vduse driver none
	bound_to a none
	autoprobe_is 1
	[[ ! -s /run/vdpactl/bind.lock ]]
	# For real: many, killed in the middle of it.
	needs_simulators
	seq -f 'dev add name k%g mgmtdev vdpasim_net driver none' 3000 >"$BATS_TEST_TMPDIR/batch"
	for i in 1 2 3; do
		"$VDPACTL" -batch "$BATS_TEST_TMPDIR/batch" >/dev/null 2>&1 3>&- &
		wait_until 20 device_exists "k$((i * 20))"
		# Stopped first, it is in no request: 6.12's vdpa_sim crashes when its caller is killed inside of one.
		kill -STOP $!
		wait_until 20 stopped $!
		kill -KILL $!
		wait $! || true
		works dev del 'k*'
	done
	works dev add name b mgmtdev vduse driver none
	autoprobe_is 1
}

@test "a batch: 300 devices with a driver, at much the same speed as without" {
	needs_simulators
	local plain bound
	start_clock
	make_devices "$DEV." 300 driver none
	plain=$(((${EPOCHREALTIME/./} - STARTED) / 1000))
	works dev del "$DEV.*"
	seq -f "dev add name $DEV.%g mgmtdev vdpasim_net driver vhost_vdpa" 300 >"$BATS_TEST_TMPDIR/batch"
	start_clock
	works -batch "$BATS_TEST_TMPDIR/batch"
	bound=$(((${EPOCHREALTIME/./} - STARTED) / 1000))
	echo "# none $plain ms, vhost_vdpa $bound ms" >&3
	works -j dev show driver vhost_vdpa
	has_json '.dev | length == 300'
	works dev del driver vhost_vdpa
	no_devices
}
