# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # helpers.bash and run set the variables
# Disks that vdused serves, for the tests that load this after helpers.bash.
#
#   disk mem:64M queues 4      # adds "$DEV" with this back end; NODE is its block device
#   daemon_pid                 # who serves it
#   verifies 4M                # fio writes and reads back

: "${TOP_BUILDDIR:?is to be where the programs were built}"
export VDPACTL_VDUSED=$TOP_BUILDDIR/vdused/vdused
readonly RUNTIME=/run/vdused

setup() { disks_setup; }
teardown() { disks_teardown; }

disks_setup() {
	common_setup
	NODE=
	WORK=/run/work
	mkdir -p "$WORK"
	SERVERS=()
}

# Devices first, while their daemons answer; what a daemon left without one keeps is failed.
disks_teardown() {
	local dir pid
	! mountpoint -q /mnt || umount /mnt
	for pid in "${CHILDREN[@]}"; do
		kill -CONT "$pid" 2>/dev/null || true
		kill "$pid" 2>/dev/null || true
	done
	for dir in "$RUNTIME"/*/; do
		[[ ! -d $dir ]] || timeout "$COMMAND_DEADLINE" "$VDPACTL" -q vduse del "$(basename "$dir")" force || true
	done
	for pid in "${SERVERS[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	! mountpoint -q "$WORK/small" || umount "$WORK/small"
	rm -rf "$WORK"
	common_teardown
	nothing_left
}

nothing_left() {
	local left
	left=$(find "$RUNTIME" /dev/vduse -mindepth 1 ! -name control 2>/dev/null) || true
	[[ -z $left ]] || failed "left behind: $left"
}

# Adds the disk "$DEV" (or NAME by `disk_named`).
disk() { disk_named "$DEV" "$@"; }

disk_named() { # NAME URI [KEY VALUE...]
	captures 0 vdpactl vduse add name "$1" type block backend "$2" "${@:3}"
	[[ $output == "$1: /dev/"* ]] || failed "prints no node"
	NODE=${output#"$1: "}
	[[ -b $NODE || -c $NODE ]] || failed "$NODE is no device node"
}

# Without jq, which takes longer to start than most of what this is asked for.
daemon_pid() {
	[[ $("$VDPACTL" -j vduse show "$DEV") =~ '"pid":'\ *([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

disk_state() { # FILTER
	"$VDPACTL" -j -s vduse show "$DEV" | jq -r ".vduse[\"$DEV\"] | $1"
}

kill_daemon() {
	local pid
	pid=$(daemon_pid)
	kill -KILL "$pid"
	wait_until 20 ended_or_zombie "$pid"
}

# The first thread is a zombie while others still hold what the process had open.
ended_or_zombie() {
	local stat threads
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	threads=("/proc/$1/task/"*)
	[[ $stat == *') Z '* ]] && ((${#threads[@]} == 1))
}

# Writes SIZE with checksums by fio and reads it back, and lets go first what is done to the disk meanwhile.
verifies() { # SIZE [FIO-OPTION...]
	nice fio --name=verify --filename="$NODE" --direct=1 --rw=randwrite --bs=4k --iodepth=16 --ioengine=libaio \
		--size="$1" --verify=crc32c --verify_fatal=1 --minimal "${@:2}" >"$BATS_TEST_TMPDIR/fio" 2>&1 ||
		failed "fio: $(tail -c 2000 "$BATS_TEST_TMPDIR/fio")"
}

# The same in the background, again and again, until `verified` ends it: what is done meanwhile is done under load.
start_verifying() { # SIZE [FIO-OPTION...]
	rm -f "$WORK/enough"
	(
		exec 3>&-
		while [[ ! -e $WORK/enough ]]; do
			verifies "$@" || exit 1
		done
	) &
	VERIFYING=$!
	CHILDREN+=("$VERIFYING")
}

verified() {
	: >"$WORK/enough"
	wait "$VERIFYING" || failed "fio failed"
}

# A file system is made, filled, read back after a remount, and checked.
holds_a_file_system() {
	mkfs.ext4 -q "$NODE"
	mount "$NODE" /mnt
	cp -r "$TOP_SRCDIR/common" /mnt/tree
	umount /mnt
	mount "$NODE" /mnt
	diff -r "$TOP_SRCDIR/common" /mnt/tree
	umount /mnt
	fsck.ext4 -fn "$NODE" >/dev/null 2>&1
}

# Starts an NBD server in the background: what its socket's path is.
nbd_server() { # SOCKET COMMAND...
	"${@:2}" 3>&- >/dev/null 2>"$BATS_TEST_TMPDIR/server" &
	SERVER=$!
	SERVERS+=("$SERVER")
	wait_until 20 test -S "$1" || failed "no server: $(<"$BATS_TEST_TMPDIR/server")"
	chmod 666 "$1"
}
