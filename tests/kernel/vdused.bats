# SPDX-License-Identifier: GPL-2.0-or-later
# Disks of vdused under the kernel's own virtio_blk: what every block device has to do.
# kernels: 6.12 7.2
# lab: -c 2 -m 1500
# builds: asan
# seconds: 100

load helpers
load disks

sysfs() { cat "/sys/block/${NODE##*/}/$1"; }

@test "file: a file system, directly and through the page cache" {
	truncate -s 64M "$WORK/image"
	disk "file:$WORK/image"
	holds_a_file_system
	works vduse del "$DEV"
	disk "file:$WORK/image" cache buffered
	fsck.ext4 -fn "$NODE" >/dev/null 2>&1
	mount "$NODE" /mnt
	diff -r "$TOP_SRCDIR/common" /mnt/tree
	umount /mnt
}

@test "file: on a real disk's file system: io_uring and O_DIRECT" {
	truncate -s 200M "$WORK/disk"
	disk_named lower "file:$WORK/disk"
	mkfs.ext4 -q "$NODE"
	mount "$NODE" /mnt
	truncate -s 32M /mnt/image
	disk "file:/mnt/image"
	holds_a_file_system_at "$WORK/mnt2"
	verifies 8M
	works vduse del "$DEV"
	umount /mnt
}

holds_a_file_system_at() { # DIRECTORY
	mkdir -p "$1"
	mkfs.ext4 -q "$NODE"
	mount "$NODE" "$1"
	cp -r "$TOP_SRCDIR/common" "$1/tree"
	umount "$1"
	mount "$NODE" "$1"
	diff -r "$TOP_SRCDIR/common" "$1/tree"
	umount "$1"
	fsck.ext4 -fn "$NODE" >/dev/null 2>&1
}

@test "file: a block device as the back end" {
	disk_named lower mem:32M
	disk "file:$NODE"
	holds_a_file_system
	works vduse del "$DEV"
}

@test "mem: a file system; null: zeros" {
	disk mem:64M
	holds_a_file_system
	works vduse del "$DEV"
	disk null:1T
	[[ $(sysfs size) == $((1 << 31)) ]]
	cmp -n 65536 "$NODE" /dev/zero
}

@test "split and packed rings, 1 and 4 queues: fio verifies" {
	local options
	for options in "queues 4" "queues 1 packed" "queues 4 packed" "queues 2 queue_size 8"; do
		# shellcheck disable=SC2086 # words they are
		disk mem:32M $options
		verifies 4M --numjobs=2 --offset_increment=8M
		[[ $(disk_state '.virtqueues[0].packed') == "$([[ $options == *packed ]] && echo true || echo false)" ]]
		[[ $(disk_state .statistics.errors) == 0 ]]
		works vduse del "$DEV"
	done
}

@test "in order, where the kernel's driver takes it: fio verifies" {
	local options feature
	for options in "" packed; do
		# shellcheck disable=SC2086 # words they are
		disk mem:32M in_order on queues 2 $options
		verifies 4M --numjobs=2 --offset_increment=8M
		feature=$(sysfs device/features)
		[[ ${feature:35:1} == "$([[ $(uname -r) == 6.* ]] && echo 0 || echo 1)" ]]
		[[ $(disk_state .statistics.errors) == 0 ]]
		works vduse del "$DEV"
	done
	# Requests that end in another order than they began.
	truncate -s 32M "$WORK/image"
	disk "file:$WORK/image" in_order on
	verifies 4M
}

@test "sizes of blocks, serial number and read-only are what was asked for" {
	truncate -s 8M "$WORK/image"
	disk "file:$WORK/image" block_size 4096 serial "A/B 20 octets long.." readonly
	[[ $(sysfs queue/logical_block_size) == 4096 ]]
	[[ $(sysfs serial) == "A/B 20 octets long.." ]]
	[[ $(sysfs ro) == 1 ]]
	[[ $(sysfs size) == 16384 ]]
	run ! dd if=/dev/zero of="$NODE" bs=4096 count=1 oflag=direct status=none
	works vduse del "$DEV"
	disk "file:$WORK/image"
	[[ $(sysfs serial) == "$DEV" && $(sysfs ro) == 0 ]]
	[[ $(sysfs queue/write_cache) == "write back" ]]
}

