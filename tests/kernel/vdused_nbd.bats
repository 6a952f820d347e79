# SPDX-License-Identifier: GPL-2.0-or-later
# Disks whose blocks an NBD server keeps: nbdkit and qemu-storage-daemon.
# kernels: 6.12 7.2
# lab: -c 1 -m 1500
# builds: asan
# seconds: 55

load helpers
load disks

kit() { # SOCKET ARGUMENT...
	nbd_server "$1" nbdkit -f -U "$1" "${@:2}"
}

@test "nbdkit's memory: a file system, fio verify on one and four queues" {
	kit "$WORK/nbd" memory 64M
	disk "nbd+unix:///?socket=$WORK/nbd"
	holds_a_file_system
	works vduse del "$DEV"
	disk "nbd+unix:///?socket=$WORK/nbd" queues 4 packed
	verifies 4M --numjobs=2 --offset_increment=8M
	[[ $(disk_state .statistics.errors) == 0 ]]
}

@test "nbdkit's file over TCP on loopback" {
	ip link set lo up
	truncate -s 32M "$WORK/image"
	nbdkit -f -p 10809 -i 127.0.0.1 file "$WORK/image" 3>&- >/dev/null 2>&1 &
	SERVERS+=("$!")
	wait_until 20 tcp_open 10809
	disk "nbd://127.0.0.1:10809/"
	holds_a_file_system
	works vduse del "$DEV"
}

@test "a server for one connection alone: restart does not ask it beside the daemon" {
	kit "$WORK/nbd" --filter=limit memory 16M limit=1
	disk "nbd+unix:///?socket=$WORK/nbd"
	dd if=/dev/urandom of="$WORK/data" bs=64k count=1 status=none
	dd if="$WORK/data" of="$NODE" oflag=direct bs=64k status=none
	works vduse restart "$DEV"
	cmp -n 64k "$WORK/data" <(dd if="$NODE" iflag=direct bs=64k count=1 status=none)
}

asked() { grep -c 'Read.*offset=0x3e8000 count=' "$WORK/requests"; }

@test "restart: what is in flight ends first, and the next daemon does not ask for it again" {
	kit "$WORK/nbd" --filter=log --filter=delay memory 16M rdelay=1 logfile="$WORK/requests"
	disk "nbd+unix:///?socket=$WORK/nbd"
	dd if="$NODE" of=/dev/null bs=4k skip=1000 count=1 iflag=direct status=none 3>&- &
	CHILDREN+=("$!")
	wait_until 10 asked
	works vduse restart "$DEV"
	wait "${CHILDREN[-1]}"
	[[ $(asked) == 1 ]] || failed "asked for $(asked) times"
}

tcp_open() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

@test "the server's errors become the request's, and the disk goes on" {
	kit "$WORK/nbd" --filter=error memory 16M error-pread=EIO error-pread-rate=100% \
		error-pread-file="$WORK/fail"
	disk "nbd+unix:///?socket=$WORK/nbd"
	dd if="$NODE" of=/dev/null bs=4k count=1 iflag=direct status=none
	touch "$WORK/fail"
	run ! dd if="$NODE" of=/dev/null bs=4k count=1 iflag=direct status=none
	rm "$WORK/fail"
	dd if="$NODE" of=/dev/null bs=4k count=1 iflag=direct status=none
	[[ $(disk_state .statistics.errors) -ge 1 ]]
}

@test "the server is killed under fio verify and comes back: no request fails" {
	local i
	truncate -s 32M "$WORK/image"
	kit "$WORK/nbd" file "$WORK/image"
	disk "nbd+unix:///?socket=$WORK/nbd"
	start_verifying 4M
	for i in 1 2 3; do
		sleep 0.7
		kill -KILL "$SERVER"
		rm -f "$WORK/nbd"
		sleep 0.3
		kit "$WORK/nbd" file "$WORK/image"
	done
	verified
	[[ $(disk_state .statistics.errors) == 0 ]]
}

@test "a server that stays away: requests fail after the time given" {
	kit "$WORK/nbd" memory 16M
	disk "nbd+unix:///?socket=$WORK/nbd" reconnect 1
	kill -KILL "$SERVER"
	rm -f "$WORK/nbd"
	captures 1 timeout 30 dd if="$NODE" of=/dev/null bs=4k count=1 iflag=direct status=none
	says 'Input/output error'
	kit "$WORK/nbd" memory 16M
	wait_until 15 readable
}

readable() { dd if="$NODE" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null; }

@test "a server that stays away: del gives up in time, and who waits for its output is let go" {
	kit "$WORK/nbd" memory 16M
	disk "nbd+unix:///?socket=$WORK/nbd"
	kill -KILL "$SERVER"
	rm -f "$WORK/nbd"
	# What writes back stays in the kernel, and would keep the pipe.
	# shellcheck disable=SC2016 # of that shell
	captures 7 timeout 40 bash -c '"$@" 2>&1 | cat >&2; exit "${PIPESTATUS[0]}"' bash \
		"$VDPACTL" --timeout 3 vduse del "$DEV"
	says "$NODE could not be written back within " 'hint: is its back end away?'
	[[ $stderr != *' 30 s'* ]]
	kit "$WORK/nbd" memory 16M
	wait_until 15 readable
}

@test "killed daemon and NBD: what was in flight is sent again" {
	local i
	# nbdkit 1.32 now and then aborts when a client leaves with requests under way.
	truncate -s 32M "$WORK/image"
	nbd_server "$WORK/nbd" qemu-storage-daemon --blockdev "driver=file,node-name=disk,filename=$WORK/image" \
		--nbd-server "addr.type=unix,addr.path=$WORK/nbd,max-connections=8" \
		--export type=nbd,id=disk,node-name=disk,name=disk,writable=on
	disk "nbd+unix:///disk?socket=$WORK/nbd"
	start_verifying 2M
	for i in 1 2 3 4 5; do
		sleep 0.4
		kill_daemon
		works vduse rescue "$DEV"
	done
	verified
	[[ $(disk_state .statistics.errors) == 0 ]]
}

@test "no server: the start fails with a reason and leaves nothing" {
	fails 1 vduse add name "$DEV" type block backend "nbd+unix:///?socket=$WORK/none"
	says "$WORK/none"
}

@test "a socket that the daemon's user may not use is refused at the start; another user may be asked for" {
	kit "$WORK/nbd" memory 16M
	chmod 700 "$WORK/nbd"
	fails 1 vduse add name "$DEV" type block backend "nbd+unix:///?socket=$WORK/nbd"
	says "$WORK/nbd" 'may not connect' '--user'
	# This is found out without the privileges to remove anything.
	[[ ! -e $RUNTIME/$DEV && ! -e /dev/vduse/$DEV ]]
	chown daemon "$WORK/nbd"
	disk "nbd+unix:///?socket=$WORK/nbd" user daemon
	[[ $(awk '/^Uid:/ { print $2 }' "/proc/$(daemon_pid)/status") == "$(id -u daemon)" ]]
}

@test "qemu-storage-daemon with a qcow2" {
	qemu-img create -q -f qcow2 "$WORK/image.qcow2" 64M
	nbd_server "$WORK/nbd" qemu-storage-daemon \
		--blockdev "driver=qcow2,node-name=disk,discard=unmap,file.driver=file,file.filename=$WORK/image.qcow2" \
		--nbd-server "addr.type=unix,addr.path=$WORK/nbd,max-connections=8" \
		--export type=nbd,id=disk,node-name=disk,name=disk,writable=on
	disk "nbd+unix:///disk?socket=$WORK/nbd"
	holds_a_file_system
	verifies 2M
	works vduse del "$DEV"
}
