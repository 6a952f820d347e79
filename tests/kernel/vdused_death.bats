# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing is lost: daemons that are killed, replaced, stopped and dead.
# kernels: 6.12 7.2
# lab: -c 2 -m 1500
# builds: asan
# seconds: 150

load helpers
load disks

# Kills the daemon TIMES times while fio verifies; a new one takes over each time.
survives() { # TIMES SIZE URI [KEY VALUE...]
	local i
	disk "${@:3}"
	start_verifying "$2"
	for ((i = 0; i < $1; i++)); do
		sleep "0.$((RANDOM % 3))"
		kill_daemon
		works vduse rescue "$DEV"
	done
	verified
	[[ $(disk_state .statistics.errors) == 0 ]]
	works vduse del "$DEV"
}

@test "killed twenty times under fio verify, split ring" {
	truncate -s 64M "$WORK/image"
	survives 20 4M "file:$WORK/image"
}

@test "killed ten times under fio verify, packed ring, two queues" {
	truncate -s 64M "$WORK/image"
	survives 10 4M "file:$WORK/image" packed queues 2
}

@test "killed while requests wait in io_uring" {
	truncate -s 100M "$WORK/disk"
	disk_named lower "file:$WORK/disk"
	mkfs.ext4 -q "$NODE"
	mount "$NODE" /mnt
	truncate -s 32M /mnt/image
	survives 5 4M "file:/mnt/image"
	umount /mnt
}

@test "replaced twenty times under fio verify: no request fails" {
	local i before after
	truncate -s 64M "$WORK/image"
	disk "file:$WORK/image" queues 2
	start_verifying 4M
	for ((i = 0; i < 20; i++)); do
		before=$(daemon_pid)
		works vduse restart "$DEV"
		after=$(daemon_pid)
		[[ $before != "$after" ]]
	done
	verified
	[[ $(disk_state .statistics.errors) == 0 ]]
}

@test "a mounted file system lives through a death of its daemon" {
	truncate -s 64M "$WORK/image"
	disk "file:$WORK/image"
	mkfs.ext4 -q "$NODE"
	mount "$NODE" /mnt
	cp -r "$TOP_SRCDIR/common" /mnt/tree
	kill_daemon
	cp -r "$TOP_SRCDIR/completions" /mnt/other 3>&- &
	CHILDREN+=("$!")
	sleep 0.5
	works vduse rescue "$DEV"
	wait "${CHILDREN[-1]}"
	sync
	echo 3 >/proc/sys/vm/drop_caches
	diff -r "$TOP_SRCDIR/common" /mnt/tree
	diff -r "$TOP_SRCDIR/completions" /mnt/other
	umount /mnt
	fsck.ext4 -fn "$NODE" >/dev/null 2>&1
}

# Is a request of the disk under way?
is_asked() {
	local reads writes
	read -r reads writes <"/sys/block/${NODE##*/}/inflight" && ((reads + writes > 0))
}

@test "a dead daemon: del refuses and says what to do; force ends the requests with errors" {
	disk mem:16M
	kill_daemon
	works vduse show "$DEV"
	prints "daemon gone"
	fails 5 vduse del "$DEV"
	says 'vduse rescue'
	(dd if="$NODE" of=/dev/null bs=4k count=1 iflag=direct status=none 2>"$WORK/dd" 3>&- || true) &
	CHILDREN+=("$!")
	wait_until 20 is_asked
	captures 0 vdpactl vduse del "$DEV" force
	[[ ! -e $NODE ]]
	wait "${CHILDREN[-1]}"
	[[ $(<"$WORK/dd") == *'Input/output error'* ]]
}

@test "rescue with fail: outstanding and new requests get errors, until a restart serves again" {
	truncate -s 16M "$WORK/image"
	disk "file:$WORK/image"
	kill_daemon
	works vduse rescue "$DEV" fail
	run ! dd if="$NODE" of=/dev/null bs=4k count=1 iflag=direct status=none
	works vduse restart "$DEV"
	dd if="$NODE" of=/dev/null bs=4k count=1 iflag=direct status=none
}

@test "another image at the place of the first: it is refused, and with the first one back nothing is lost" {
	truncate -s 16M "$WORK/image" "$WORK/other"
	disk "file:$WORK/image"
	mkfs.ext4 -q "$NODE"
	mount "$NODE" /mnt
	echo precious >/mnt/file
	mv "$WORK/image" "$WORK/first"
	mv "$WORK/other" "$WORK/image"
	# The daemon that has it goes on.
	fails 1 vduse restart "$DEV"
	says "another daemon could not take \"$DEV\" over: file:$WORK/image: it is another disk than the one that a driver"
	sync
	kill_daemon
	fails 1 vduse rescue "$DEV"
	says 'another disk than the one that a driver'
	[[ -z $(tr -d '\0' <"$WORK/image" | head -c 1) ]]
	mv "$WORK/first" "$WORK/image"
	truncate -s -4096 "$WORK/image" # where the file system has nothing
	fails 1 vduse rescue "$DEV"
	says 'smaller than the 16777216 octets'
	truncate -s 16M "$WORK/image"
	works vduse rescue "$DEV"
	works vduse restart "$DEV"
	echo 3 >/proc/sys/vm/drop_caches
	[[ $(</mnt/file) == precious ]]
	umount /mnt
	# Without a driver any disk will do.
	works vduse del "$DEV"
}

