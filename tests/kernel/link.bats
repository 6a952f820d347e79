# SPDX-License-Identifier: GPL-2.0-or-later
# dev link, dev unlink and the udev rule: owners and names of char devices. VDUSE devices, which both kernels have.
# kernels: 6.12 7.2
# lab: -c 1
# shellcheck disable=SC2016,SC2030,SC2031 # a name with a dollar sign

load helpers
load tools

readonly DIR=/dev/vdpa/by-name CONF=/etc/vdpactl/links.conf

setup() {
	tools_setup
	UDEVD=
	mkdir -p /etc/vdpactl
}

teardown() {
	[[ -z $UDEVD ]] || kill "$UDEVD" || true
	rm -rf /dev/vdpa "$CONF" /run/udev/rules.d
	tools_teardown
}

vhost() { # NAME
	stub_added "$1"
	bind "$1" vhost_vdpa
}

node_is() { # DEVICE OWNER:GROUP:MODE
	[[ $(stat -c %U:%G:%a "$(chardev "$1")") == "$2" ]] || failed "$(stat -c %U:%G:%a "$(chardev "$1")"), wanted $2"
}

leads() { # DEVICE [NAME]
	[[ -L $DIR/${2-$1} && $(readlink -f "$DIR/${2-$1}") == "$(chardev "$1")" ]]
}

@test "owner, group, mode and link" {
	vhost "$DEV"
	works dev link "$DEV"
	prints_exactly ''
	node_is "$DEV" root:root:600
	leads "$DEV"
	[[ $(readlink "$DIR/$DEV") == "../../vhost-vdpa-"* && $(stat -c %a "$DIR") == 755 ]]
	works dev link "$DEV" owner nobody group daemon mode 0640
	node_is "$DEV" nobody:daemon:640
	works dev link "$DEV" owner 12
	[[ $(stat -c %u:%G:%a "$(chardev "$DEV")") == 12:daemon:640 ]]
	leads "$DEV"
	works dev unlink "$DEV"
	[[ ! -e $DIR/$DEV ]]
	works dev unlink "$DEV"
	(umask 077 && rm -r /dev/vdpa && vdpactl dev link "$DEV")
	[[ $(stat -c %a "$DIR") == 755 ]]
}

@test "vduse add and attach give the node to its owner, too" {
	works vduse add name disk type block backend mem:1M driver vhost_vdpa owner nobody mode 0640
	node_is disk nobody:root:640
	leads disk
	works vduse del disk
	[[ ! -L $DIR/disk ]]
	works vduse add name disk type block backend mem:1M driver none
	works vduse attach disk driver vhost_vdpa group daemon
	node_is disk root:daemon:600
	leads disk
	works vduse del disk
	fails 2 vduse add name disk type block backend mem:1M owner nobody
	says 'which only driver vhost_vdpa makes'
	fails 2 vduse add name disk type block backend mem:1M driver vhost_vdpa owner no-such-user
	run ! test -e /dev/vduse/disk
}

# The next device may get its node.
@test "a link goes with its node, also without udev" {
	vhost "$DEV"
	linked() { works dev link "$DEV" && [[ -L $DIR/$DEV ]]; }
	linked
	works dev bind "$DEV" driver vhost_vdpa
	leads "$DEV"
	works dev unbind "$DEV"
	[[ ! -L $DIR/$DEV ]]
	works dev bind "$DEV" driver vhost_vdpa
	linked
	works dev bind "$DEV" driver virtio_vdpa
	[[ ! -L $DIR/$DEV ]]
	works dev bind "$DEV" driver vhost_vdpa
	linked
	works dev del "$DEV"
	[[ ! -L $DIR/$DEV ]]
	works dev add name "$DEV" mgmtdev vduse driver vhost_vdpa
	linked
	works dev del "$DEV*"
	[[ ! -L $DIR/$DEV ]]
	# What is not one of ours stays.
	works dev add name "$DEV" mgmtdev vduse driver vhost_vdpa
	mkdir -p "$DIR"
	ln -s /dev/null "$DIR/$DEV"
	works dev del "$DEV"
	[[ -L $DIR/$DEV ]]
}

@test "apply takes the links of what it deletes with it" {
	[[ $(vdpactl mgmtdev) == *vdpasim_net* ]] || skip "expected: no simulator in this kernel"
	works dev add name "$DEV" mgmtdev vdpasim_net driver vhost_vdpa
	works dev link "$DEV"
	leads "$DEV"
	echo '{"version":1}' >"$BATS_TEST_TMPDIR/state"
	works apply "$BATS_TEST_TMPDIR/state" prune
	[[ ! -L $DIR/$DEV ]]
}

@test "the node is not opened: whoever uses it goes on" {
	vhost "$DEV"
	use "$DEV"
	works dev link "$DEV" group daemon mode 660
	node_is "$DEV" root:daemon:660
	kill -0 "$PID"
	# The reset of a second opener would be told as EBUSY; strace sees that there is none.
	command -v strace >/dev/null || skip "no strace"
	# The leak sanitizer can't work below it.
	captures 0 strace -E ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" -f -e trace=open,openat \
		"$VDPACTL" dev link "$DEV"
	says "\"$(basename "$(chardev "$DEV")")\", O_RDONLY|O_NOFOLLOW|O_CLOEXEC|O_PATH"
}

