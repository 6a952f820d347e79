# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: -c 1
# Feature bits by name: asked for, refused, shown.

load helpers

setup() {
	common_setup
	autoprobe off
}

# What became of device_features WORDS: FEATURES.
provisions() { # PARENT WORDS FEATURES
	works dev add name "$DEV" mgmtdev "$1" device_features "$2"
	works -d dev config show "$DEV"
	[[ $output == *$'\n'"  device_features $3" ]] || failed "wanted: $3"
	works dev del "$DEV"
}

@test "names in any case, with and without prefixes, bit numbers" {
	provisions vdpasim_net MTU,STATUS,VERSION_1,ACCESS_PLATFORM 'MTU STATUS VERSION_1 ACCESS_PLATFORM'
	provisions vdpasim_net virtio_net_f_mtu,Virtio_F_Version_1,iommu_platform 'MTU VERSION_1 ACCESS_PLATFORM'
	provisions vdpasim_net bit_3,bit_32,bit_33 'MTU VERSION_1 ACCESS_PLATFORM'
}

@test "a list of names is exactly that set, a list with a minus starts from the offer" {
	provisions vdpasim_net -CTRL_VQ,-CTRL_MAC_ADDR 'MTU MAC STATUS ANY_LAYOUT VERSION_1 ACCESS_PLATFORM'
	provisions vdpasim_net -bit_27 'MTU MAC STATUS CTRL_VQ CTRL_MAC_ADDR VERSION_1 ACCESS_PLATFORM'
	provisions vdpasim_net all,-MTU 'MAC STATUS CTRL_VQ CTRL_MAC_ADDR ANY_LAYOUT VERSION_1 ACCESS_PLATFORM'
	provisions vdpasim_net all 'MTU MAC STATUS CTRL_VQ CTRL_MAC_ADDR ANY_LAYOUT VERSION_1 ACCESS_PLATFORM'
}

@test "mlx5: from its own offer" {
	load_standin sf_count=1 vport_mac=Y
	provisions auxiliary/mlx5_core.sf.1 -CSUM,-GUEST_CSUM,-HOST_TSO4,-HOST_TSO6,-MRG_RXBUF \
		'MTU MAC STATUS CTRL_VQ CTRL_VLAN MQ CTRL_MAC_ADDR VERSION_1 ACCESS_PLATFORM'
}

@test "hexadecimal, with and without 0x, is sent as it is" {
	provisions vdpasim_net 0x300000008 'MTU VERSION_1 ACCESS_PLATFORM'
	provisions vdpasim_net 300010000 'STATUS VERSION_1 ACCESS_PLATFORM'
	provisions vdpasim_net 0X0000000300000008 'MTU VERSION_1 ACCESS_PLATFORM'
}

@test "not offered: refused before the kernel is asked, 8, with the offer; force asks it" {
	fails 8 dev add name "$DEV" mgmtdev vdpasim_net device_features MAC,CSUM,VERSION_1,ACCESS_PLATFORM
	says 'device_features: CSUM is not offered by management device "vdpasim_net", which offers MTU,MAC,STATUS,CTRL_VQ,CTRL_MAC_ADDR,ANY_LAYOUT,VERSION_1,ACCESS_PLATFORM' \
		'hint: "force" asks the kernel all the same'
	fails 8 dev add name "$DEV" mgmtdev vdpasim_net device_features CSUM,MQ
	says 'CSUM,MQ are not offered'
	fails 1 dev add name "$DEV" mgmtdev vdpasim_net device_features MAC,CSUM,VERSION_1,ACCESS_PLATFORM force
	says "cannot add device \"$DEV\": Invalid argument"
	# to take away what is not offered changes nothing
	provisions vdpasim_net -CSUM,-MTU 'MAC STATUS CTRL_VQ CTRL_MAC_ADDR ANY_LAYOUT VERSION_1 ACCESS_PLATFORM'
}

