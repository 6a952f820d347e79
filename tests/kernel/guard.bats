# SPDX-License-Identifier: GPL-2.0-or-later
# Deleting what is in use: the kernel would wait, where no signal reaches, with the lock of all vdpa commands held.
# So vdpactl looks first. A test in which it fails to see ends late and by its exit status: users of char devices
# give up by themselves (vhost_open.c), and messages to VDUSE daemons time out.
# kernels: 6.12 7.2
# builds: gcc asan
# lab: -c 1

load helpers
load tools

setup() {
	tools_setup
	autoprobe off
}

# DEVICE, of a VDUSE daemon, with a char device.
vhost_device() { # DEVICE
	stub_added "$1"
	bind "$1" vhost_vdpa
}

@test "del of an open device: exit 5 at once, with the process's number and name; del works when it has ended" {
	local node
	vhost_device "$DEV"
	node=$(chardev "$DEV")
	use "$DEV"
	start_clock
	fails 5 dev del "$DEV"
	took_at_most 10000
	[[ $stderr == "vdpactl: busy: $node is open in $PID (vhost_open)"$'\n'"  hint: end that process first; "* ]] ||
		failed "not so worded"
	works dev show "$DEV"
	prints "$DEV: type block"
	[[ $(chardev "$DEV") == "$node" ]]
	kill -0 "$PID"
	end_users
	works dev del "$DEV"
	gone "$DEV"
}

@test "with -j the document says who has it open" {
	vhost_device "$DEV"
	use "$DEV"
	captures 5 vdpactl -j dev del "$DEV"
	has_json '.errors | length == 1 and (.[0] | .device == $n and .code == "EBUSY" and (.message | contains($p)))' \
		--arg n "$DEV" --arg p "is open in $PID (vhost_open)"
}

