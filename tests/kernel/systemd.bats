# SPDX-License-Identifier: GPL-2.0-or-later
# The unit vdused@.service as it is installed, under a systemd that is the first process of a namespace of its own.
# kernels: 6.12
# builds: gcc asan
# lab: -c 1 -m 1500
# shellcheck disable=SC2016 # awk's variables

load helpers
load disks

readonly UNITS=/run/systemd/system

setup() {
	[[ -x /lib/systemd/systemd ]] || skip "expected: no systemd"
	disks_setup
	DEV=disk0
	NODE=/dev/vda
	[[ -s $BATS_FILE_TMPDIR/pid ]] || boot
	SYSTEMD=$(<"$BATS_FILE_TMPDIR/pid")
}

# With the programs of this build, which may be in a /tmp that must not be private then.
boot() {
	local unshared
	mkdir -p "$UNITS/vdused@.service.d" /etc/vdpactl/vduse.d /srv
	sed -E "s|/[^ ]*/vdused block|$TOP_BUILDDIR/vdused/vdused block|; s|/[^ ]*/vdpactl vduse|$VDPACTL vduse|" \
		"$TOP_BUILDDIR/systemd/vdused@.service" >"$UNITS/vdused@.service"
	mkdir -p "$UNITS/vdpactl.service.d"
	sed -E "s|/[^ ]*/vdpactl restore|$VDPACTL restore|" "$TOP_BUILDDIR/systemd/vdpactl.service" >"$UNITS/vdpactl.service"
	# The leak sanitizer can't look at a process that lives under a filter of system calls.
	printf '[Unit]\nDefaultDependencies=no\n[Service]\nEnvironment=VDPACTL_VDUSED=%s ASAN_OPTIONS=detect_leaks=0\n' \
		"$TOP_BUILDDIR/vdused/vdused" >"$UNITS/vdpactl.service.d/lab.conf"
	printf '[Unit]\nDefaultDependencies=no\n' >"$UNITS/lab.target"
	printf '[Unit]\nDefaultDependencies=no\n[Service]\nPrivateTmp=no\n' >"$UNITS/vdused@.service.d/lab.conf"
	unshare -p -f --mount --mount-proc env container=lab /lib/systemd/systemd --system --unit=lab.target \
		--log-target=kmsg --show-status=no </dev/null >/dev/null 2>&1 3>&- &
	unshared=$!
	wait_until 60 is_up || failed "systemd does not start: $(dmesg | grep systemd | tail)"
	tr -d ' ' <"/proc/$unshared/task/$unshared/children" >"$BATS_FILE_TMPDIR/pid"
}

is_up() { dmesg | grep -q 'systemd.*Startup finished'; }

inside() { nsenter -t "$SYSTEMD" -p -m -- "$@"; }

unit_is() { # PROPERTY=VALUE...
	local want
	for want; do
		[[ $(inside systemctl show "vdused@$DEV" -p "${want%%=*}") == "$want" ]] || return 1
	done
}

# NAME.conf with these lines.
conf() { printf '%s\n' "$@" >"/etc/vdpactl/vduse.d/$DEV.conf"; }

image() {
	rm -f /srv/image
	truncate -s 16M /srv/image
	conf '# an image' 'type block' 'backend file:/srv/image' 'queues 2'
}

write_something() { dd if=/dev/urandom of="$NODE" bs=64k count=4 oflag=direct status=none; }

@test "start makes a disk, stop takes it away, and the image has what was written" {
	local pid
	image
	captures 0 inside systemctl start "vdused@$DEV"
	unit_is ActiveState=active
	write_something
	dd if="$NODE" of="$WORK/copy" bs=64k count=4 iflag=direct status=none
	pid=$(inside systemctl show -P MainPID "vdused@$DEV")
	[[ $(inside awk '/^Cap(Prm|Eff|Amb):/ { print $2 }' "/proc/$pid/status" | sort -u) == 0000000000000000 ]]
	captures 0 inside systemctl stop "vdused@$DEV"
	unit_is ActiveState=inactive Result=success
	[[ ! -e $NODE && ! -e $RUNTIME/$DEV ]]
	cmp -n 262144 /srv/image "$WORK/copy"
}

@test "a daemon that is killed is started again, and the disk goes on" {
	image
	captures 0 inside systemctl start "vdused@$DEV"
	write_something
	captures 0 inside systemctl kill -s KILL "vdused@$DEV"
	write_something
	wait_until 20 unit_is ActiveState=active NRestarts=1
	captures 0 inside systemctl stop "vdused@$DEV"
	[[ ! -e $RUNTIME/$DEV ]]
}