@test "not a feature: 2, the word is named" {
	while IFS='|' read -r words bad; do
		fails 2 dev add name "$DEV" mgmtdev vdpasim_net device_features "$words"
		says "dev add: device_features \"$words\": \"$bad\" is not a feature"
	done <<-'END'
		MAC,COLOUR,MTU|COLOUR
		MAC,,MTU|
		MAC,|
		MAC,-MAC|-MAC
		bit_64|bit_64
		VIRTIO_BLK_F_RO|VIRTIO_BLK_F_RO
	END
	fails 2 dev add name "$DEV" mgmtdev vdpasim_net device_features 0x1ffffffffffffffff
	says 'device_features "0x1ffffffffffffffff" is not a hexadecimal number or feature names'
	no_devices
}

@test "the parent decides what a name means" {
	# bit 5 is MAC for net and RO for block: vdpasim_blk offers nothing to choose from
	fails 8 dev add name "$DEV" mgmtdev vdpasim_blk device_features RO
	says 'RO is not offered by management device "vdpasim_blk", which offers none'
	fails 2 dev add name "$DEV" mgmtdev vdpasim_blk device_features MAC
	says '"MAC" is not a feature'
	fails 3 dev add name "$DEV" mgmtdev nothing device_features MAC
	says '"nothing"'
}

@test "every bit of a net device: by name, as a number with -numeric, as vdpa prints it" {
	load_standin sf_count=1 features=0xffffffffffffffff vport_mac=Y
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 device_features 0xffffffffffffffff
	works -d dev config show "$DEV"
	prints '  device_features CSUM GUEST_CSUM CTRL_GUEST_OFFLOADS MTU bit_4 MAC GSO GUEST_TSO4 GUEST_TSO6 GUEST_ECN GUEST_UFO HOST_TSO4 HOST_TSO6 HOST_ECN HOST_UFO MRG_RXBUF STATUS CTRL_VQ CTRL_RX CTRL_VLAN CTRL_RX_EXTRA GUEST_ANNOUNCE MQ CTRL_MAC_ADDR NOTIFY_ON_EMPTY bit_25 bit_26 ANY_LAYOUT RING_INDIRECT_DESC RING_EVENT_IDX bit_30 bit_31 VERSION_1 ACCESS_PLATFORM RING_PACKED IN_ORDER ORDER_PLATFORM SR_IOV NOTIFICATION_DATA NOTIF_CONFIG_DATA RING_RESET ADMIN_VQ bit_42 SUSPEND bit_44 bit_45 GUEST_UDP_TUNNEL_GSO_MAPPED GUEST_UDP_TUNNEL_GSO_CSUM_MAPPED bit_48 bit_49 DEVICE_STATS HASH_TUNNEL VQ_NOTF_COAL NOTF_COAL GUEST_USO4 GUEST_USO6 HOST_USO HASH_REPORT bit_58 GUEST_HDRLEN RSS RSC_EXT STANDBY SPEED_DUPLEX'
	works -d -n dev config show "$DEV"
	prints '  device_features 0xffffffffffffffff'
	works -n -j mgmtdev show auxiliary/mlx5_core.sf.1
	has_json '.mgmtdev[] | .dev_features == "0xffffffffffffffff" and .supported_classes == [1]'
	captures 0 as_vdpa -j mgmtdev show auxiliary/mlx5_core.sf.1
	has_json '.mgmtdev[].dev_features | length == 64 and .[4] == 4 and .[6] == 6 and .[38] == "NOTIFICATION_DATA"
		and .[39:57] == [range(39; 57)] and .[58:60] == [58, 59]'
}

@test "bits of a block device have block's names, those of other classes the transport's" {
	works dev add name "$DEV" mgmtdev vdpasim_blk
	works -d dev config show "$DEV"
	prints '  device_features SIZE_MAX SEG_MAX BLK_SIZE FLUSH TOPOLOGY MQ DISCARD WRITE_ZEROES ANY_LAYOUT VERSION_1 ACCESS_PLATFORM'
	load_standin sf_count=0 odd_id=20
	works mgmtdev show mlx5_standin_odd
	prints '  dev_features VERSION_1 ACCESS_PLATFORM'
}
