# SPDX-License-Identifier: GPL-2.0-or-later
# Parents on PCI: the kernel's ifcvf and vp_vdpa drivers on virtio functions, and the stand-in for mlx5 with
# subfunctions below one physical function. There a virtio device does not stand below its vDPA device in sysfs.
# kernels: 6.12
# lab: --parents ifcvf,vp_vdpa,mlx5 -c 1
# seconds: 45

load helpers
load tools

IFCVF=pci/0000:00:0a.0 VP_VDPA=pci/0000:00:0b.0 VF=pci/0000:03:00.2 SF=auxiliary/mlx5_core.sf

setup() {
	tools_setup
	declare -gA VIRTIO=()
}

# Adds a device that virtio_vdpa takes, and remembers in VIRTIO which virtio device came with it.
add_virtio() { # DEVICE MGMTDEV [ARGUMENT...]
	local path before
	before=" $(echo /sys/bus/virtio/devices/*) "
	vdpactl dev add name "$1" mgmtdev "$2" "${@:3}"
	VIRTIO[$1]=
	for path in /sys/bus/virtio/devices/*; do
		[[ $before == *" $path "* ]] || VIRTIO[$1]+=${path##*/}
	done
	[[ ${VIRTIO[$1]} == virtio+([0-9]) ]] || failed "not one virtio device came with $1: ${VIRTIO[$1]}"
}

netdev_of() { # VIRTIO
	local path
	for path in /sys/bus/virtio/devices/"$1"/net/*; do
		echo "${path##*/}"
	done
}

# -d dev show names for each of DEVICE exactly the virtio device and interface that came with it.
each_has_its_own() { # DEVICE...
	local device
	works -d -j dev show
	for device; do
		has_json '.dev[$n] | .driver == "virtio_vdpa" and .virtio == $v and .netdev.name == $i' \
			--arg n "$device" --arg v "${VIRTIO[$device]}" --arg i "$(netdev_of "${VIRTIO[$device]}")"
	done
}

# The same, but nothing may be named either.
own_or_none() { # DEVICE...
	local device
	works -d -j dev show
	for device; do
		has_json '.dev[$n] | .driver == "virtio_vdpa" and (.virtio == null or .virtio == $v) and
			(.netdev == null or .netdev.name == $i)' \
			--arg n "$device" --arg v "${VIRTIO[$device]}" --arg i "$(netdev_of "${VIRTIO[$device]}")"
	done
}

@test "mgmtdev show: each parent by its handle" {
	local handle
	works -j mgmtdev show
	for handle in "$IFCVF" "$VP_VDPA" "$VF" "$SF.1" "$SF.4"; do
		has_json '.mgmtdev[$h] | .supported_classes == ["net"] and (.dev_features | index("MAC") and index("VERSION_1"))' \
			--arg h "$handle"
	done
	works -j mgmtdev show "$IFCVF" "$VP_VDPA"
	has_json '.mgmtdev | map_values([.max_supported_vqs, (.dev_features | index("ACCESS_PLATFORM") != null)]) ==
		{"pci/0000:00:0a.0": [3, false], "pci/0000:00:0b.0": [3, true]}'
	works mgmtdev show "$VP_VDPA"
	prints "$VP_VDPA: 
  supported_classes net
  max_supported_vqs 3
  dev_features "
	fails 3 mgmtdev show 0000:00:0b.0
	says 'cannot show management device "0000:00:0b.0"'
}

@test "ifcvf: add, show, config, del; it offers no ACCESS_PLATFORM, so its virtio device gets no interface" {
	add_virtio "$DEV" "$IFCVF"
	works dev show "$DEV"
	prints "$DEV: type network mgmtdev $IFCVF vendor_id "
	works -d -j dev show "$DEV"
	has_json '.dev[$n] | .driver == "virtio_vdpa" and .virtio == $v and .parent == "0000:00:0a.0" and
		.parent_bus == "pci" and .parent_driver == "ifcvf" and (has("netdev") | not)' \
		--arg n "$DEV" --arg v "${VIRTIO[$DEV]}"
	works -j dev config show "$DEV"
	has_json '.config[$n].mac == "52:54:00:00:00:0a"' --arg n "$DEV"
	bind "$DEV" vhost_vdpa
	works -d -j dev show "$DEV"
	has_json '.dev[$n] | .driver == "vhost_vdpa" and .chardev == $c and (has("virtio") | not)' \
		--arg n "$DEV" --arg c "$(chardev "$DEV")"
	works dev del "$DEV"
	gone "$DEV"
}