@test "what the daemon writes in sysfs is there for it" {
	local pid
	conf 'type block' 'backend mem:1M'
	captures 0 inside systemctl start "vdused@$DEV"
	pid=$(inside systemctl show -P MainPID "vdused@$DEV")
	[[ $(inside find "/proc/$pid/fd" -printf "%l\n") == *"/$DEV/vq0/irq_cb_affinity"* ]]
	inside nsenter -t "$pid" -m test -w "/sys/class/vduse/$DEV/vq0/irq_cb_affinity"
	captures 0 inside systemctl stop "vdused@$DEV"
}

@test "a device deleted by hand ends its unit, which is not started again" {
	image
	captures 0 inside systemctl start "vdused@$DEV"
	works vduse del "$DEV"
	wait_until 20 unit_is ActiveState=inactive Result=success
	[[ ! -e $RUNTIME/$DEV ]]
}

@test "stopped while in use: it fails, and starting it again serves what waits" {
	image
	captures 0 inside systemctl start "vdused@$DEV"
	# In there, as vdpactl looks for users among the processes that it can see.
	mkfifo "$WORK/enough"
	inside sh -c ': >"$1" && read -r _ <"$2"' sh "$WORK/opened" "$WORK/enough" <"$NODE" 3>&- &
	CHILDREN+=("$!")
	wait_until 20 test -e "$WORK/opened"
	captures 0 inside systemctl stop "vdused@$DEV"
	unit_is ActiveState=failed
	[[ -e $NODE ]]
	captures 0 inside systemctl start "vdused@$DEV"
	write_something
	: >"$WORK/enough"
	wait "${CHILDREN[-1]}" || true
	captures 0 inside systemctl stop "vdused@$DEV"
	unit_is ActiveState=inactive
}

@test "vduse restart takes the device from the unit, and says so" {
	image
	captures 0 inside systemctl start "vdused@$DEV"
	write_something
	captures 0 vdpactl vduse restart "$DEV"
	says "the daemon of \"$DEV\" was a unit's, and the new one is not: \`systemctl kill -s KILL vdused@$DEV\`"
	wait_until 10 unit_is ActiveState=inactive Result=success
	write_something
	works vduse restart "$DEV"
	works vduse del "$DEV"
	[[ ! -e $RUNTIME/$DEV ]]
}

@test "a wrong file and a missing one: it fails once, or is skipped" {
	conf 'backend mem:1M' 'speed 11'
	captures 1 inside systemctl start "vdused@$DEV"
	sleep 2
	unit_is ActiveState=failed NRestarts=0 ExecMainStatus=2
	rm "/etc/vdpactl/vduse.d/$DEV.conf"
	captures 0 inside systemctl start "vdused@$DEV"
	unit_is ConditionResult=no
}

@test "a back end that is away for long: it is started again until it is there" {
	conf 'backend file:/srv/late'
	rm -f /srv/late
	captures 1 inside systemctl start "vdused@$DEV"
	# Beyond what systemd does by default: five times in ten seconds.
	wait_until 60 restarted 7
	truncate -s 16M /srv/late
	wait_until 60 unit_is ActiveState=active
	[[ -b $NODE ]]
	captures 0 inside systemctl stop "vdused@$DEV"
}

restarted() { (($(inside systemctl show -P NRestarts "vdused@$DEV") >= $1)); }

@test "vdpactl.service restores what was saved, and the daemons that it started outlive it" {
	local saved=/etc/vdpactl/vdpactl.json
	captures 0 inside systemctl start vdpactl
	[[ $(inside systemctl show -P ConditionResult vdpactl) == no ]]
	works vduse add name restored type block backend mem:1M
	works dev add name net mgmtdev vdpasim_net mac 02:00:00:00:00:01
	works dev add name owned mgmtdev vdpasim_net driver vhost_vdpa owner nobody group daemon mode 0660
	works save "$saved"
	works vduse del restored
	works dev del net owned
	rmmod vdpa_sim_net vdpa_sim_blk vdpa_sim vduse
	captures 0 inside systemctl start vdpactl
	device_exists net && [[ -b $NODE ]]
	[[ $(stat -Lc %U:%G:%a /dev/vdpa/by-name/owned) == nobody:daemon:660 ]]
	works dev del owned
	captures 0 inside systemctl stop vdpactl
	works vduse show restored
	prints 'daemon serving'
	works vduse del restored
	# What can't be restored makes it fail, and the rest is there.
	echo '{"version":1,"devices":[{"name":"x","mgmtdev":"vdpasim_net"},{"name":"net","mgmtdev":"vdpasim_net","max_vqp":2}]}' >"$saved"
	captures 1 inside systemctl start vdpactl
	[[ $(inside systemctl show -P ExecMainStatus vdpactl) == 9 ]]
	device_exists x
	rm "$saved"
}
