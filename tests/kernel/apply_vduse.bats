# SPDX-License-Identifier: GPL-2.0-or-later
# save and apply of VDUSE disks, with daemons of this build.
# kernels: 6.12 7.2
# builds: gcc
# lab: -c 1

load helpers
load tools

# A state file with these VDUSE devices, an object each.
disks() { # DISK...
	local IFS=,
	printf '{"version":1,"vduse":[%s]}\n' "$*" >"$BATS_TEST_TMPDIR/f"
	FILE=$BATS_TEST_TMPDIR/f
}

readonly MEM='{"name":"mem","type":"block","backend":"mem:4M","queues":2,"serial":"S 1","readonly":true}'
readonly VM='{"name":"vm","type":"block","backend":"null:1G","driver":"vhost_vdpa"}'

settled() {
	works apply "$FILE"
	prints_exactly ''
}

pid_of() { vdpactl -j vduse show "$1" | jq ".vduse.$1.pid"; }

@test "disks are made as the file says, saved with all that their daemons were given, and made again from that" {
	disks "$MEM" "$VM"
	works --dry-run apply "$FILE"
	prints_exactly <<-'END'
		+ mem type block backend mem:4M queues 2 readonly true serial S 1
		+ vm type block backend null:1G driver vhost_vdpa
	END
	works apply "$FILE"
	[[ -b /dev/vda && -c /dev/vhost-vdpa-0 && $(</sys/bus/vdpa/drivers_autoprobe) == 1 ]]
	settled
	works save "$BATS_TEST_TMPDIR/saved"
	[[ $(stat -c %a "$BATS_TEST_TMPDIR/saved") == 600 ]]
	output=$(<"$BATS_TEST_TMPDIR/saved")
	has_json '.devices == [] and (.vduse[0] | .name == "mem" and .backend == "mem:4M" and .queues == 2 and
		.readonly == true and .serial == "S 1" and .driver == "virtio_vdpa") and .vduse[1].driver == "vhost_vdpa"'
	FILE=$BATS_TEST_TMPDIR/saved
	settled
	disks
	works apply "$FILE" prune
	prints_exactly $'- mem\n- vm'
	[[ ! -e /dev/vda && ! -e /run/vdused/mem ]]
	FILE=$BATS_TEST_TMPDIR/saved
	works apply "$FILE"
	settled
}

@test "in_order is saved, kept and compared; a disk with options that are not understood stays without force" {
	local pid
	works vduse add name mem type block backend mem:4M in_order on
	pid=$(pid_of mem)
	works save "$BATS_TEST_TMPDIR/saved"
	FILE=$BATS_TEST_TMPDIR/saved
	output=$(<"$FILE")
	has_json '.vduse[0].in_order == "on"'
	settled
	[[ $(pid_of mem) == "$pid" ]]
	disks '{"name":"mem","type":"block","backend":"mem:4M"}'
	works apply "$FILE"
	prints_exactly '~ mem recreate in_order on -> off'
	FILE=$BATS_TEST_TMPDIR/saved
	works apply "$FILE"
	prints_exactly '~ mem recreate in_order off -> on'
	settled
	pid=$(pid_of mem)
	printf -- '--later\0' >>/run/vdused/mem/options
	fails 1 save
	says 'the options of VDUSE device "mem" are not understood'
	captures 8 vdpactl apply "$FILE"
	says '"mem" is left as it is: its options are not understood' 'hint: "force" deletes it and makes it anew'
	prints_exactly '~ mem recreate options unknown (failed)'
	[[ -b /dev/vda && $(pid_of mem) == "$pid" ]]
	works apply "$FILE" force
	prints_exactly '~ mem recreate options unknown'
	settled
}

@test "what JSON cannot hold is not saved as another text, from which the disk would be made anew" {
	works vduse add name mem type block backend mem:4M serial $'S\xff'
	fails 1 save "$BATS_TEST_TMPDIR/saved"
	says 'VDUSE device "mem" cannot be saved: its serial number "S\xff" is not UTF-8'
	[[ ! -e $BATS_TEST_TMPDIR/saved ]]
	works vduse del mem
}

@test "the new daemon cannot start: the disk is put back with what it was served with" {
	truncate -s 8M "$BATS_TEST_TMPDIR/image"
	chmod 666 "$BATS_TEST_TMPDIR/image"
	disks "${MEM/mem:4M/file:$BATS_TEST_TMPDIR/image}" "$VM"
	works apply "$FILE"
	chown nobody /dev/vhost-vdpa-0
	[[ -L /dev/vdpa/by-name/vm ]]
	disks "${MEM/mem:4M/file:/no/where}" "${VM/null:1G/file:/no/where}"
	captures 1 vdpactl apply "$FILE"
	says 'the daemon of "mem" does not start' '"mem" is as it was' '"vm" is as it was'
	disks "${MEM/mem:4M/file:$BATS_TEST_TMPDIR/image}" "$VM"
	settled
	[[ -b /dev/vda && $(stat -c %U:%F /dev/vhost-vdpa-0) == "nobody:character special file" ]]
	[[ $(readlink /dev/vdpa/by-name/vm) == ../../vhost-vdpa-0 ]]
	rm -r /dev/vdpa
}

