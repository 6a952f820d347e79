# SPDX-License-Identifier: GPL-2.0-or-later
# dev resolve, and dev show -d's location, on hardware of the lab and on VDUSE.
# kernels: 6.12 7.2
# lab: --parents ifcvf,vp_vdpa,mlx5 -c 1

load helpers
load tools

is() { # KIND KEY NAME...
	local want
	printf -v want '%s\n' "${@:3}"
	works dev resolve "$2"
	prints_exactly "$want"
	works -j dev resolve "$2"
	has_json '.dev | keys == ($n | sort) and all(.[]; .resolved_by == $k)' --arg k "$1" --args \
		--argjson n "$(printf '%s\n' "${@:3}" | jq -R . | jq -s -c .)"
}

@test "VDUSE: node, link to it, disk, virtio device, name; nothing of another" {
	local disk virtio node
	stub a && stub b
	works dev add name a mgmtdev vduse driver vhost_vdpa
	works dev add name b mgmtdev vduse driver virtio_vdpa wait
	node=$(chardev a) disk=$(below b 'virtio*/block/*') virtio=$(below b 'virtio*')
	mkdir -p /dev/vdpa/by-name
	ln -sf "../../${node##*/}" /dev/vdpa/by-name/a
	is chardev "$node" a
	is chardev /dev/vdpa/by-name/a a
	is chardev "${node##*/}" a
	is blockdev "/dev/$disk" b
	is blockdev "$disk" b
	is virtio "$virtio" b
	is device a a
	is chardev /dev/vduse/b b
	works dev unbind b
	fails 3 dev resolve "$virtio"
	says "no vDPA device belongs to \"$virtio\""
	for key in nothing /dev/null /dev/nothing lo 0000:00:00.0 '..' '*' "$disk"; do
		fails 3 dev resolve "$key"
	done
	captures 0 as_nobody "$VDPACTL" dev resolve "$node"
	captures 3 vdpactl -j dev resolve nothing
	has_json '.dev == {} and .errors[0].code == "ENODEV"'
	rm -r /dev/vdpa
}

@test "a VDUSE net device: its interface" {
	stub "$DEV" --type net --queues 2 --features 10028 --mac 02:00:00:00:00:2a
	works dev add name "$DEV" mgmtdev vduse driver virtio_vdpa wait
	is netdev "$(below "$DEV" 'virtio*/net/*')" "$DEV"
}

@test "PCI functions and subfunctions: by address, auxiliary device, interface; with their location" {
	[[ -e /sys/module/mlx5_standin ]] || skip "expected: no parents on PCI for this kernel"
	local net
	autoprobe off
	works dev add name i mgmtdev pci/0000:00:0a.0
	works dev add name v mgmtdev pci/0000:00:0b.0 driver virtio_vdpa wait
	works dev add name s1 mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:00:01 driver virtio_vdpa wait
	works dev add name s2 mgmtdev auxiliary/mlx5_core.sf.2 mac 02:00:00:00:00:02 driver virtio_vdpa wait
	is pci 0000:00:0a.0 i
	is pci 00:0a.0 i
	is pci pci/0000:00:0b.0 v
	is auxiliary mlx5_core.sf.1 s1
	is auxiliary auxiliary/mlx5_core.sf.2 s2
	works dev resolve 0000:03:00.0
	[[ $(sort <<<"$output") == s1$'\n's2 ]]
	works -d -j dev show
	has_json '.dev.i | .pci == "0000:00:0a.0" and .pf == .pci and (has("vf") or has("sf") or has("representor") | not)'
	has_json '[.dev.s1, .dev.s2] | map([.pci, .pf, .sf]) == [["0000:03:00.0", "0000:03:00.0", 1001],
		["0000:03:00.0", "0000:03:00.0", 1002]]'
	for name in s1 s2 v; do
		net=$(jq -r --arg n "$name" '.dev[$n].netdev.name' <<<"$output")
		is netdev "$net" "$name"
		works -d -j dev show
		is virtio "$(jq -r --arg n "$name" '.dev[$n].virtio' <<<"$output")" "$name"
		works -d -j dev show
	done
	works -d dev show s1
	prints ' parent mlx5_core.sf.1 parent_bus auxiliary parent_driver mlx5_core.sf pci 0000:03:00.0 pf 0000:03:00.0 sf 1001'
}

@test "devices come and go while they are listed: no failure, and nothing but what is there" {
	[[ -e /sys/module/vdpa_sim_net ]] || skip "expected: no simulators for this kernel"
	autoprobe off
	seq -f 'dev add name x%g mgmtdev vdpasim_net driver vhost_vdpa' 400 >"$BATS_TEST_TMPDIR/batch"
	echo "dev del x*" >>"$BATS_TEST_TMPDIR/batch"
	background "$VDPACTL" -q -batch "$BATS_TEST_TMPDIR/batch"
	while kill -0 "${CHILDREN[-1]}" 2>/dev/null; do
		works -d -j dev show
		captures 0 vdpactl dev resolve x1 || [[ $status == 3 ]]
	done
	CHILDREN=()
	no_devices
}