@test "discard gives the file's space back, zeroing zeroes, and a flush reaches the file" {
	local before after
	dd if=/dev/urandom of="$WORK/image" bs=1M count=16 status=none
	disk "file:$WORK/image"
	before=$(stat -c %b "$WORK/image")
	blkdiscard -o 1M -l 8M "$NODE"
	after=$(stat -c %b "$WORK/image")
	((before - after >= 16384)) || failed "from $before to $after blocks"
	blkdiscard -z -o 12M -l 1M "$NODE"
	cmp -i 12M:0 -n 1M "$NODE" /dev/zero
	cmp -n 1M "$NODE" "$WORK/image"
	dd if="$WORK/image" of="$NODE" bs=4k count=1 conv=fsync status=none
	[[ $(disk_state .statistics.discards) -ge 1 ]]
	[[ $(disk_state .statistics.write_zeroes) -ge 1 ]]
	[[ $(disk_state .statistics.flushes) -ge 1 ]]
}

@test "a file system with less space than the image: the write fails, the disk goes on" {
	mkdir "$WORK/small"
	mount -t tmpfs -o size=8M none "$WORK/small"
	truncate -s 64M "$WORK/small/image"
	disk "file:$WORK/small/image"
	dd if=/dev/zero of="$NODE" bs=1M count=4 oflag=direct status=none
	run ! dd if=/dev/zero of="$NODE" bs=1M count=16 oflag=direct status=none
	[[ $(disk_state .statistics.errors) -ge 1 ]]
	dd if="$NODE" of=/dev/null bs=1M count=4 iflag=direct status=none
	blkdiscard -o 1M -l 16M "$NODE"
	dd if=/dev/zero of="$NODE" bs=1M count=2 oflag=direct status=none
	works vduse del "$DEV"
	umount "$WORK/small"
}

@test "an image that is cut short under the device: reads fail, the disk goes on" {
	dd if=/dev/urandom of="$WORK/image" bs=1M count=8 status=none
	disk "file:$WORK/image"
	truncate -s 4M "$WORK/image"
	run ! dd if="$NODE" of=/dev/null bs=1M skip=6 count=1 iflag=direct status=none
	cmp -n 4M "$NODE" "$WORK/image"
}

size_is() { [[ $(sysfs size) == "$1" ]]; }

@test "the disk grows under a mounted file system" {
	truncate -s 32M "$WORK/image"
	disk "file:$WORK/image"
	mkfs.ext4 -q "$NODE"
	mount "$NODE" /mnt
	cp -r "$TOP_SRCDIR/common" /mnt/tree
	truncate -s 64M "$WORK/image"
	works vduse resize "$DEV"
	wait_until 20 size_is 131072
	resize2fs "$NODE" >/dev/null 2>&1
	dd if=/dev/urandom of=/mnt/more bs=1M count=36 status=none
	sync
	diff -r "$TOP_SRCDIR/common" /mnt/tree
	umount /mnt
	fsck.ext4 -fn "$NODE" >/dev/null 2>&1
}

@test "memory grows under its driver, and stays so with the next daemon" {
	local uri
	for uri in mem:16M null:16M; do
		disk $uri
		works vduse resize "$DEV" size 48M
		wait_until 20 size_is 98304
		dd if=/dev/urandom of="$WORK/data" bs=1M count=4 status=none
		dd if="$WORK/data" of="$NODE" bs=1M seek=44 oflag=direct status=none
		captures 1 vdpactl vduse resize "$DEV" size 32M
		says "it has 50331648 octets and can only grow"
		kill_daemon
		works vduse rescue "$DEV"
		[[ $(disk_state .size) == 50331648 && $(sysfs size) == 98304 ]]
		[[ $uri == null:* ]] || cmp -n 4M "$WORK/data" <(dd if="$NODE" bs=1M skip=44 iflag=direct status=none)
		[[ $(disk_state .statistics.errors) == 0 ]]
		works vduse del "$DEV"
	done
}

