# SPDX-License-Identifier: GPL-2.0-or-later
# dev resolve of what lives on PCI functions and subfunctions, and where dev show -d says that it does.
# kernels: 6.12
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

@test "PCI functions and subfunctions: by address, auxiliary device, interface; with their location" {
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