@test "every process that shares the open device is named" {
	local pids
	vhost_device "$DEV"
	use "$DEV" --fork 2
	read -ra pids <"/proc/$PID/task/$PID/children" || true # it has no newline
	((${#pids[@]} == 2))
	fails 5 dev del "$DEV"
	says "is open in $PID (vhost_open), ${pids[0]} (vhost_open), ${pids[1]} (vhost_open)" 'hint: end those processes first'
	# The first one goes, the others still have it open.
	kill -KILL "$PID"
	wait_until 20 ended "$PID"
	fails 5 dev del "$DEV"
	says "is open in ${pids[0]} (vhost_open), ${pids[1]} (vhost_open)"
	kill -KILL "${pids[@]}"
	wait_until 20 ended "${pids[0]}"
	wait_until 20 ended "${pids[1]}"
	works dev del "$DEV"
}

@test "a descriptor that was handed on, opened by another name of the node, is found" {
	local node=/dev/other-$DEV number pid
	vhost_device "$DEV"
	number=$(stat -c '0x%t 0x%T' "$(chardev "$DEV")")
	# shellcheck disable=SC2086 # two numbers
	mknod "$node" c $number
	# The process that opened it is gone; the one that has it did not open it.
	pid=$( (exec 9<>"$node" && (exec timeout 30 sleep 30 >/dev/null 2>&1 3>&- & echo "$!")))
	rm "$node"
	wait_until 20 test -e "/proc/$pid/fd/9"
	wait_until 20 grep -q timeout "/proc/$pid/comm"
	fails 5 dev del "$DEV"
	says "$pid (timeout)"
	kill_tree "$pid"
	wait_until 20 ended "$pid"
	works dev del "$DEV"
}

@test "one that is only bound, one whose neighbour is open: both can be deleted" {
	vhost_device "$DEV"
	vhost_device a
	vhost_device b
	works dev del a
	use "$DEV"
	works dev del b
	fails 5 dev del "$DEV"
}

@test "several at once: the open one stays, the others go, exit 9" {
	vhost_device a
	vhost_device "$DEV"
	vhost_device c
	use "$DEV"
	fails 9 dev del a "$DEV" c
	says "is open in $PID (vhost_open)"
	gone a
	gone c
	device_exists "$DEV"
}

@test "if_exists forgives no open device" {
	vhost_device "$DEV"
	use "$DEV"
	fails 5 dev del "$DEV" if_exists
	device_exists "$DEV"
}

@test "batch: stops at the open one; with -force goes on behind it" {
	vhost_device a
	vhost_device "$DEV"
	vhost_device c
	use "$DEV"
	printf 'dev del %s\n' a "$DEV" c >"$BATS_TEST_TMPDIR/batch"
	captures 5 vdpactl -batch "$BATS_TEST_TMPDIR/batch"
	says ":2: " "is open in $PID (vhost_open)"
	gone a
	device_exists c
	captures 9 vdpactl -force -batch "$BATS_TEST_TMPDIR/batch"
	says ":1: " ":2: " "is open in $PID (vhost_open)"
	gone c
	device_exists "$DEV"
}

@test "called as vdpa it looks too: exit 1" {
	vhost_device "$DEV"
	use "$DEV"
	captures 1 as_vdpa dev del "$DEV"
	says "is open in $PID (vhost_open)"
	device_exists "$DEV"
}

@test "force: waits for the user, and the device goes when that ends" {
	local deleter
	vhost_device "$DEV"
	use "$DEV"
	vdpactl dev del "$DEV" force >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	deleter=$!
	sleep 2
	# From here to the user's end every vdpa command would wait.
	kill -0 "$deleter"
	end_users
	wait "$deleter"
	[[ ! -s $BATS_TEST_TMPDIR/out ]]
	gone "$DEV"
}

@test "a disk whose daemon died: refused with the time that the kernel would wait; force waits it out" {
	autoprobe on
	stub_added "$DEV"
	below "$DEV" 'virtio*/block/*'
	crash_stub "$DEV"
	start_clock
	fails 5 dev del "$DEV"
	took_at_most 10000
	says "busy: no daemon serves VDUSE device \"$DEV\": the kernel would wait 30 s" 'hint: start its daemon again; '
	device_exists "$DEV"
	msg_timeout "$DEV" 0
	fails 5 dev del "$DEV"
	says 'the kernel would wait without end'
	msg_timeout "$DEV" 1
	fails 5 dev del "$DEV"
	says 'the kernel would wait 1 s, '
	start_clock
	works dev del "$DEV" force
	took_at_least 900
	took_at_most 15000
	gone "$DEV"
}

@test "an interface whose daemon died is refused too" {
	autoprobe on
	stub_added "$DEV" --type net --queues 2
	crash_stub "$DEV"
	fails 5 dev del "$DEV"
	says "no daemon serves VDUSE device \"$DEV\""
	msg_timeout "$DEV" 1
	works dev del "$DEV" force
}

@test "no daemon and no virtio driver: nothing is asked of the daemon, so del works at once" {
	stub_added a
	stub_added b
	bind b vhost_vdpa
	crash_stub a
	crash_stub b
	start_clock
	works dev del a b
	took_at_most 15000
}

@test "a daemon that is there but stopped: the kernel waits its time, and the device is gone" {
	autoprobe on
	stub_added "$DEV"
	msg_timeout "$DEV" 1
	kill -STOP "${STUB[$DEV]}"
	start_clock
	works dev del "$DEV"
	took_at_least 900
	took_at_most 15000
	gone "$DEV"
}

@test "from a PID namespace that hides the user, del of an open device is refused too" {
	vhost_device "$DEV"
	use "$DEV"
	captures 5 unshare -pf --mount-proc timeout "$COMMAND_DEADLINE" "$VDPACTL" dev del "$DEV"
	says "busy: $(chardev "$DEV") may be open in a process that can't be seen" 'hint: '
	end_users
	captures 0 unshare -pf --mount-proc timeout "$COMMAND_DEADLINE" "$VDPACTL" dev del "$DEV"
	gone "$DEV"
}

@test "a process in a PID namespace can't see the daemon, and does not take that for its absence" {
	autoprobe on
	stub_added "$DEV"
	captures 0 unshare -pf --mount-proc timeout "$COMMAND_DEADLINE" "$VDPACTL" dev del "$DEV"
	silent
	gone "$DEV"
}
