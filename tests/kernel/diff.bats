# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154
# lab: --parents ifcvf,vp_vdpa,mlx5 -c 1
# kernels: 6.12
# builds: gcc
# seconds: 60
#
# iproute2's vdpa and ours called as `vdpa` must agree on everything; what
# differs on purpose stands in the tests named "F ...": nothing else may.

load helpers
load diff

setup() {
	common_setup
	diff_setup
}

# A device on each parent, bound to nothing, bound to virtio_vdpa (features negotiated), or to vhost_vdpa.
population() {
	vdpactl -b - <<-'END'
		dev add name net0 mgmtdev vdpasim_net
		dev add name net1 mgmtdev vdpasim_net mac 02:00:00:00:00:01 mtu 9000
		dev add name blk0 mgmtdev vdpasim_blk
		dev add name sf mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 32 mac 02:00:00:00:00:02
		dev add name vdpa:0000:03:00.2 mgmtdev pci/0000:03:00.2
		dev add name vf mgmtdev pci/0000:00:0a.0
		dev add name vp mgmtdev pci/0000:00:0b.0
	END
}

@test "K help, versions' exit status and usage errors" {
	agree <<-'END'
		
		help
		h
		-h
		--help
		mgmtdev
		mgmtdev help
		dev help
		dev h
		dev config help
		dev vstats help
		nothing
		dev nothing
		mgmtdev nothing
		dev config nothing
		dev vstats nothing
		dev vstats
		dev vstats show
		-j dev vstats show
		dev add
		-j dev add
		dev add name
		dev add name x
		-jp dev add name x
		dev add mgmtdev vdpasim_net
		dev add name x mgmtdev a/b/c
		dev add name x mgmtdev vdpasim_net nonsense 1
		dev del
		-j dev del
		-x
		-s dev show
		-n dev show
		-json dev show
		-p dev show
		--json --pretty mgmtdev show
		-p mgmtdev show vdpasim_net
		--nonsense dev show
		-j nothing
		-jp dev nothing
		mgmtdev show a/b/c
		-j mgmtdev show a/b/c
	END
}

@test "K listings without a device" {
	agree_in_all_forms <<-'END'
		mgmtdev show
		mgmtdev list
		mgmtdev show vdpasim_net
		m s vdpasim_blk
		mgmtdev show auxiliary/mlx5_core.sf.1
		mgmtdev show pci/0000:00:0a.0
		mgmtdev show pci/0000:00:0b.0
		mgmtdev show vduse
		mgmtdev show nothing
		mgmtdev show mlx5_core.sf.1
		dev
		dev show
		dev list
		dev config
		dev config show
		dev show nothing
		dev config show nothing
	END
}

@test "K listings with devices of every parent" {
	population
	agree_in_all_forms <<-'END'
		dev
		d s
		dev l
		dev show
		dev show net1
		dev show vdpa:0000:03:00.2
		dev config
		dev c s
		dev config show
	END
	for device in net0 net1 blk0 sf vdpa:0000:03:00.2 vf vp; do
		printf '%s\n' "dev config show $device" "-j dev config show $device" "-jp dev show $device"
	done | agree
	run -0 iproute2 -jp dev config show
	jq -S . <<<"$output" >"$WORK/theirs"
	run -0 as_vdpa -jp dev config show
	jq -S . <<<"$output" | diff "$WORK/theirs" -
}

@test "K listings of 300 devices are the same in the same order" {
	make_devices many 300
	agree <<-'END'
		dev show
		-j dev show
		-jp dev config show
	END
}

@test "K vendor statistics" {
	autoprobe off
	population
	bind sf virtio_vdpa
	for queue in 0 1 2 31 63 64; do
		printf '%s\n' "dev vstats show sf qidx $queue" "-j dev vstats show sf qidx $queue" \
			"-jp dev vstats show sf qidx $queue"
	done | agree
	newer_peers
	agree <<-'END'
		-j dev vstats show net0 qidx 0
		dev vstats show nothing qidx 0
		-j dev vstats show sf qidx 65
		-j dev vstats show sf qidx 100000
		dev vstats show blk0 qidx 0
		-j dev vstats show blk0 qidx 0
		dev vstats show sf
		-j dev vstats show sf qidx
		-j dev vstats show sf qidx 1 2
		dev vstats show sf qidx x
	END
}

@test "K adding: same status, same device" {
	agree_on_change "" <<-'END'
		dev add name a mgmtdev vdpasim_net
		-j dev add name a mgmtdev vdpasim_net
		dev add n a m vdpasim_net
		dev add mgmtdev vdpasim_net name a
		dev add name a name b mgmtdev vdpasim_net
		dev add name a mgmtdev vdpasim_net mac 2:0:0:a:b:c
		dev add name a mgmtdev vdpasim_net mtu 1400 mac 02:00:00:00:00:09
		dev add name a mgmtdev vdpasim_net mtu 10
		dev add name a mgmtdev vdpasim_net mtu 65536
		dev add name a mgmtdev vdpasim_net mtu 0x5dc
		dev add name a mgmtdev vdpasim_net mtu abc
		dev add name a mgmtdev vdpasim_net max_vqp 2
		dev add name a mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 8
		dev add name a mgmtdev auxiliary/mlx5_core.sf.1 ma 8
		dev add name a mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 0
		dev add name a mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 999
		dev add name a mgmtdev auxiliary/mlx5_core.sf.99
		dev add name a mgmtdev vdpasim_blk
		dev add name a mgmtdev vdpasim_blk mac 02:00:00:00:00:09
		dev add name a mgmtdev vduse
		dev add name a mgmtdev nothing
		dev add name a mgmtdev pci/0000:00:0a.0
		dev add name a mgmtdev vdpasim_net mac zz
	END
}