@test "the daemon has no privileges left, and its files are root's alone" {
	local pid
	disk mem:1M
	pid=$(daemon_pid)
	[[ $(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$pid/status") == "65534 65534 65534 65534" ]]
	[[ $(awk '/^Groups:/ { print NF }' "/proc/$pid/status") == 1 ]]
	[[ $(awk '/^Cap(Inh|Prm|Eff|Amb):/ { print $2 }' "/proc/$pid/status" | sort -u) == 0000000000000000 ]]
	[[ $(awk '/^(NoNewPrivs|Seccomp):/ { print $2 }' "/proc/$pid/status" | tr '\n' ' ') == "1 2 " ]]
	[[ $(readlink "/proc/$pid/fd/0" "/proc/$pid/fd/1" "/proc/$pid/fd/2" | sort -u) == /dev/null ]]
	[[ $(stat -c '%U %a' "$RUNTIME/$DEV" "$RUNTIME/$DEV"/*) == "$(printf 'root %s\n' 700 600 600 600 600)" ]]
}

@test "a daemon that can't start leaves the memory of the one that serves" {
	disk mem:16M
	captures 1 "$VDPACTL_VDUSED" block --name "$DEV" --runtime-dir "$WORK/other" --backend mem:16M
	says 'another process serves it'
	[[ -s /dev/shm/vdused.$DEV && ! -e $WORK/other/$DEV ]]
	works vduse restart "$DEV"
	works vduse del "$DEV"
	[[ ! -e /dev/shm/vdused.$DEV ]]
}

@test "whoever started the daemon is gone before it serves: nothing is left; a device that was there is served" {
	local options=(--name "$DEV" --daemonize --ready-fd 7)
	mkfifo "$WORK/line"
	: <"$WORK/line" 3>&- &
	exec 7>"$WORK/line"
	wait "$!"
	run ! "$VDPACTL_VDUSED" block --backend mem:16M "${options[@]}" 3>&-
	[[ ! -e $RUNTIME/$DEV && ! -e /dev/vduse/$DEV && ! -e /dev/shm/vdused.$DEV ]]
	disk mem:16M
	kill_daemon
	captures 0 "$VDPACTL_VDUSED" resume "${options[@]}"
	exec 7>&-
	dd if="$NODE" of=/dev/null bs=4k count=1 iflag=direct status=none
}

@test "a line on stdout, also of a daemon that lets go of it; relative paths are the caller's" {
	cd "$WORK"
	truncate -s 1M image
	export VDUSED_RUNTIME_DIR=runtime
	captures 0 "$VDPACTL_VDUSED" block --name "$DEV" --backend file:image --daemonize --ready-fd 1 3>&-
	[[ $output =~ ^ready\ [0-9]+$ ]] || failed "no line"
	[[ $(readlink "/proc/${output#ready }/cwd") == / && -d $WORK/runtime/$DEV ]]
	works vduse attach "$DEV"
	works vduse restart "$DEV"
	works vduse del "$DEV"
	[[ ! -e runtime/$DEV ]]
}

@test "no process to be had for what needs privileges: what was made is not left" {
	captures 1 strace -f -o /dev/null -E ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
		-e trace=clone,clone3,fork -e inject=clone,clone3,fork:error=EAGAIN:when=1 \
		"$VDPACTL_VDUSED" block --name "$DEV" --backend mem:1M
	says "can't fork"
	[[ ! -e $RUNTIME/$DEV && ! -e /dev/vduse/$DEV && ! -e /dev/shm/vdused.$DEV ]]
}

@test "two at once: the one that made the directory and lost its lock leaves it to the other" {
	background strace -f -o /dev/null -E ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
		-e trace=mkdirat -e inject=mkdirat:delay_exit=5000000 "$VDPACTL_VDUSED" block --name "$DEV" --backend mem:1M \
		2>"$WORK/said"
	wait_until 10 test -e "$RUNTIME/$DEV"
	disk mem:2M
	captures 1 wait "${CHILDREN[-1]}"
	stderr=$(<"$WORK/said")
	says "$DEV is served by another vdused already"
	works vduse restart "$DEV"
	[[ $(disk_state .size) == 2097152 ]]
}

@test "version 1 of VDUSE's interface, where the kernel has it" {
	local options=(--name "$DEV" --backend mem:16M --api-version 1 --daemonize)
	if [[ $(uname -r) == 6.* ]]; then
		captures 1 "$VDPACTL_VDUSED" block "${options[@]}"
		says 'API version 1'
		return
	fi
	captures 0 "$VDPACTL_VDUSED" block "${options[@]}"
	captures 0 vdpactl vduse attach "$DEV"
	NODE=${output#"$DEV: "}
	[[ $(vdpactl -j -s vduse show "$DEV" | jq -r '.vduse[].daemon') == serving ]]
	verifies 2M
	kill_daemon
	works vduse rescue "$DEV"
	verifies 1M
}

@test "hot removal: the vdpa device is deleted while fio writes" {
	disk mem:64M
	(fio --name=load --filename="$NODE" --direct=1 --rw=randwrite --bs=4k --iodepth=16 --ioengine=libaio --size=32M \
		--time_based --runtime=60 >/dev/null 2>&1 3>&- || true) &
	CHILDREN+=("$!")
	wait_until 20 busy
	timeout 20 vdpa dev del "$DEV"
	wait_until 20 test ! -e "$NODE"
	works vduse del "$DEV"
}

busy() { (($(disk_state .statistics.writes) > 100)); }

# Mounts NODE in a mount namespace of its own, in process $HOLDER.
mount_elsewhere() { # NODE
	rm -f "$WORK/mounted"
	background unshare -m sh -c 'mount "$1" /mnt && : >"$2" && exec sleep 100' sh "$1" "$WORK/mounted"
	HOLDER=${CHILDREN[-1]}
	wait_until 20 test -e "$WORK/mounted"
}

unbinds() { vdpactl -q dev unbind "$1" 2>/dev/null; }

@test "what another mount namespace has mounted is not taken away, nor the disk of a partition" {
	local whole part
	disk "mem:16M"
	whole=$NODE
	mkfs.ext4 -q "$whole"
	mount_elsewhere "$whole"
	fails 5 dev unbind "$DEV"
	says "busy: $whole is in exclusive use, mounted or held" 'hint: look in other mount namespaces'
	fails 5 dev bind "$DEV" driver vhost_vdpa
	fails 5 vduse del "$DEV"
	kill "$HOLDER"
	wait_until 20 unbinds "$DEV"

	disk_named "p$DEV" "mem:16M"
	part=${NODE}1
	printf '\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x40\0\0' | dd of="$NODE" bs=1 seek=446 conv=notrunc status=none
	printf '\x55\xaa' | dd of="$NODE" bs=1 seek=510 conv=notrunc status=none
	blockdev --rereadpt "$NODE"
	wait_until 20 test -b "$part"
	mkfs.ext4 -q "$part"
	mount_elsewhere "$part"
	fails 5 dev unbind "p$DEV"
	says "busy: $NODE is in exclusive use, mounted or held"
	kill "$HOLDER"
	wait_until 20 unbinds "p$DEV"
}

@test "what a loop device is on is in use" {
	local loop part
	modprobe loop || skip "expected: no loop devices for this kernel"
	disk "mem:16M"
	part=${NODE}1
	printf '\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x40\0\0' | dd of="$NODE" bs=1 seek=446 conv=notrunc status=none
	printf '\x55\xaa' | dd of="$NODE" bs=1 seek=510 conv=notrunc status=none
	blockdev --rereadpt "$NODE"
	wait_until 20 test -b "$part"
	loop=$(losetup --find --show "$NODE")
	fails 5 vduse del "$DEV"
	says "busy: $NODE is the backing file of ${loop#/dev/}"
	losetup --detach "$loop"
	# By another node of it.
	mknod /dev/other b $((0x$(stat -c %t "$part"))) $((0x$(stat -c %T "$part")))
	loop=$(losetup --find --show /dev/other)
	fails 5 dev unbind "$DEV"
	says "busy: $part is the backing file of ${loop#/dev/}"
	losetup --detach "$loop"
	rm /dev/other
	works vduse del "$DEV"
}

@test "a daemon that dies while its disk is written back is noticed before the kernel would wait for it" {
	local pid
	truncate -s 16M "$WORK/image"
	disk "file:$WORK/image"
	pid=$(daemon_pid)
	# The kernel has its answer, and vdpactl has not.
	background strace -f -o /dev/null -E ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" -e trace=fsync \
		-e inject=fsync:delay_exit=5000000 "$VDPACTL" vduse del "$DEV" 2>"$WORK/said"
	wait_until 20 flushed
	kill -KILL "$pid"
	captures 5 wait "${CHILDREN[-1]}"
	stderr=$(<"$WORK/said")
	says "busy: no daemon serves VDUSE device \"$DEV\""
	works vduse rescue "$DEV"
	works vduse del "$DEV"
}

flushed() { (($(disk_state .statistics.flushes) > 0)); }

@test "two at once: the one that loses takes nothing of the other's back, also when it is interrupted" {
	cat >"$WORK/late" <<-END
		#!/bin/sh
		kill -STOP \$PPID
		VDPACTL_VDUSED=$VDPACTL_VDUSED $VDPACTL vduse add name $DEV type block backend mem:1M >$WORK/first 2>&1
		$VDPACTL_VDUSED "\$@"
		kill -TERM \$PPID
		kill -CONT \$PPID
	END
	chmod +x "$WORK/late"
	captures 143 env VDPACTL_VDUSED="$WORK/late" "$VDPACTL" vduse add name "$DEV" type block backend mem:2M
	says "the daemon of \"$DEV\" does not start: " 'is served by another vdused already'
	NODE=$(<"$WORK/first")
	NODE=${NODE#"$DEV: "}
	[[ -b $NODE && $(disk_state .size) == 1048576 ]]
}

@test "interrupted when all is done: the disk is not left" {
	captures 143 interrupted connect vduse add name "$DEV" type block backend mem:1M
	says interrupted
	[[ ! -e /sys/bus/vdpa/devices/$DEV && ! -e $RUNTIME/$DEV ]]
}

@test "another parent's device of that name does not keep a disk from ending; its own does" {
	modprobe vdpa_sim_net 2>/dev/null || skip "expected: this kernel has no vdpa_sim_net"
	"$VDPACTL_VDUSED" block --name "$DEV" --backend mem:1M --daemonize --ready-fd 1 >/dev/null
	works dev add name "$DEV" mgmtdev vdpasim_net driver none
	works vduse del "$DEV"
	[[ ! -e /sys/class/vduse/$DEV && -e /sys/bus/vdpa/devices/$DEV ]]
	works dev del "$DEV"
	works vduse add name "$DEV" type block backend mem:1M driver none
	captures 0 python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.send(b"{\"command\":\"stop\",\"destroy\":true}\n")
print(s.recv(4096).decode())' "$RUNTIME/$DEV/control"
	prints 'the vdpa device is still there'
	works vduse del "$DEV"
}

mask() { cat "/sys/class/vduse/$DEV/vq${1:-0}/irq_cb_affinity"; }

# The threads of the daemon on one processor, with something to do.
run_on() { # CPU
	local thread
	for thread in "/proc/$(daemon_pid)/task/"*; do
		taskset -cp "$1" "${thread##*/}" >/dev/null
	done
	for thread in 1 2 3 4 5; do
		dd if="$NODE" of=/dev/null bs=64k count=4 iflag=direct status=none
	done
}

leads_to() { # CPU MASK
	run_on "$1"
	[[ $(mask) == "$2" ]]
}

@test "the only queue's interrupts come where its thread runs, also after a death, until somebody chooses" {
	disk mem:8M
	wait_until 20 leads_to 0 1
	wait_until 20 leads_to 1 2
	kill_daemon
	[[ $(mask) == 2 ]]
	works vduse rescue "$DEV"
	wait_until 20 leads_to 0 1
	works vduse restart "$DEV"
	wait_until 20 leads_to 1 2
	works dev unbind "$DEV"
	[[ $(mask) == 3 ]]
	works dev bind "$DEV" driver virtio_vdpa wait
	wait_until 20 leads_to 0 1
	echo 2 >"/sys/class/vduse/$DEV/vq0/irq_cb_affinity"
	run_on 1
	run_on 0
	[[ $(mask) == 2 ]]
}

@test "several queues' interrupts come where the driver wants them" {
	local before
	disk mem:8M queues 2
	before=$(mask 0)$(mask 1)
	run_on 0
	run_on 1
	[[ $(mask 0)$(mask 1) == "$before" ]]
}