@test "links.conf, and the command line before it" {
	vhost "$DEV"
	printf '%s\n' '# all of them' 'group daemon' 'mode 0660' >"$CONF"
	works dev link "$DEV"
	node_is "$DEV" root:daemon:660
	works dev link "$DEV" mode 600
	node_is "$DEV" root:daemon:600
	echo 'group no-such-group' >"$CONF"
	fails 1 dev link "$DEV"
	says "$CONF:1: group \"no-such-group\" is not the name or number of a group"
	printf '\ncolour blue\n' >"$CONF"
	fails 1 dev link "$DEV"
	says "$CONF:2: \"colour\" is not known" 'expected owner, group or mode'
}

@test "what is not bound, not there, or not a link of ours" {
	stub_added "$DEV"
	fails 8 dev link "$DEV"
	says "\"$DEV\" has no char device" 'hint: bind it to vhost_vdpa first'
	fails 3 dev link nothing
	bind "$DEV" vhost_vdpa
	mkdir -p "$DIR"
	echo precious >"$DIR/$DEV"
	fails 5 dev unlink "$DEV"
	says "does not lead to the char device of \"$DEV\""
	[[ $(<"$DIR/$DEV") == precious ]]
	rm "$DIR/$DEV"
	ln -s ../../null "$DIR/$DEV"
	fails 5 dev unlink "$DEV"
	[[ -L $DIR/$DEV ]]
	ln -sfn ../../vhost-vdpa-999 "$DIR/$DEV"
	fails 5 dev unlink "$DEV"
	bind "$DEV" none
	# Nothing can be right about it now.
	works dev unlink "$DEV"
	[[ ! -L $DIR/$DEV ]]
	ln -s ../../null "$DIR/$DEV"
	fails 5 dev unlink "$DEV"
	rm "$DIR/$DEV"
	captures 0 as_nobody "$VDPACTL" dev unlink "$DEV"
	ln -s ../../vhost-vdpa-999 "$DIR/$DEV"
	captures 6 as_nobody "$VDPACTL" dev unlink "$DEV"
	[[ -L $DIR/$DEV ]]
	works dev unlink "$DEV"
}

@test "a node of that name which is another device" {
	local node
	vhost "$DEV"
	node=$(chardev "$DEV")
	mv "$node" /dev/hidden
	fails 3 dev link "$DEV"
	ln -s /dev/null "$node"
	fails 1 dev link "$DEV" mode 666
	says 'is not the char device'
	[[ $(stat -Lc %a /dev/null) == 666 ]]
	ln -sfn /etc/passwd "$node"
	fails 1 dev link "$DEV" owner nobody mode 777
	[[ $(stat -c %U:%a /etc/passwd) == root:644 ]]
	rm "$node"
	mknod "$node" c 1 3
	fails 1 dev link "$DEV" owner nobody
	says 'is not the char device' "of \"$DEV\""
	[[ $(stat -c %U "$node") == root && ! -e $DIR/$DEV ]]
	rm "$node"
	mv /dev/hidden "$node"
	works dev link "$DEV"
}

@test "without privileges nothing changes" {
	vhost "$DEV"
	captures 6 as_nobody "$VDPACTL" dev link "$DEV"
	says 'hint: this needs root'
	captures 6 as_nobody "$VDPACTL" dev link "$DEV" owner nobody
	node_is "$DEV" root:root:600
	[[ ! -e $DIR ]]
}

event() { # ACTION NAME
	env -i ACTION="$1" SUBSYSTEM=vdpa DEVPATH="/devices/virtual/vduse/$2/$2" "$VDPACTL" -q dev link from_udev
}

@test "from_udev follows the device, whatever the event said" {
	echo 'mode 640' >"$CONF"
	vhost "$DEV"
	captures 0 event bind "$DEV"
	leads "$DEV"
	node_is "$DEV" root:root:640
	captures 0 event unbind "$DEV"
	leads "$DEV"
	bind "$DEV" none
	captures 0 event bind "$DEV"
	[[ ! -L $DIR/$DEV ]]
	captures 0 event remove gone
	# Another one takes over the number, the old link is replaced.
	vhost "b$DEV"
	ln -s ../../vhost-vdpa-7 "$DIR/b$DEV"
	captures 0 event bind "b$DEV"
	leads "b$DEV"
	# That one's owner is not this one's.
	node_is "b$DEV" root:root:640
}

