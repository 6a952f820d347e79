# SPDX-License-Identifier: GPL-2.0-or-later
# apply: devices that are deleted and made anew, or are not as they are in use.
# kernels: 6.12
# lab: --parents mlx5 -c 1

load helpers
load apply

@test "made anew: what the file does not give is as it was, the driver and the char device's owner, too" {
	devices "${NET/,\"driver*/\}}" "$SF" '{"name":"up","mgmtdev":"vdpasim_net","mtu":1400,"driver":"virtio_vdpa"}'
	works dev add name net mgmtdev vdpasim_net mac 02:00:00:00:00:01 mtu 1400 driver vhost_vdpa group daemon
	works apply "$FILE"
	prints '~ net recreate mtu 1400 -> 9000'
	devices '{"name":"net","mgmtdev":"vdpasim_net","mtu":2000}' \
		'{"name":"sf","mgmtdev":"auxiliary/mlx5_core.sf.1","max_vqp":3}' '{"name":"up","mgmtdev":"vdpasim_net","mtu":1500}'
	works apply "$FILE"
	prints_exactly <<-'END'
		~ net recreate mtu 9000 -> 2000
		~ sf recreate max_vqp 2 -> 3
		~ up recreate mtu 1400 -> 1500
	END
	settled
	works -d -j dev show
	has_json '.dev | .net.driver == "vhost_vdpa" and (.sf | has("driver") | not) and .up.driver == "virtio_vdpa"'
	works -d -j dev config show net
	has_json '.config.net | .mac == "02:00:00:00:00:01" and .mtu == 2000'
	works -d -j dev config show sf
	has_json '.config.sf | .mac == "02:00:00:00:00:02" and .max_vq_pairs == 3'
	[[ $(stat -c %G "/dev/$(below net 'vhost-vdpa-*')") == daemon ]]
	rm -r /dev/vdpa
}

inode() { stat -L -c %i "/sys/bus/vdpa/devices/$1/"; }

@test "what is made anew is not touched before its turn to make devices has come" {
	local before
	devices "$NET" "$BLK"
	works apply "$FILE"
	before=$(inode net)
	devices "${NET/9000/1400}" "$BLK"
	mkfifo "$BATS_TEST_TMPDIR/go"
	flock /run/vdpactl/bind.lock cat "$BATS_TEST_TMPDIR/go" 3>&- &
	CHILDREN+=("$!")
	wait_until 5 eval '! flock -n /run/vdpactl/bind.lock true'
	captures 9 vdpactl --timeout 1 apply "$FILE"
	says 'another vdpactl holds it'
	prints '~ net recreate mtu 9000 -> 1400 (failed)'
	: >"$BATS_TEST_TMPDIR/go"
	[[ $(inode net) == "$before" && -n $(below net 'vhost-vdpa-*') ]]
	works apply "$FILE"
	settled
}

@test "a signal between a deletion and the new device: what was deleted is put back" {
	many r 3000 ',"mtu":1400,"driver":"none"'
	works apply "$FILE"
	sed -i s/:1400/:1500/ "$FILE"
	"$VDPACTL" apply "$FILE" >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	wait_until 20 eval '! device_exists r2'
	kill -TERM "$!"
	wait "$!" && failed "ended well"
	[[ $(count) == 3000 ]] || failed "$(count) devices are left"
	grep -q '"r2" is as it was' "$BATS_TEST_TMPDIR/err"
	works dev config show r2
	prints 'mtu 1400'
}

@test "the parent does not take the new one: the old one is put back, with its owner and its link" {
	load_standin sf_count=2
	devices "${SF/none/vhost_vdpa\",\"group\":\"daemon}" '{"name":"two","mgmtdev":"auxiliary/mlx5_core.sf.2","driver":"vhost_vdpa"}'
	works apply "$FILE"
	devices '{"name":"sf","mgmtdev":"auxiliary/mlx5_core.sf.1","device_features":"MAC,MTU,MQ,CTRL_VQ"}' \
		'{"name":"two","mgmtdev":"auxiliary/mlx5_core.sf.2","device_features":"MAC,MTU"}'
	captures 8 vdpactl apply "$FILE"
	says '"sf" is as it was' '"two" is as it was'
	[[ $(stat -L -c %U:%G:%a /dev/vdpa/by-name/sf) == root:daemon:600 && $(stat -L -c %U:%G:%a /dev/vdpa/by-name/two) == root:root:600 ]]
	[[ $(readlink /dev/vdpa/by-name/two) == "../../$(below two 'vhost-vdpa-*')" ]]
	works dev config show sf
	prints 'mac 02:00:00:00:00:02' 'max_vq_pairs 2'
	rm -r /dev/vdpa
}

@test "what is in use is neither deleted nor made again; with force an interface that is up is" {
	local node disk pid
	devices "$NET" "$BLK" '{"name":"up","mgmtdev":"vdpasim_net","mac":"02:00:00:00:00:03","driver":"virtio_vdpa"}'
	works apply "$FILE"
	node=$(below net 'vhost-vdpa-*')
	disk=$(below blk 'virtio*/block/*')
	sleep 100 <"/dev/$node" 3>&- &
	CHILDREN+=("$!")
	pid=$!
	wait_until 5 test -e "/proc/$pid/fd/0"
	ip link set "$(below up 'virtio*/net/*')" up
	sleep 100 <"/dev/$disk" 3>&- &
	CHILDREN+=("$!")
	devices "${NET/9000/1400}"
	captures 5 vdpactl apply "$FILE" prune
	says "is open in $pid (sleep)" 'interface ' 'of "up" is up' "/dev/$disk is open in"
	[[ $(count) == 3 ]]
	captures 9 vdpactl apply "$FILE" prune force
	says "is open in $pid (sleep)" "/dev/$disk is open in"
	[[ $(count) == 2 ]] && device_exists net && device_exists blk
	for pid in "${CHILDREN[@]}"; do
		kill "$pid"
		wait "$pid" || true
	done
	works apply "$FILE" prune
	prints_exactly $'~ net recreate mtu 9000 -> 1400\n- blk'
}