@test "another driver needs no new daemon, other options do" {
	local pid
	disks "$MEM" "$VM"
	works apply "$FILE"
	pid=$(pid_of vm)
	disks "${MEM/4M/8M}" "${VM/vhost/virtio}"
	works apply "$FILE"
	prints '~ mem recreate backend mem:4M -> mem:8M' '~ vm driver vhost_vdpa -> virtio_vdpa'
	[[ $(pid_of vm) == "$pid" ]]
	works vduse show mem
	prints 'backend mem:8M'
	settled
}

@test "a daemon that died is replaced, a device that is not attached is, and a disk in use stays" {
	disks "$MEM"
	works apply "$FILE"
	kill -KILL "$(pid_of mem)"
	wait_until 20 eval '[[ $(vdpactl vduse show mem) == *"daemon gone"* ]]'
	works apply "$FILE"
	prints_exactly '~ mem daemon none -> new'
	settled
	works dev del mem
	works apply "$FILE"
	prints_exactly '~ mem attached false -> true, driver none -> virtio_vdpa'
	settled
	sleep 100 </dev/vda 3>&- &
	CHILDREN+=("$!")
	wait_until 20 eval '[[ /proc/$!/fd/0 -ef /dev/vda ]]'
	disks "${MEM/4M/8M}"
	captures 5 vdpactl apply "$FILE"
	says '/dev/vda is open in' '(sleep)'
	kill "${CHILDREN[-1]}"
	wait "${CHILDREN[-1]}" || true
	works apply "$FILE"
	prints 'backend mem:4M -> mem:8M'
}

@test "restore loads what VDUSE needs" {
	[[ ! -e /sys/module/vdpa_sim_net ]] || rmmod vdpa_sim_net vdpa_sim_blk vdpa_sim
	rmmod virtio_vdpa vhost_vdpa
	# Linux 7.2 keeps it in use after a daemon was killed and replaced.
	rmmod vduse 2>/dev/null || [[ $VDPACTL_LAB == 7.2 ]]
	disks "$MEM"
	works restore "$FILE"
	[[ -b /dev/vda ]]
	modprobe vhost_vdpa
}

@test "restore: disks do not wait for a parent that comes late, and are told once" {
	disks "$MEM"
	sed -i 's/,"vduse"/,"devices":[{"name":"never","mgmtdev":"pci\/0000:ff:00.0"}]&/' "$FILE"
	captures 9 vdpactl -j -d restore "$FILE" wait 1
	has_json '.apply | .done == 1 and .unchanged == 0 and (.plan | map(.name) == ["mem", "never"])'
	captures 9 vdpactl -j -d restore "$FILE" wait 1
	has_json '.apply | .done == 0 and .unchanged == 1 and (.plan | map(.name) == ["mem", "never"])'
}

@test "one that cannot start fails alone; what others serve is left alone" {
	stub_added other
	mkdir -p /etc/vdpactl/vduse.d
	echo 'backend mem:1M' >/etc/vdpactl/vduse.d/unit.conf
	disks "$MEM" '{"name":"bad","type":"block","backend":"file:/no/where"}' '{"name":"other","type":"block","backend":"mem:1M"}' \
		'{"name":"unit","type":"block","backend":"mem:1M"}'
	captures 9 vdpactl -j apply "$FILE" prune
	says 'the daemon of "bad" does not start: ' 'VDUSE device "other" is another program' '"unit" is started by vdused@.service'
	has_json '.apply.failed == ["bad", "other", "unit"] and .apply.done == 1'
	captures 0 vdpactl save
	says 'left out, VDUSE devices of another program: "other"'
	has_json '.vduse | map(.name) == ["mem"]'
	disks
	works apply "$FILE" prune
	prints_exactly '- mem'
	device_exists other
	rm /etc/vdpactl/vduse.d/unit.conf
}

@test "a disk whose owner this host does not know is there, and not given away" {
	echo '{"version":1,"devices":[],"vduse":[{"name":"vm","type":"block","backend":"null:1G","driver":"vhost_vdpa","owner":"no-such-user"}]}' \
		>"$WORK/state"
	captures 1 vdpactl apply "$WORK/state"
	says 'the char device of "vm" is not given away: owner "no-such-user" is not'
	[[ $(stat -c %U:%a /dev/vhost-vdpa-0) == root:600 ]]
	captures 1 vdpactl apply "$WORK/state"
	prints_exactly '~ vm owner root -> no-such-user (failed)'
	works vduse del vm
}

@test "a disk's char device is given again to its owner" {
	works vduse add name vm type block backend null:1G driver vhost_vdpa owner nobody group daemon mode 0660
	works save "$BATS_TEST_TMPDIR/saved"
	FILE=$BATS_TEST_TMPDIR/saved
	output=$(<"$FILE")
	has_json '.vduse[0] | .owner == "nobody" and .group == "daemon" and .mode == "660"'
	settled
	works dev export vm format commands
	prints ' driver vhost_vdpa owner nobody group daemon mode 660'
	works vduse del vm
	works apply "$FILE"
	prints ' driver vhost_vdpa owner nobody group daemon mode 660'
	[[ $(stat -c %U:%G:%a /dev/vhost-vdpa-0) == nobody:daemon:660 && -L /dev/vdpa/by-name/vm ]]
	chmod 600 /dev/vhost-vdpa-0
	works apply "$FILE"
	prints_exactly '~ vm mode 600 -> 660'
	settled
	rm -r /dev/vdpa
}