@test "K adding with device_features and changing a MAC, on peers that can" {
	newer_peers
	agree_on_change "" <<-'END'
		dev add name a mgmtdev vdpasim_net device_features 0x300000020
		dev add name a mgmtdev vdpasim_net device_features 300000020 mac 02:00:00:00:00:09
		dev add name a mgmtdev vdpasim_net device_features 12
		dev add name a mgmtdev vdpasim_net device_features zz
		dev add name a mgmtdev vdpasim_net mac 02:00:00:00:00:09 device_features 300000000
	END
	agree_on_change "dev add name net0 mgmtdev vdpasim_net" <<-'END'
		dev set name net0 mac 02:00:00:00:00:0a
		-j dev set name net0 mac 02:00:00:00:00:0a
		dev set name net0
		dev set name nothing mac 02:00:00:00:00:0a
		dev set mac 02:00:00:00:00:0a
	END
	agree_on_change "dev add name a mgmtdev vdpasim_blk" <<-'END'
		dev set name a mac 02:00:00:00:00:0a
	END
}

@test "K deleting" {
	agree_on_change $'dev add name net0 mgmtdev vdpasim_net\ndev add name net1 mgmtdev vdpasim_net' <<-'END'
		dev del net0
		-j dev del net1
		dev del nothing
		-jp dev del nothing
		dev del net0 net1 nothing
		dev d net0
	END
}

# The programs stand where that user may not look.
@test "K as an unprivileged user" {
	local link=/dev/shm/vdpa
	ln -sf "$VDPACTL" "$link"
	cp "${PEERS[-1]}" /dev/shm/peer
	PEERS[-1]=/dev/shm/peer
	vdpactl dev add name net0 mgmtdev vdpasim_net
	for peer in "${PEERS[@]}"; do
		setpriv --reuid 65534 --regid 65534 --clear-groups -- "$DIFF_RUN" "$peer" "$link" <<-'END'
			dev show
			-j dev show
			mgmtdev show
			dev config show
			dev del net0
			dev add name b mgmtdev vdpasim_net
		END
	done
	device_exists net0
	run -1 --separate-stderr as_nobody "$link" -j dev vstats show net0 qidx 0
	prints_exactly '{"vstats":{}}'
}

# ---- what we do better on purpose --------------------------------------------

@test "F a word too many is refused and not dropped (D2)" {
	vdpactl dev add name net0 mgmtdev vdpasim_net
	for peer in "${PEERS[@]}"; do
		run -0 "$peer" dev show net0 junk
		run -0 "$peer" mgmtdev show vdpasim_net junk
		run -0 "$peer" dev add name a mgmtdev vdpasim_net mac
		run -0 "$peer" dev del a junk
	done
	run -1 as_vdpa dev show net0 junk
	run -1 as_vdpa mgmtdev show vdpasim_net junk
	run -1 as_vdpa dev add name a mgmtdev vdpasim_net mac
	run ! device_exists a
	run -1 as_vdpa dev del net0 junk
	device_exists net0
}

@test "F the control virtqueue has its name without MQ (D4)" {
	vdpactl dev add name net0 mgmtdev vdpasim_net
	for peer in "${PEERS[@]}"; do
		run -0 "$peer" dev vstats show net0 qidx 0
		prints 'queue_type control_vq'
		run -0 "$peer" dev vstats show net0 qidx 2
		prints 'queue_type rx'
	done
	run -0 as_vdpa dev vstats show net0 qidx 0
	prints 'net0: queue_type rx rx packets 0 '
	run -0 as_vdpa dev vstats show net0 qidx 2
	prints 'queue_type control_vq'
}

@test "F a MAC address has six octets (D8)" {
	for mac in 02 02:00 1.2.3.4 02:00:00:00:00:1z 02:00:00:00:00:09:07; do
		for peer in "${PEERS[@]}"; do
			run -0 "$peer" dev add name a mgmtdev vdpasim_net mac "$mac"
			run -0 "$peer" dev del a
		done
		run -1 as_vdpa dev add name a mgmtdev vdpasim_net mac "$mac"
		run ! device_exists a
	done
}

@test "F a device that can't answer does not hide those behind it (D14)" {
	rmmod mlx5_standin
	load_standin odd_id=5
	vdpactl -b - <<-'END'
		dev add name first mgmtdev vdpasim_net
		dev add name odd mgmtdev mlx5_standin_odd
		dev add name last mgmtdev vdpasim_net
	END
	for peer in "${PEERS[@]}"; do
		run -0 "$peer" -j dev config show
		has_json '.config | keys == ["first"]'
	done
	run -0 --separate-stderr as_vdpa -j dev config show
	has_json '.config | keys == ["first", "last"]'
}

@test "F long names do not overflow (D3)" {
	local name
	name=$(printf 'n%.0s' {1..200})
	vdpactl dev add name "$name" mgmtdev vdpasim_net
	for peer in "${PEERS[@]}"; do
		run "$peer" dev show
		((status > 1)) || [[ $output != *"$name"* ]]
	done
	run -0 as_vdpa dev show
	prints_exactly "$name: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256"
}

@test "F help without the family (D17)" {
	for peer in "${PEERS[@]}"; do
		run -1 in_other_netns "$peer" help
	done
	run -0 in_other_netns "$LEGACY" help
	run -0 in_other_netns "$LEGACY" dev help
	run -1 in_other_netns "$LEGACY" dev show
}
