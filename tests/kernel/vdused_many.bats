# SPDX-License-Identifier: GPL-2.0-or-later
# Many disks of vdused.
# kernels: 7.2
# lab: -c 1 -m 1500
# shellcheck disable=SC2154 # captures sets the variables

load helpers
load disks

@test "a hundred disks at once" {
	local i
	for ((i = 0; i < 100; i++)); do
		echo "vduse add name many$i type block backend mem:1M"
	done >"$BATS_TEST_TMPDIR/add"
	for ((i = 0; i < 100; i++)); do
		echo "vduse del many$i"
	done >"$BATS_TEST_TMPDIR/del"
	captures 0 vdpactl -q -b "$BATS_TEST_TMPDIR/add"
	[[ $(vdpactl -j vduse show | jq '.vduse | length') == 100 ]]
	dd if=/dev/urandom of=/dev/vdb bs=1M count=1 oflag=direct status=none
	captures 0 vdpactl -q -b "$BATS_TEST_TMPDIR/del"
	[[ $(vdpactl -j vduse show | jq '.vduse | length') == 0 ]]
}

# COUNT objects for "vduse" of a state file.
many_disks() { # COUNT DRIVER
	local i out=
	for ((i = 0; i < $1; i++)); do
		out+=${out:+,}'{"name":"m'$i'","type":"block","backend":"mem:1M","driver":"'$2'"}'
	done
	printf '{"version":1,"vduse":[%s]}\n' "$out" >"$WORK/state"
}

# What each look tells is believed for half a second.
few_looks() { # FOR-WHAT
	local took=$(((${EPOCHREALTIME/./} - STARTED) / 500000))
	((LOOKS < 6 + took)) || failed "$LOOKS looks for $1"
}

@test "who serves and who uses disks is looked for once for many, not once for each" {
	local i
	command -v strace >/dev/null || skip "no strace"
	many_disks 12 virtio_vdpa
	counts_looks apply "$WORK/state"
	((LOOKS == 0)) || failed "$LOOKS looks for binding"
	counts_looks vduse add name more type block backend mem:1M
	((LOOKS == 0)) || failed "$LOOKS looks for one more disk"
	counts_looks vduse attach more
	((LOOKS == 0)) || failed "$LOOKS looks for attaching"
	# The guard of a deletion takes the daemon's answer; users are looked for once.
	counts_looks vduse del more
	((LOOKS == 1)) || failed "$LOOKS looks for one deletion"
	sed -i 's/virtio_vdpa/none/g' "$WORK/state"
	STARTED=${EPOCHREALTIME/./}
	counts_looks apply "$WORK/state"
	few_looks '12 disks'
	sed -i 's/none/virtio_vdpa/g' "$WORK/state"
	works apply "$WORK/state"
	echo '{"version":1}' >"$WORK/state"
	STARTED=${EPOCHREALTIME/./}
	counts_looks apply "$WORK/state" prune
	few_looks '12 deletions'
}

has_child() { [[ $(<"/proc/$1/task/$1/children") ]]; }

@test "who opens a disk while others are deleted is seen" {
	local deleter
	nbd_server "$WORK/nbd" nbdkit -f -U "$WORK/nbd" memory 1M
	printf '{"version":1,"vduse":[%s,%s]}\n' \
		'{"name":"m0","type":"block","backend":"nbd+unix:///?socket='"$WORK"'/nbd","driver":"virtio_vdpa"}' \
		'{"name":"m1","type":"block","backend":"mem:1M","driver":"virtio_vdpa"}' >"$WORK/state"
	works apply "$WORK/state"
	NODE=$(vdpactl -j vduse show m1 | jq -r .vduse.m1.node)
	# The look for both is over when the first one is written back, by a process of its own.
	kill -STOP "$SERVER"
	echo '{"version":1}' >"$WORK/state"
	"$VDPACTL" apply "$WORK/state" prune >"$WORK/out" 2>&1 3>&- &
	deleter=$!
	CHILDREN+=("$deleter")
	wait_until 20 has_child "$deleter"
	# shellcheck disable=SC2016 # for the other shell
	background bash -c 'exec 5<"$1"; : >"$2"; exec sleep 100' - "$NODE" "$WORK/open"
	wait_until 20 test -e "$WORK/open"
	sleep 0.6 # longer than it is believed
	kill -CONT "$SERVER"
	wait "$deleter" && failed "all of it is deleted"
	grep "$NODE is open in ${CHILDREN[-1]} " "$WORK/out" || failed "$(<"$WORK/out")"
	[[ ! -e /sys/class/vduse/m0 && -e /sys/class/vduse/m1 ]]
}

