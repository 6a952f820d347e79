# SPDX-License-Identifier: GPL-2.0-or-later
# dev resolve of what lives on PCI functions and subfunctions, and where dev show -d says that it does.
# kernels: 6.12
# lab: --parents ifcvf,vp_vdpa,mlx5 -c 1

load helpers
load tools
load resolve

@test "PCI functions and subfunctions: by address, auxiliary device, interface; with their location" {
	local net
	autoprobe off
	works dev add name i mgmtdev pci/0000:00:0a.0
	works dev add name v mgmtdev pci/0000:00:0b.0 driver virtio_vdpa wait
	works dev add name s1 mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:00:01 driver virtio_vdpa wait
	works dev add name s2 mgmtdev auxiliary/mlx5_core.sf.2 mac 02:00:00:00:00:02 driver virtio_vdpa wait
	resolves pci 0000:00:0a.0 i
	resolves pci 00:0a.0 i
	resolves pci pci/0000:00:0b.0 v
	resolves auxiliary mlx5_core.sf.1 s1
	resolves auxiliary auxiliary/mlx5_core.sf.2 s2
	works dev resolve 0000:03:00.0
	[[ $(sort <<<"$output") == s1$'\n's2 ]]
	works -d -j dev show
	has_json '.dev.i | .pci == "0000:00:0a.0" and .pf == .pci and (has("vf") or has("sf") or has("representor") | not)'
	has_json '[.dev.s1, .dev.s2] | map([.pci, .pf, .sf]) == [["0000:03:00.0", "0000:03:00.0", 1001],
		["0000:03:00.0", "0000:03:00.0", 1002]]'
	for name in s1 s2 v; do
		net=$(jq -r --arg n "$name" '.dev[$n].netdev.name' <<<"$output")
		resolves netdev "$net" "$name"
		works -d -j dev show
		resolves virtio "$(jq -r --arg n "$name" '.dev[$n].virtio' <<<"$output")" "$name"
		works -d -j dev show
	done
	works -d dev show s1
	prints ' parent mlx5_core.sf.1 parent_bus auxiliary parent_driver mlx5_core.sf pci 0000:03:00.0 pf 0000:03:00.0 sf 1001'
}