@test "from_udev leaves what a command gave, also where that is what a new node has" {
	printf '%s\n' 'group daemon' 'mode 660' >"$CONF"
	stub_added "$DEV"
	works dev bind "$DEV" driver vhost_vdpa owner nobody mode 600
	node_is "$DEV" nobody:daemon:600
	captures 0 event bind "$DEV"
	node_is "$DEV" nobody:daemon:600
	works dev unlink "$DEV"
	captures 0 event change "$DEV"
	node_is "$DEV" nobody:daemon:600
	leads "$DEV"
	works dev unbind "$DEV"
	works dev bind "$DEV" driver vhost_vdpa owner root group root mode 600
	captures 0 event bind "$DEV"
	node_is "$DEV" root:root:600
	leads "$DEV"
	# A link that a node of that number left is none of the new node's.
	bind "$DEV" none
	bind "$DEV" vhost_vdpa
	leads "$DEV"
	captures 0 event bind "$DEV"
	node_is "$DEV" root:daemon:660
	# Another file has effect on those that have no owner yet.
	echo 'mode 640' >"$CONF"
	captures 0 event change "$DEV"
	node_is "$DEV" root:daemon:660
	works dev link "$DEV"
	node_is "$DEV" root:daemon:640
}

lock_is_free() { flock -n /run/vdpactl/link.lock true; }

waits_for_lock() { # PID
	[[ $(readlink "/proc/$1/fd/"*) == */run/vdpactl/link.lock* ]]
}

@test "from_udev looks whether the node is new when nobody else is about to give it away" {
	echo 'mode 660' >"$CONF"
	vhost "$DEV"
	mkdir -p /run/vdpactl
	mkfifo "$BATS_TEST_TMPDIR/go"
	background flock /run/vdpactl/link.lock cat "$BATS_TEST_TMPDIR/go"
	wait_until 20 eval '! lock_is_free'
	background env -i ACTION=bind SUBSYSTEM=vdpa DEVPATH="/devices/virtual/vduse/$DEV/$DEV" "$VDPACTL" -q dev link from_udev
	wait_until 20 waits_for_lock "${CHILDREN[-1]}"
	# What a command does that has the lock.
	chown nobody "$(chardev "$DEV")"
	: >"$BATS_TEST_TMPDIR/go"
	wait "${CHILDREN[-1]}"
	node_is "$DEV" nobody:root:600
	leads "$DEV"
}

@test "what is not given beside owner, group or mode is that of links.conf" {
	echo 'group daemon' >"$CONF"
	works vduse add name disk type block backend mem:1M driver vhost_vdpa mode 640
	node_is disk root:daemon:640
	works vduse del disk
	works vduse add name disk type block backend mem:1M driver none
	works vduse attach disk driver vhost_vdpa owner nobody
	node_is disk nobody:daemon:600
	works vduse del disk
	stub_added "$DEV"
	works dev del "$DEV"
	works dev add name "$DEV" mgmtdev vduse driver vhost_vdpa mode 640
	node_is "$DEV" root:daemon:640
	works dev del "$DEV"
	echo 'colour blue' >"$CONF"
	fails 1 dev add name "$DEV" mgmtdev vduse driver vhost_vdpa mode 640
	says "$CONF:1: \"colour\" is not known"
	[[ ! -e /sys/bus/vdpa/devices/$DEV ]]
}

link_gone() { [[ ! -L $DIR/$1 ]]; }

@test "the udev rule: links come with vhost_vdpa and go with it" {
	local odd='o d"d$(x)'
	[[ -x /lib/systemd/systemd-udevd ]] || skip "no udev"
	mkdir -p /run/udev/rules.d
	sed "s|\"[^\"]*/vdpactl |\"$VDPACTL |" "$TOP_BUILDDIR/udev/60-vdpactl.rules" >/run/udev/rules.d/60-vdpactl.rules
	echo 'mode 660' >"$CONF"
	/lib/systemd/systemd-udevd 3>&- >/dev/null 2>&1 &
	UDEVD=$!
	wait_until 20 test -S /run/udev/control
	# udev reads each new disk, and these devices answer nothing: there must be none.
	autoprobe off
	vhost "$DEV"
	wait_until 20 leads "$DEV"
	node_is "$DEV" root:root:660
	bind "$DEV" none
	wait_until 20 link_gone "$DEV"
	bind "$DEV" vhost_vdpa
	wait_until 20 leads "$DEV"
	# What a command gave stays, whichever of the two is first.
	works dev unbind "$DEV"
	works dev bind "$DEV" driver vhost_vdpa group daemon mode 600
	udevadm settle -t 20
	node_is "$DEV" root:daemon:600
	# Events that are asked for.
	rm -r /dev/vdpa
	udevadm trigger -s vdpa
	wait_until 20 leads "$DEV"
	rm -r /dev/vdpa
	udevadm trigger -c add -s vdpa
	wait_until 20 leads "$DEV"
	works dev del "$DEV"
	wait_until 20 link_gone "$DEV"
	if [[ $(uname -r) == 6.12.* ]]; then
		vdpactl dev add name "$odd" mgmtdev vdpasim_net
		bind "$odd" vhost_vdpa
		wait_until 20 leads "$odd"
		works dev del "$odd"
		wait_until 20 link_gone "$odd"
	fi
}
