# SPDX-License-Identifier: GPL-2.0-or-later
# check: what it says of a host in order, and that it sees what is wrong. VDUSE devices, which both kernels have.
# kernels: 6.12 7.2
# lab: -c 1

# shellcheck disable=SC2016 # names and filters with dollar signs, hints with backquotes
load helpers
load tools

# A finding: its level, its subject, and a part of its text.
finds() { # LEVEL SUBJECT TEXT
	has_json '.check.findings | any(.level == $l and .subject == $s and (.text | contains($t)))' \
		--arg l "$1" --arg s "$2" --arg t "$3"
}

finds_not() { # LEVEL SUBJECT
	has_json '.check.findings | all(.level != $l or .subject != $s)' --arg l "$1" --arg s "$2"
}

@test "a host in order: exit status 0" {
	stub_added "$DEV"
	stub_added "b$DEV"
	bind "b$DEV" vhost_vdpa
	works -j check
	finds ok kernel "$(uname -r)"
	finds ok modules 'loaded: vdpa vhost_vdpa virtio_vdpa vduse'
	finds ok netns 'of process 1'
	finds ok privileges 'root, CAP_NET_ADMIN'
	finds ok family 'serves mgmtdev show, dev add'
	finds ok autoprobe on:
	finds ok parents 'vduse (2 devices)'
	finds ok "$DEV" 'block device of vduse, bound to virtio_vdpa, /dev/vd'
	finds ok "$DEV" 'serves it, process '
	finds ok "b$DEV" "bound to vhost_vdpa, $(chardev "b$DEV")"
	has_json '.check.kernel == $k and (.check.findings | all(.level != "problem"))' --arg k "$(uname -r)"
	works check "$DEV"
	prints "ok      $DEV: block device"
	[[ $output != *"b$DEV"* && $output != *'vhost_vdpa: a device'* ]]
}

@test "traps of this kernel, and of what is loaded" {
	works -j check
	finds info vhost_vdpa 'wait without end'
	finds info vduse 'daemon is dead'
	finds_not warning mlx5_vdpa
	if [[ $(uname -r) == 6.12.* ]]; then
		finds warning vdpa_sim 'crashes the kernel'
		has_json '.check.findings | all(.text | contains("referenced once more") | not)'
	else
		finds info vduse 'referenced once more'
		finds_not warning vdpa_sim
	fi
	works -q check
	[[ $output != *hint:* ]]
}

@test "a daemon that died is a problem" {
	stub_added "$DEV"
	msg_timeout "$DEV" 1
	crash_stub "$DEV"
	captures 1 vdpactl -j check
	finds problem "$DEV" 'no process has its VDUSE device open'
	captures 1 vdpactl check "$DEV"
	prints "problem $DEV: " 'hint: start its daemon again; do not delete it before'
	captures 0 as_nobody "$VDPACTL" -j check "$DEV"
	finds info "$DEV" "can't be seen without privileges"
	stub "$DEV" --takeover 2>/dev/null || end_dead "$DEV"
}

# Nothing is in flight: the device can be deleted.
end_dead() { # NAME
	bind "$1" none
	timeout 30 /sbin/vdpa dev del "$1"
	"$VDUSE_STUB" --destroy "$1"
}

@test "vdused that died is told with its rescue" {
	[[ -x $VDPACTL_VDUSED ]] || skip "expected: built without vdused"
	local pid none=$BATS_TEST_TMPDIR/none
	mkdir "$none"
	: >"$none/libjansson.so.4"
	vdpactl vduse add name "$DEV" type block backend mem:1M
	pid=$(vdpactl -j vduse show "$DEV" | jq '.vduse[].pid')
	works -j check "$DEV"
	finds ok "$DEV" "vdused serves it, process $pid"
	LD_LIBRARY_PATH=$none captures 0 vdpactl check "$DEV"
	prints "warning $DEV: its daemon lives and was not asked"
	kill -KILL "$pid"
	wait_until 20 gone_or_zombie "$pid"
	LD_LIBRARY_PATH=$none captures 1 vdpactl check "$DEV"
	prints "problem $DEV: its daemon is dead"
	captures 1 vdpactl -j check
	finds problem "$DEV" 'its daemon is dead'
	vdpactl vduse rescue "$DEV"
	works -j check
	finds ok "$DEV" 'vdused serves it'
}

gone_or_zombie() { ! kill -0 "$1" 2>/dev/null || [[ $(sed 's/.*) //' "/proc/$1/stat") == Z* ]]; }

@test "users, and how much memory they may lock" {
	stub_added "$DEV"
	bind "$DEV" vhost_vdpa
	use "$DEV"
	works -j check
	finds ok "$DEV" "used by vhost_open (process $PID)"
	finds warning "$DEV" 'may lock '
	prlimit --pid "$PID" --memlock=unlimited
	works -j check "$DEV"
	finds_not warning "$DEV"
}

@test "autoprobe: off, and left off by one that was killed" {
	autoprobe off
	works -j check
	finds info autoprobe 'off: '
	mkdir -p /run/vdpactl
	echo 1 >/run/vdpactl/bind.lock
	works -j check
	finds warning autoprobe 'left so by a vdpactl that was killed'
	exec {fd}>>/run/vdpactl/bind.lock
	flock "$fd"
	works -j check
	finds_not warning autoprobe
	exec {fd}>&-
	rm /run/vdpactl/bind.lock
	autoprobe on
}

@test "a node that is missing, a device that is not there" {
	stub_added "$DEV"
	bind "$DEV" vhost_vdpa
	mv "$(chardev "$DEV")" /dev/hidden
	captures 1 vdpactl -j check
	finds problem "$DEV" "its node $(chardev "$DEV") is missing"
	mv /dev/hidden "$(chardev "$DEV")"
	captures 1 vdpactl -j check "$DEV" nothing
	finds problem nothing 'device not found'
	finds ok "$DEV" 'bound to vhost_vdpa'
}

@test "nobody, and another network namespace" {
	stub_added "$DEV"
	captures 0 as_nobody "$VDPACTL" -j check
	finds info privileges 'user 65534, without CAP_NET_ADMIN'
	finds info netns "can't be seen"
	finds ok "$DEV" 'block device of vduse'
	captures 1 in_other_netns "$VDPACTL" -j check
	finds warning netns 'not the network namespace of process 1'
	finds problem family 'no vdpa netlink family here'
	finds info devices "1 in sysfs: $DEV"
}
