# SPDX-License-Identifier: GPL-2.0-or-later
# A kernel with vduse and no other parent: what every command does there, for whom and where. Kernels with
# simulators have tests of their own for this.
# kernels: 7.2
# lab: -c 1

load helpers
load tools

# The first, as on Linux 7.2 nothing unloads vduse once a device was added twice.
@test "without the vdpa module: exit 8, the hint says what to load; help needs no kernel" {
	modprobe -r vduse
	works mgmtdev show
	prints_exactly ''
	modprobe -r virtio_vdpa vhost_vdpa
	modprobe -r vdpa || true
	[[ ! -e /sys/module/vdpa ]]
	fails 8 dev show
	says 'hint: the vdpa module is not loaded: `modprobe vdpa`'
	fails 8 mgmtdev show
	fails 8 dev add name "$DEV" mgmtdev vduse
	works dev help
	prints 'vdpactl dev'
	modprobe -a virtio_vdpa vhost_vdpa vduse
}

@test "mgmtdev show: vduse alone; no devices" {
	works -j mgmtdev show
	has_json '.mgmtdev | keys == ["vduse"]'
	works mgmtdev
	prints_exactly <<-'END'
		vduse: 
		  supported_classes net block
		  max_supported_vqs 0
		  dev_features
	END
	works dev show
	prints_exactly ''
	works -j dev show
	prints_exactly '{"dev":{}}'
	works -j dev config show
	prints_exactly '{"config":{}}'
}

@test "an unprivileged user sees everything but statistics, and changes nothing: exit 6 and a hint" {
	stub_added "$DEV" --type net --queues 2 --features 20
	stub other
	captures 0 as_nobody "$VDPACTL" dev show "$DEV"
	prints "$DEV: type network"
	captures 0 as_nobody "$VDPACTL" dev config show "$DEV"
	prints 'mac 02:00:00:00:00:01'
	captures 0 as_nobody "$VDPACTL" mgmtdev show vduse
	captures 0 as_nobody "$VDPACTL" -d -j dev show "$DEV"
	has_json '.dev[$n].netdev.name == $i' --arg n "$DEV" --arg i "$(below "$DEV" 'virtio*/net/*')"
	captures 6 as_nobody "$VDPACTL" dev add name other mgmtdev vduse
	says 'CAP_NET_ADMIN'
	captures 6 as_nobody "$VDPACTL" dev del "$DEV"
	says 'CAP_NET_ADMIN'
	captures 6 as_nobody "$VDPACTL" dev set name "$DEV" mac 02:00:00:00:00:02
	says 'CAP_NET_ADMIN'
	captures 6 as_nobody "$VDPACTL" dev vstats show "$DEV"
	says 'CAP_NET_ADMIN'
	device_exists "$DEV"
	gone other
}

@test "in another network namespace: exit 8, and the hint names it and the way out" {
	stub_added "$DEV"
	captures 8 in_other_netns "$VDPACTL" dev show
	says 'network namespace of its own' 'nsenter -t 1 -n'
	captures 8 in_other_netns "$VDPACTL" dev del "$DEV"
	device_exists "$DEV"
	captures 0 in_other_netns nsenter -t 1 -n "$VDPACTL" dev show "$DEV"
	prints "$DEV: type block"
	captures 0 in_other_netns "$VDPACTL" dev add help
}

@test "what is not there: exit 3" {
	fails 3 dev show nothing
	fails 3 dev del nothing
	fails 3 dev config show nothing
	fails 3 dev vstats show nothing
	fails 3 dev set name nothing mac 02:00:00:00:00:02
	fails 3 mgmtdev show nothing
	works dev del nothing if_exists
	fails 3 dev add name x mgmtdev pci/0000:00:01.0
	says 'hint: ' 'mgmtdev show'
	fails 3 dev add name x mgmtdev vdpasim_net
	says 'hint: load its driver: `modprobe vdpa_sim_net`'
}

@test "names that can't be devices: exit 2, and force leaves them to the kernel" {
	fails 2 dev add name a/b mgmtdev vduse
	fails 2 dev add name . mgmtdev vduse
	fails 1 dev add name a/b mgmtdev vduse force
	fails 1 dev add name .. mgmtdev vduse force
}

@test "two processes that add the same device at once: one does, the other says that it exists" {
	local first second=0
	stub "$DEV"
	vdpactl dev add name "$DEV" mgmtdev vduse >/dev/null 2>"$BATS_TEST_TMPDIR/first" 3>&- &
	first=$!
	vdpactl dev add name "$DEV" mgmtdev vduse 2>"$BATS_TEST_TMPDIR/second" || second=$?
	if wait "$first"; then
		((second == 4))
	else
		((second == 0))
	fi
	works dev show "$DEV"
}

@test "devices that come and go while they are listed: no failure, and those that stay are always there" {
	local i noise
	stub_added stays
	stub flickers
	while :; do
		vdpactl dev add name flickers mgmtdev vduse
		vdpactl dev del flickers
	done >/dev/null 2>&1 3>&- &
	noise=$!
	CHILDREN+=("$noise")
	for i in 1 2 3; do
		works -j dev show
		has_json '.dev | has("stays") and (keys - ["flickers", "stays"] == [])'
		captures 0 vdpactl -j dev config show
		has_json '.config | has("stays")'
	done
	kill "$noise"
	wait "$noise" || true
}
