# SPDX-License-Identifier: GPL-2.0-or-later
# dev replace: the same device from any state, and whether something changed.
# kernels: 6.12
# lab: --parents mlx5,ifcvf -c 1

load helpers
load tools

# replaces RESULT ARGUMENT...: as JSON
replaces() {
	works -j dev replace name "$DEV" "${@:2}"
	has_json '.dev[$n] | .result == $r and .changed == ($r != "unchanged")' --arg n "$DEV" --arg r "$1"
}

config_is() { # FILTER
	works -d -j dev config show "$DEV"
	has_json ".config[\$n] | $1" --arg n "$DEV"
}

@test "created, unchanged, changed, recreated" {
	autoprobe off
	works dev replace name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01 mtu 1400
	prints_exactly "$DEV: created"
	works dev replace name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01 mtu 1400
	prints_exactly "$DEV: unchanged"
	replaces unchanged mgmtdev vdpasim_net
	replaces unchanged mgmtdev vdpasim_net mac random
	replaces changed mgmtdev vdpasim_net mac 02:00:00:00:00:02
	config_is '.mac == "02:00:00:00:00:02" and .mtu == 1400'
	replaces recreated mgmtdev vdpasim_net mac 02:00:00:00:00:02 mtu 9000
	config_is '.mac == "02:00:00:00:00:02" and .mtu == 9000'
	replaces recreated mgmtdev vdpasim_net device_features MAC,VERSION_1,ACCESS_PLATFORM
	config_is '.device_features == ["MAC", "VERSION_1", "ACCESS_PLATFORM"]'
	replaces unchanged mgmtdev vdpasim_net device_features VERSION_1,MAC,ACCESS_PLATFORM
	# Made without MTU, which the parent has.
	replaces recreated mgmtdev vdpasim_net mtu 1400
	config_is '.mtu == 1400 and .device_features == ["MTU", "MAC", "VERSION_1", "ACCESS_PLATFORM"]'
	replaces unchanged mgmtdev vdpasim_net mtu 1400
	replaces recreated mgmtdev vdpasim_net mac 02:00:00:00:00:05 device_features MAC,VERSION_1,ACCESS_PLATFORM,MTU mtu 2000
	replaces recreated mgmtdev vdpasim_blk
	works dev show "$DEV"
	prints "$DEV: type block mgmtdev vdpasim_blk "
	replaces unchanged mgmtdev vdpasim_blk
}

@test "made anew: what is not given is as it was" {
	autoprobe off
	works dev replace name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:0a mtu 1400 driver vhost_vdpa
	replaces recreated mgmtdev vdpasim_net mtu 2000
	config_is '.mtu == 2000 and .mac == "02:00:00:00:00:0a"'
	works -d -j dev show "$DEV"
	has_json '.dev[$n].driver == "vhost_vdpa"' --arg n "$DEV"
	# Without the feature there is no MTU to keep.
	replaces recreated mgmtdev vdpasim_net device_features MAC,VERSION_1,ACCESS_PLATFORM
	config_is '.mac == "02:00:00:00:00:0a" and (has("mtu") | not)'
}

@test "the new one can't be made: the old one is put back" {
	autoprobe off
	works dev replace name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:0b mtu 1400 driver vhost_vdpa owner nobody mode 0640
	# The other parent takes no MTU.
	fails 8 dev replace name "$DEV" mgmtdev vdpasim_blk mtu 2000
	says "\"$DEV\" is as it was"
	config_is '.mtu == 1400 and .mac == "02:00:00:00:00:0b"'
	works -d -j dev show "$DEV"
	has_json '.dev[$n] | .driver == "vhost_vdpa" and .mgmtdev == "vdpasim_net"' --arg n "$DEV"
	node_is nobody:root:640
	rm -r /dev/vdpa
}

lock_is_free() { flock -n /run/vdpactl/bind.lock true; }

# The lock that keeps autoprobe is held until it is let go.
hold_lock() {
	mkdir -p /run/vdpactl
	mkfifo "$BATS_TEST_TMPDIR/go"
	background flock /run/vdpactl/bind.lock cat "$BATS_TEST_TMPDIR/go"
	wait_until 20 eval '! lock_is_free'
}

let_go() {
	: >"$BATS_TEST_TMPDIR/go"
	rm "$BATS_TEST_TMPDIR/go"
}

# What is asked for fails at the lock, with this on stderr, and nothing was touched; the lock is let go after that.
replaced_in_vain() { # TEXT PID
	wait_until 20 grep -q "$1" "$BATS_TEST_TMPDIR/err"
	device_exists "$DEV" || failed "it was deleted"
	let_go
	wait "$2" && failed "ended well"
	[[ $(stat -L -c %i "/sys/bus/vdpa/devices/$DEV/") == "$INODE" ]] || failed "it was deleted"
	config_is '.mtu == 1400'
	works -d -j dev show "$DEV"
	has_json '.dev[$n].driver == "vhost_vdpa"' --arg n "$DEV"
}

