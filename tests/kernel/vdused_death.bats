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
	fails 5 vduse restart "$DEV"
	says "$WORK/image is not the file that the daemon"
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
	disk mem:16M driver vhost_vdpa
	echo 1 >"/sys/class/vduse/$DEV/msg_timeout"
	pid=$(daemon_pid)
	kill -STOP "$pid"
	timeout 30 vdpa dev del "$DEV" || true
	kill -CONT "$pid"
	wait_until 20 test ! -e "/sys/bus/vdpa/devices/$DEV"
	captures 0 vdpactl vduse del "$DEV" force
}