@test "while somebody has a char device open, who has others is looked for once for many deletions" {
	local node
	command -v strace >/dev/null || skip "no strace"
	many_disks 12 vhost_vdpa
	works apply "$WORK/state"
	node=$(vdpactl -j vduse show m3 | jq -r '.vduse.m3.node')
	sleep 100 <"$node" 3>&- &
	CHILDREN+=("$!")
	wait_until 5 eval '[[ /proc/$!/fd/0 -ef $node ]]'
	echo '{"version":1,"vduse":[{"name":"m3","type":"block","backend":"mem:1M","driver":"vhost_vdpa"}]}' >"$WORK/kept"
	counts_looks apply "$WORK/kept" prune
	((LOOKS < 6)) || failed "$LOOKS looks for 11 deletions"
	[[ $(vdpactl -j vduse show | jq -c '.vduse | keys') == '["m3"]' ]]
	# The one that is open stays, and the others go.
	works apply "$WORK/state"
	echo '{"version":1}' >"$WORK/state"
	captures 9 vdpactl apply "$WORK/state" prune
	says "is open in ${CHILDREN[-1]} (sleep)"
	[[ $(vdpactl -j vduse show | jq -c '.vduse | keys') == '["m3"]' ]]
	kill "${CHILDREN[-1]}"
	wait "${CHILDREN[-1]}" || true
	works apply "$WORK/state" prune
}

@test "a signal ends many deletions after those that are begun" {
	many_disks 60 virtio_vdpa
	works apply "$WORK/state"
	echo '{"version":1}' >"$WORK/state"
	"$VDPACTL" apply "$WORK/state" prune >"$WORK/out" 2>"$WORK/err" 3>&- &
	wait_until 20 test ! -e /sys/class/vduse/m0
	kill -TERM "$!"
	wait "$!" && failed "ended well"
	grep -q 'interrupted: [1-9][0-9]* of the devices are not finished' "$WORK/err"
	grep -q -- '^- m9 (not finished)$' "$WORK/out"
	[[ -e /sys/class/vduse/m9 && -e /sys/bus/vdpa/devices/m9 ]]
	works apply "$WORK/state" prune
	[[ $(vdpactl -j vduse show | jq '.vduse | length') == 0 ]]
}

@test "what is mounted, open or a partition in use is found also by the look for many" {
	many_disks 4 virtio_vdpa
	works apply "$WORK/state"
	NODE=$(vdpactl -j vduse show m1 | jq -r '.vduse.m1.node')
	mkfs.ext4 -q "$NODE" 2>/dev/null
	mount "$NODE" /mnt
	# shellcheck disable=SC2016 # for the other shell
	background bash -c 'exec 5<"$1"; : >"$2"; exec sleep 100' - "$(vdpactl -j vduse show m2 | jq -r '.vduse.m2.node')" "$WORK/open"
	wait_until 20 test -e "$WORK/open"
	echo '{"version":1}' >"$WORK/state"
	captures 9 vdpactl apply "$WORK/state" prune
	says "busy: $NODE is mounted at /mnt" 'is open in '
	[[ $stderr != *"mounted at /mnt,"* ]] || failed "told twice"
	prints '- m0' '- m1 (failed)' '- m2 (failed)' '- m3'
	[[ -e /sys/class/vduse/m1 && -e /sys/class/vduse/m2 && ! -e /sys/class/vduse/m3 ]]
	umount /mnt
	kill "${CHILDREN[-1]}"
	wait "${CHILDREN[-1]}" || true
	works apply "$WORK/state" prune
}