# Does the process wait for the lock that hold_lock holds?
waits_for_lock() { # PID
	[[ $(readlink "/proc/$1/fd/"*) == */run/vdpactl/bind.lock* ]]
}

@test "nothing is touched before the lock is there; neither a deadline nor a signal leaves less" {
	local pid
	autoprobe off
	works dev replace name "$DEV" mgmtdev vdpasim_net mtu 1400 driver vhost_vdpa
	INODE=$(stat -L -c %i "/sys/bus/vdpa/devices/$DEV/")
	hold_lock
	"$VDPACTL" --timeout 1 dev replace name "$DEV" mgmtdev vdpasim_net mtu 2000 \
		>/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	replaced_in_vain 'another vdpactl holds it' "$!"
	hold_lock
	"$VDPACTL" dev replace name "$DEV" mgmtdev vdpasim_net mtu 2000 >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	wait_until 20 waits_for_lock "$pid"
	kill -TERM "$pid"
	replaced_in_vain interrupted "$pid"
}

@test "drivers: bound, kept when the device is made anew, taken away" {
	autoprobe off
	works dev replace name "$DEV" mgmtdev vdpasim_net driver vhost_vdpa wait
	prints_exactly "$DEV: created $(chardev "$DEV")"
	replaces unchanged mgmtdev vdpasim_net driver vhost_vdpa wait
	replaces recreated mgmtdev vdpasim_net mtu 3000
	has_json '.dev[$n].driver == "vhost_vdpa"' --arg n "$DEV"
	replaces changed mgmtdev vdpasim_net driver virtio_vdpa wait
	has_json '.dev[$n] | .driver == "virtio_vdpa" and .netdev.mtu == 3000' --arg n "$DEV"
	# Its interface has the address that a new device's would have.
	replaces changed mgmtdev vdpasim_net mac 02:00:00:00:00:07 driver virtio_vdpa wait
	has_json '.dev[$n].netdev.mac == "02:00:00:00:00:07"' --arg n "$DEV"
	replaces changed mgmtdev vdpasim_net driver none
	has_json '.dev[$n] | has("driver") | not' --arg n "$DEV"
	replaces unchanged mgmtdev vdpasim_net driver none
}

@test "pairs of queues, and a parent that has room for one" {
	load_standin sf_count=1
	autoprobe off
	replaces created mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 2 mac 02:00:00:00:00:01
	replaces unchanged mgmtdev auxiliary/mlx5_core.sf.1 max_vqs 5
	replaces recreated mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 4
	config_is '.max_vq_pairs == 4'
	replaces recreated mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 1
	replaces unchanged mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 1
}

@test "in use: what needs a new device is refused, the rest is not; force takes it away" {
	local netdev
	autoprobe off
	works dev replace name "$DEV" mgmtdev vdpasim_net driver vhost_vdpa mac 02:00:00:00:00:03 mtu 1400
	use "$DEV"
	fails 5 dev replace name "$DEV" mgmtdev vdpasim_net mtu 1500
	says "is open in $PID (vhost_open)"
	fails 5 dev replace name "$DEV" mgmtdev vdpasim_net driver none
	replaces unchanged mgmtdev vdpasim_net mtu 1400 driver vhost_vdpa
	end_users
	replaces changed mgmtdev vdpasim_net driver virtio_vdpa wait
	netdev=$(below "$DEV" 'virtio*/net/*')
	ip link set "$netdev" up
	fails 5 dev replace name "$DEV" mgmtdev vdpasim_net mtu 1500
	says "busy: interface $netdev of \"$DEV\" is up" 'hint: set it down first, or use "force"'
	fails 5 dev replace name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:09
	config_is '.mtu == 1400'
	replaces recreated mgmtdev vdpasim_net mtu 1500 force
	config_is '.mtu == 1500'
}

in_other_netns_now() { [[ $(readlink "/proc/$1/ns/net") != $(readlink /proc/self/ns/net) ]]; }