@test "vp_vdpa: add, show with the interface below the parent, config, del" {
	add_virtio "$DEV" "$VP_VDPA"
	each_has_its_own "$DEV"
	has_json '.dev[$n] | .parent == "0000:00:0b.0" and .parent_bus == "pci" and .parent_driver == "vp-vdpa" and
		.netdev.mac == "52:54:00:00:00:0b"' --arg n "$DEV"
	[[ -e /sys/bus/pci/devices/0000:00:0b.0/${VIRTIO[$DEV]} ]]
	works dev config show "$DEV"
	prints "$DEV: mac 52:54:00:00:00:0b link up" $'\n  negotiated_features ' ' MAC '
	works dev del "$DEV"
	gone "$DEV"
}

@test "mlx5 on a PCI function: the interface below the parent" {
	add_virtio "$DEV" "$VF" mac 02:00:00:00:00:05
	each_has_its_own "$DEV"
	has_json '.dev[$n] | .parent == "0000:03:00.2" and .parent_bus == "pci" and .parent_driver == "mlx5_core" and
		.netdev.mac == "02:00:00:00:00:05"' --arg n "$DEV"
	works dev del "$DEV"
}

@test "device_features on ifcvf and vp_vdpa, refused attributes with what the driver takes" {
	autoprobe off
	works dev add name "$DEV" mgmtdev "$VP_VDPA" device_features MAC,VERSION_1,ACCESS_PLATFORM
	works -d -j dev config show "$DEV"
	has_json '.config[$n].device_features == ["MAC", "VERSION_1", "ACCESS_PLATFORM"]' --arg n "$DEV"
	works dev add name "$DEV.i" mgmtdev "$IFCVF" device_features 0x100000020
	works -d -j dev config show "$DEV.i"
	has_json '.config[$n].device_features == ["MAC", "VERSION_1"]' --arg n "$DEV.i"
	works dev del "$DEV" "$DEV.i"
	fails 8 dev add name "$DEV" mgmtdev "$VP_VDPA" mac 02:00:00:00:00:05
	says 'hint: this parent does not take mac; vp-vdpa takes device_features'
	fails 8 dev add name "$DEV" mgmtdev "$IFCVF" mtu 1400
	says 'hint: this parent does not take mtu; ifcvf takes device_features'
	fails 1 dev add name "$DEV" mgmtdev "$IFCVF" device_features 0x300000020
	says "hint: ACCESS_PLATFORM is not offered by management device \"$IFCVF\""
	gone "$DEV"
}

@test "dev set and vstats: ifcvf and vp_vdpa do neither, exit 8" {
	autoprobe off
	works dev add name i mgmtdev "$IFCVF"
	works dev add name v mgmtdev "$VP_VDPA"
	fails 8 dev set name i mac 02:00:00:00:00:05
	fails 8 dev set name v mac 02:00:00:00:00:05
	fails 8 dev vstats show i
	fails 8 dev vstats show v
}

# Had the second addition reached vp_vdpa, even in vain, the second deletion would have crashed the kernel.
@test "vp_vdpa: a second device is refused, nothing of that reaches the kernel, and the first lives on" {
	autoprobe off
	works dev add name "$DEV" mgmtdev "$VP_VDPA"
	fails 5 dev add name second mgmtdev "$VP_VDPA"
	says "busy: $VP_VDPA has device \"$DEV\" already, and vp-vdpa would drive it twice" "hint: delete \"$DEV\" first"
	fails 5 dev add name second mgmtdev "$VP_VDPA" device_features 0x300000020
	fails 4 dev add name "$DEV" mgmtdev "$VP_VDPA"
	captures 5 vdpactl -batch - <<<"dev add name second mgmtdev $VP_VDPA"
	captures 1 as_vdpa dev add name second mgmtdev "$VP_VDPA"
	works dev show
	prints_exactly "$DEV: type network mgmtdev $VP_VDPA vendor_id 6900 max_vqs 3 max_vq_size 256"
	works dev del "$DEV"
	works dev add name "$DEV" mgmtdev "$VP_VDPA"
	works dev del "$DEV"
	works dev add name second mgmtdev "$VP_VDPA"
	works dev del second
}

@test "vp_vdpa: a name that another parent's device has is refused before the driver hears of it" {
	autoprobe off
	works dev add name "$DEV" mgmtdev vdpasim_net
	fails 4 dev add name "$DEV" mgmtdev "$VP_VDPA"
	says "device \"$DEV\" exists already"
	works dev del "$DEV"
	works dev add name "$DEV" mgmtdev "$VP_VDPA"
	works dev del "$DEV"
}

