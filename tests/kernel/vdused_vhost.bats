# SPDX-License-Identifier: GPL-2.0-or-later
# vdused's disks on vhost_vdpa, for a driver that tries everything (vhost_blk.c): what is written is there, whatever
# the driver does stops a queue at most, and a daemon that dies is replaced without its driver's notice.
# kernels: 6.12 7.2
# lab: -c 2
# builds: asan
# seconds: 80

load helpers
load tools

readonly VHOST_BLK=$TOP_BUILDDIR/tests/kernel/vhost_blk
export VDPACTL_VDUSED=$TOP_BUILDDIR/vdused/vdused
# At its exit the leak sanitizer would try for ever what the daemon's confinement forbids.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

teardown() {
	end_users
	[[ ! -e /sys/bus/vdpa/devices/$DEV ]] || vdpactl vduse del "$DEV" force || true
	tools_teardown
}

# The device; sets NODE, and PID to its daemon's.
serve() { # BACKEND [ARGUMENT...]
	works vduse add name "$DEV" type block backend "$1" driver vhost_vdpa "${@:2}"
	prints "$DEV: /dev/vhost-vdpa-"
	NODE=${output#*: }
	PID=$(daemon)
}

daemon() { vdpactl -j vduse show "$DEV" | jq -e -r --arg n "$DEV" '.vduse[$n] | select(.daemon == "serving").pid'; }

# It was this process all the time, and answers.
same_daemon() {
	local now
	now=$(daemon) || failed "the daemon does not answer"
	[[ $now == "$PID" ]] || failed "the daemon is $now, not $PID"
}

image() { # SIZE
	IMAGE=$BATS_TEST_TMPDIR/image
	truncate -s "$1" "$IMAGE"
}

blk() { # SUBCOMMAND [ARGUMENT...]
	captures 0 "$VHOST_BLK" "$@"
}

# Only what went wrong, of a hundred lines.
hostile() { # CASE... [OPTION...]
	status=0
	"$VHOST_BLK" hostile --queues 2 "$NODE" "$@" >"$BATS_TEST_TMPDIR/cases" 2>&1 || status=$?
	output=$(grep -v '^ok ' "$BATS_TEST_TMPDIR/cases")
	same_daemon
	[[ $status == 0 ]] || failed "exit status $status"
	prints ' cases, 0 failed'
}

@test "what is written to memory is read back, split and packed, by one queue and by four" {
	serve mem:64M queues 4 packed
	blk verify --seconds 0.4 "$NODE"
	blk verify --seconds 0.4 --packed "$NODE"
	# With one request at a time every interrupt counts.
	blk verify --seconds 0.2 --depth 1 "$NODE"
	blk verify --seconds 0.2 --depth 1 --packed "$NODE"
	blk verify --seconds 0.4 --queues 4 "$NODE"
	blk verify --seconds 0.4 --queues 4 --packed "$NODE"
	same_daemon
	works vduse del "$DEV"
}

@test "what is written to a sparse file is read back, split and packed, by one queue and by four" {
	image 64M
	serve "file:$IMAGE" queues 4 packed
	blk verify --seconds 0.4 "$NODE"
	blk verify --seconds 0.4 --packed "$NODE"
	blk verify --seconds 0.4 --queues 4 "$NODE"
	blk verify --seconds 0.4 --queues 4 --packed "$NODE"
	same_daemon
	works vduse del "$DEV"
}

@test "a file through the page cache, with blocks of 4096 octets" {
	image 64M
	serve "file:$IMAGE" queues 2 packed cache buffered block_size 4096
	blk verify --seconds 0.4 --queues 2 "$NODE"
	blk verify --seconds 0.4 --queues 2 --packed "$NODE"
}

@test "a hostile driver with split rings stops its queue at most, until it resets the device" {
	serve mem:64M queues 2
	hostile all
}

@test "a hostile driver with packed rings stops its queue at most, until it resets the device" {
	serve mem:64M queues 2 packed
	hostile all --packed
}

@test "a hostile driver of a file: memory that goes while the kernel reads it, resets with requests in flight" {
	local ring cases=(data-cut out-cut status-cut cut-in-flight unmapped-in-flight reset-in-flight data-unmapped
		data-in-two-regions data-read-only data-write-only huge-in huge-out kick-storm)
	image 64M
	serve "file:$IMAGE" queues 2 packed
	for ring in '' --packed; do
		hostile "${cases[@]}" ${ring:+"$ring"}
	done
}

@test "a hostile driver writes to a disk that is read-only" {
	serve null:64M readonly queues 2 packed
	hostile write-read-only type-unknown in-beyond
	hostile write-read-only --packed
}

# A disk whose requests stay in flight as long as QSD is stopped.
serve_stuck() {
	image 64M
	background qemu-storage-daemon --blockdev "driver=file,filename=$IMAGE,node-name=f" \
		--nbd-server addr.type=inet,addr.host=127.0.0.1,addr.port=10809 \
		--export type=nbd,id=e,node-name=f,name=x,writable=on
	QSD=${CHILDREN[-1]}
	ip link set lo up
	wait_until 20 port_open
	serve nbd://127.0.0.1/x queues 2 packed
}

port_open() { (: <>/dev/tcp/127.0.0.1/10809) 2>/dev/null; }

@test "requests that do not end: the same one twice, and a reset" {
	local ring
	serve_stuck
	blk verify --seconds 0.4 --queues 2 "$NODE"
	for ring in '' --packed; do
		background "$VHOST_BLK" stuck ${ring:+"$ring"} "$NODE" "$QSD"
		wait "${CHILDREN[-1]}"
		same_daemon
		blk verify --seconds 0.4 "$NODE"
	done
}

# What io_uring has with the kernel can't be taken back: the driver is told that it ended, before the kernel is tired
# of waiting, which is after these 6 seconds and not after the usual 30.
@test "requests that can't be let go: a reset is answered in the time that the kernel gives" {
	local lower
	captures 0 vdpactl vduse add name "$DEV-l" type block backend mem:64M
	lower=$(vdpactl -j vduse show "$DEV-l" | jq -r --arg n "$DEV-l" '.vduse[$n].pid')
	mkfs.ext4 -q "${output#*: }"
	mount "${output#*: }" /mnt
	dd if=/dev/zero of=/mnt/image bs=1M count=16 conv=fsync status=none # no holes
	serve file:/mnt/image queues 2 packed
	echo 6 >"/sys/class/vduse/$DEV/msg_timeout"
	# What comes late does land in the driver's memory, and is all that is wrong.
	run "$VHOST_BLK" stuck "$NODE" "$lower"
	kill -CONT "$lower"
	[[ $output != *'the reset took'* && ($status == 0 || $output == *'after the reset the device wrote'*) ]] ||
		failed "expected a reset in time"
	same_daemon
	# A device that the kernel gave up serves nobody.
	blk verify --seconds 0.4 "$NODE"
	works vduse del "$DEV" force
	umount /mnt
	works vduse del "$DEV-l"
}

# The daemon is killed again and again, and another takes its place.
survives() { # [OPTION...]
	local user
	"$VHOST_BLK" verify --seconds 3.5 --queues 2 --depth 32 "$@" "$NODE" >"$BATS_TEST_TMPDIR/verified" 2>&1 3>&- &
	user=$!
	USERS+=("$user")
	for _ in 1 2 3; do
		sleep 0.2
		kill -KILL "$PID"
		wait_until 20 ended "$PID"
		works vduse rescue "$DEV"
		PID=$(daemon)
	done
	works vduse restart "$DEV"
	PID=$(daemon)
	status=0
	wait "$user" || status=$?
	USERS=()
	[[ $status == 0 ]] || failed "verify: $(<"$BATS_TEST_TMPDIR/verified")"
	same_daemon
}

@test "a daemon that is killed is replaced, and no request is lost or done wrong: split" {
	image 64M
	serve "file:$IMAGE" queues 2
	survives
}

@test "a daemon that is killed is replaced, and no request is lost or done wrong: packed" {
	image 64M
	serve "file:$IMAGE" queues 2 packed
	survives --packed
}

@test "bench prints a number" {
	serve null:1G packed
	blk bench --seconds 0.3 --depth 32 "$NODE"
	[[ $output =~ ^[1-9][0-9]*$ ]] || failed "not a number"
	blk bench --seconds 0.3 --depth 128 --packed --write "$NODE"
	[[ $output =~ ^[1-9][0-9]*$ ]] || failed "not a number"
}