@test "whose interface another namespace has cannot be told among siblings: nobody's is taken away" {
	local name sf=auxiliary/mlx5_core.sf pid
	load_standin sf_count=2
	autoprobe off
	works dev add name s1 mgmtdev $sf.1 mac 02:00:00:00:00:01 driver virtio_vdpa wait
	works dev add name s2 mgmtdev $sf.2 mac 02:00:00:00:00:02 driver virtio_vdpa wait
	works -d -j dev show
	background unshare -n sleep 100
	pid=${CHILDREN[-1]}
	wait_until 20 in_other_netns_now "$pid"
	for name in s1 s2; do
		ip link set "$(jq -r --arg n $name '.dev[$n].netdev.name' <<<"$output")" netns "$pid"
	done
	fails 5 dev replace name s1 mgmtdev $sf.1 mac 02:00:00:00:00:01 max_vqp 2
	says 'busy: it cannot be told whether the interface of "s1" is in use' 'or use "force"'
	fails 5 dev replace name s1 mgmtdev $sf.1 driver vhost_vdpa
	fails 5 dev replace name s1 mgmtdev $sf.1 mac 02:00:00:00:00:03
	captures 5 vdpactl apply - prune <<<'{"version":1}'
	says 'of "s1" is in use' 'of "s2" is in use'
	device_exists s1 && device_exists s2
	DEV=s1
	replaces recreated mgmtdev $sf.1 mac 02:00:00:00:00:01 max_vqp 2 force
}

node_is() { # OWNER:GROUP:MODE
	local is
	is=$(stat -c %U:%G:%a "$(chardev "$DEV")")
	[[ $is == "$1" ]] || failed "the node is $is, wanted $1"
}

@test "another owner is a change, and a device that is made anew keeps its owner" {
	autoprobe off
	replaces created mgmtdev vdpasim_net mtu 1400 driver vhost_vdpa owner nobody mode 0640
	replaces unchanged mgmtdev vdpasim_net driver vhost_vdpa owner nobody
	replaces changed mgmtdev vdpasim_net driver vhost_vdpa group daemon
	node_is nobody:daemon:640
	replaces recreated mgmtdev vdpasim_net mtu 2000
	node_is nobody:daemon:640
	replaces recreated mgmtdev vdpasim_net mtu 1400 driver vhost_vdpa owner root
	node_is root:daemon:640
	replaces changed mgmtdev vdpasim_net driver none
	rm -r /dev/vdpa
}

@test "on a parent that is not known it is put back and made anew with what it was made with" {
	load_standin hostile=1 odd_id=1
	autoprobe off
	works dev add name "$DEV" mgmtdev mlx5_standin_hostile mac 02:00:00:00:00:01 mtu 1400 max_vqp 2 driver none
	fails 8 dev replace name "$DEV" mgmtdev vdpasim_blk mtu 2000
	says "\"$DEV\" is as it was"
	config_is '.mac == "02:00:00:00:00:01" and .mtu == 1400 and .max_vq_pairs == 2'
	replaces recreated mgmtdev mlx5_standin_hostile mtu 2000
	config_is '.mac == "02:00:00:00:00:01" and .mtu == 2000 and .max_vq_pairs == 2'
	works apply - <<<"{\"version\":1,\"devices\":[{\"name\":\"$DEV\",\"mgmtdev\":\"mlx5_standin_hostile\",\"mtu\":3000}]}"
	prints_exactly "~ $DEV recreate mtu 2000 -> 3000"
	config_is '.mac == "02:00:00:00:00:01" and .mtu == 3000 and .max_vq_pairs == 2'
	# What is given is never left out.
	fails 8 dev replace name "$DEV" mgmtdev mlx5_standin_odd mtu 1400
	says "\"$DEV\" is as it was" 'attributes are not supported'
	config_is '.mac == "02:00:00:00:00:01" and .mtu == 3000'
}

@test "refused before anything is done: words, features, drivers, unmanaged devices" {
	load_standin sf_count=1 extra=1
	autoprobe off
	works dev replace name "$DEV" mgmtdev vdpasim_net mtu 1400
	fails 8 dev replace name "$DEV" mgmtdev vdpasim_net device_features MQ
	fails 2 dev replace name "$DEV" mgmtdev vdpasim_net mtu x
	fails 2 dev replace name "$DEV"
	fails 2 dev replace name "$DEV" mgmtdev vdpasim_net mac 01:00:00:00:00:00
	fails 8 dev replace name vdpa0 mgmtdev vdpasim_net
	says 'its driver made it by itself'
	captures 6 as_nobody "$VDPACTL" dev replace name "$DEV" mgmtdev vdpasim_net mtu 1500
	config_is '.mtu == 1400'
	fails 3 dev replace name other mgmtdev nothing
	# Its force is not that of `dev add`.
	fails 2 dev replace name "$DEV" mgmtdev vdpasim_net mac 01:00:00:00:00:00 force
	fails 2 dev replace name 'a/b' mgmtdev vdpasim_net force
	fails 8 dev replace name other mgmtdev vdpasim_blk mac 02:00:00:00:00:01
	run ! device_exists other
}