@test "ifcvf: a second device is refused; force adds it, as the kernel does" {
	autoprobe off
	works dev add name "$DEV" mgmtdev "$IFCVF"
	fails 5 dev add name second mgmtdev "$IFCVF"
	says "busy: $IFCVF has device \"$DEV\" already, and ifcvf would drive it twice"
	gone second
	works dev add name second mgmtdev "$IFCVF" force
	works dev del second "$DEV"
	works dev add name "$DEV" mgmtdev "$IFCVF"
	works dev del "$DEV"
}

@test "mlx5: a second device is refused by the driver, and the hint says why" {
	autoprobe off
	works dev add name "$DEV" mgmtdev "$SF.1"
	fails 1 dev add name second mgmtdev "$SF.1"
	says 'hint: the parent is in use (one device a parent)'
	gone second
}

@test "subfunctions of one physical function: each device has its own virtio device and interface" {
	add_virtio a "$SF.1" mac 02:00:00:00:00:0a
	add_virtio b "$SF.2" mac 02:00:00:00:00:0b
	add_virtio c "$SF.3" mac 02:00:00:00:00:0c
	add_virtio vf "$VF" mac 02:00:00:00:00:0d
	add_virtio vp "$VP_VDPA"
	[[ -e /sys/bus/pci/devices/0000:03:00.0/${VIRTIO[a]} && -e /sys/bus/pci/devices/0000:03:00.0/${VIRTIO[b]} ]]
	each_has_its_own a b c vf vp
	has_json '.dev | [.a, .b, .c, .vf] | map(.netdev.mac) ==
		["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c", "02:00:00:00:00:0d"]'
	has_json '.dev.b | .parent == "mlx5_core.sf.2" and .parent_bus == "auxiliary" and .parent_driver == "mlx5_core.sf"'
	# Gone and come back in another order, and by another interface name.
	works dev del a b
	each_has_its_own c
	add_virtio b "$SF.2" mac 02:00:00:00:00:0b
	add_virtio a "$SF.1" mac 02:00:00:00:00:0a
	ip link set "$(netdev_of "${VIRTIO[c]}")" name renamed0
	each_has_its_own a b c
	has_json '.dev.c.netdev.name == "renamed0"'
}

@test "subfunctions: one that can't be told from its siblings gets none of theirs" {
	add_virtio a "$SF.1" mac 02:00:00:00:00:0a
	add_virtio b "$SF.2" mac 02:00:00:00:00:0b
	add_virtio c "$SF.3" mac 02:00:00:00:00:0c
	# Without its interface nothing tells whose a is.
	echo "${VIRTIO[a]}" >"/sys/bus/virtio/devices/${VIRTIO[a]}/driver/unbind"
	own_or_none a
	each_has_its_own b c
	# One that vhost_vdpa drives has no virtio device, however many there are.
	bind b vhost_vdpa
	works -d -j dev show b
	has_json '.dev.b | .driver == "vhost_vdpa" and (has("virtio") or has("netdev") | not)'
	own_or_none a
	each_has_its_own c
}

@test "subfunctions: an interface in another network namespace is not taken for a sibling's" {
	add_virtio a "$SF.1" mac 02:00:00:00:00:0a
	add_virtio b "$SF.2" mac 02:00:00:00:00:0b
	ip netns add other
	ip link set "$(netdev_of "${VIRTIO[a]}")" netns other
	own_or_none a
	each_has_its_own b
	ip netns del other
}

@test "subfunctions: the only one is found without an interface" {
	add_virtio a "$SF.1" mac 02:00:00:00:00:0a
	echo "${VIRTIO[a]}" >"/sys/bus/virtio/devices/${VIRTIO[a]}/driver/unbind"
	works -d -j dev show a
	has_json '.dev.a | .virtio == $v and (has("netdev") | not)' --arg v "${VIRTIO[a]}"
}

@test "subfunctions: long names that agree as far as the interface tells them" {
	local name=a-name-of-thirty-one-characters
	((${#name} == 31))
	add_virtio "$name" "$SF.1" mac 02:00:00:00:00:0a
	add_virtio "$name-1" "$SF.2" mac 02:00:00:00:00:0b
	add_virtio "$name-2" "$SF.3" mac 02:00:00:00:00:0c
	own_or_none "$name" "$name-1" "$name-2"
	works dev del "$name" "$name-2"
	# Now no other name begins like that.
	each_has_its_own "$name-1"
}