# Another daemon has it, and the disk was not disturbed.
replaced() {
	local before
	before=$(daemon_pid)
	works vduse restart "$DEV"
	[[ $(daemon_pid) != "$before" ]]
	dd if="$NODE" of=/dev/null bs=4k count=16 iflag=direct status=none
	[[ $(disk_state .statistics.errors) == 0 ]]
}

@test "replaced on every kind of back end that one daemon has for itself" {
	local options lower
	truncate -s 16M "$WORK/image"
	disk_named lower mem:16M
	lower=$NODE
	for options in mem:16M null:1G "file:$lower" "file:$lower readonly" "file:$WORK/image readonly queues 2" \
		"file:$WORK/image cache buffered packed"; do
		# shellcheck disable=SC2086 # words they are
		disk $options
		replaced
		[[ $options != mem:* ]] || works vduse resize "$DEV" size 32M
		replaced
		works vduse del "$DEV"
	done
}

@test "what the next daemon could not take over is found before the one that serves has ended" {
	local pid options=$RUNTIME/$DEV/options state=$RUNTIME/$DEV/state
	truncate -s 16M "$WORK/image"
	disk "file:$WORK/image" user daemon
	pid=$(daemon_pid)
	cp "$options" "$WORK/options"
	printf 'nonsense' >"$options"
	fails 1 vduse restart "$DEV"
	says "another daemon could not take \"$DEV\" over: the saved options are damaged" 'the present one goes on'
	sed 's/daemon/nobody-at-all/' "$WORK/options" >"$options"
	fails 1 vduse restart "$DEV"
	says '--user "nobody-at-all": expected a user that exists'
	cat "$WORK/options" >"$options"
	printf '\377' | dd of="$state" bs=1 seek=8 conv=notrunc status=none
	fails 1 vduse restart "$DEV"
	says "$state: it was written by another version of vdused"
	printf '\2' | dd of="$state" bs=1 seek=8 conv=notrunc status=none
	truncate -s -4096 "$WORK/image"
	fails 1 vduse restart "$DEV"
	says 'smaller than the 16777216 octets'
	mv "$WORK/image" "$WORK/moved"
	fails 1 vduse restart "$DEV"
	says "file:$WORK/image: No such file or directory"
	VDPACTL_VDUSED=/bin/false fails 1 vduse restart "$DEV"
	says '/bin/false ended with status 1'
	mv "$WORK/moved" "$WORK/image"
	truncate -s 16M "$WORK/image"
	[[ $(daemon_pid) == "$pid" ]]
	replaced
}

@test "a damaged log is refused, and the device can still be ended" {
	disk mem:16M
	kill_daemon
	dd if=/dev/urandom of="$RUNTIME/$DEV/state" bs=1 seek=16 count=64 conv=notrunc status=none
	captures 1 vdpactl vduse rescue "$DEV"
	says "$RUNTIME/$DEV/state" "damaged"
	rm "$RUNTIME/$DEV/state"
	ln -s /etc/passwd "$RUNTIME/$DEV/state"
	captures 1 vdpactl vduse rescue "$DEV"
	says "$RUNTIME/$DEV/state"
	echo 1 >"/sys/class/vduse/$DEV/msg_timeout"
	captures 0 vdpa dev del "$DEV"
	captures 0 vdpactl vduse del "$DEV" force
}

@test "the kernel's patience is over: the daemon says so, and the device can be removed" {
	local pid
	disk mem:16M
	echo 1 >"/sys/class/vduse/$DEV/msg_timeout"
	pid=$(daemon_pid)
	kill -STOP "$pid"
	timeout 30 vdpa dev del "$DEV" || true
	kill -CONT "$pid"
	wait_until 20 test ! -e "/sys/bus/vdpa/devices/$DEV"
	wait_until 20 given_up
	fails 1 vduse restart "$DEV"
	says "the kernel gave \"$DEV\" up: no daemon can serve it"
	[[ $(daemon_pid) == "$pid" ]]
	captures 0 vdpactl vduse del "$DEV" force
}

given_up() { [[ $("$VDPACTL" vduse show "$DEV") == *'daemon broken'* ]]; }
