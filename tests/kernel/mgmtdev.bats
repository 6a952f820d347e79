# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: --parents mlx5 -c 1
# mgmtdev show: every parent, text and JSON.

load helpers

@test "the listing has every parent, in the kernel's order, byte for byte as iproute2 prints it" {
	works mgmtdev show
	ours=$raw
	captures 0 iproute2 mgmtdev show
	[ "$ours" = "$raw" ]
	[[ $ours == 'vdpasim_net: 
  supported_classes net
  max_supported_vqs 3
  dev_features MTU MAC STATUS CTRL_VQ CTRL_MAC_ADDR ANY_LAYOUT VERSION_1 ACCESS_PLATFORM
vdpasim_blk: 
  supported_classes block
  max_supported_vqs 0
  dev_features
vduse: 
  supported_classes net block
  max_supported_vqs 0
  dev_features
pci/0000:03:00.2: 
  supported_classes net
  max_supported_vqs 257
  dev_features CSUM GUEST_CSUM MTU MAC HOST_TSO4 HOST_TSO6 MRG_RXBUF STATUS CTRL_VQ CTRL_VLAN MQ CTRL_MAC_ADDR VERSION_1 ACCESS_PLATFORM
auxiliary/mlx5_core.sf.'* ]]
}

@test "mgmtdev, mgmtdev list and prefixes are mgmtdev show" {
	works mgmtdev show
	want=$output
	for words in mgmtdev 'mgmt l'; do
		# shellcheck disable=SC2086 # words
		works $words
		prints_exactly "$want"
	done
}

@test "one, several, each once, in the order asked" {
	works mgmtdev show vduse
	prints_exactly <<-'END'
		vduse: 
		  supported_classes net block
		  max_supported_vqs 0
		  dev_features
	END
	works -j mgmtdev show vduse pci/0000:03:00.2 auxiliary/mlx5_core.sf.2 vduse
	has_json '.mgmtdev | keys_unsorted == ["vduse","pci/0000:03:00.2","auxiliary/mlx5_core.sf.2"]'
}

@test "JSON has numbers, arrays and nothing else" {
	works -j mgmtdev show
	has_json '(.mgmtdev | length == 8) and .mgmtdev.vdpasim_net == {supported_classes: ["net"], max_supported_vqs: 3,
		dev_features: ["MTU","MAC","STATUS","CTRL_VQ","CTRL_MAC_ADDR","ANY_LAYOUT","VERSION_1","ACCESS_PLATFORM"]}
		and .mgmtdev.vduse == {supported_classes: ["net","block"], max_supported_vqs: 0, dev_features: []}
		and (.mgmtdev["auxiliary/mlx5_core.sf.4"] | .max_supported_vqs == 257 and .supported_classes == ["net"])'
}

@test "one that is not there: 3, and what helps" {
	fails 3 mgmtdev show nothing
	says 'cannot show management device "nothing"' 'Fail to find the specified mgmt device' '(No such device)'
	fails 3 mgmtdev show pci/0000:99:00.0
	says '"pci/0000:99:00.0"'
	# without its bus a device on a bus is not found, and the hint says why
	fails 3 mgmtdev show mlx5_core.sf.1
	says '"mlx5_core.sf.1"' 'hint: a parent on a bus is named BUS/NAME'
}

@test "those that are there are shown beside one that is not: 9" {
	captures 9 vdpactl mgmtdev show vduse nothing vdpasim_blk
	prints 'vduse: ' 'vdpasim_blk: '
	says '"nothing"'
	captures 9 vdpactl -j mgmtdev show vduse nothing
	has_json '(.mgmtdev | keys == ["vduse"]) and (.errors | length == 1) and .errors[0].code == "ENODEV"'
}

@test "what is no handle is refused before the kernel is asked: 2" {
	for handle in a/b/c pci/ /x ''; do
		fails 2 mgmtdev show "$handle"
		says "\"$handle\""
	done
}

@test "classes that iproute2 does not know, and feature bits without a name" {
	# bit 6 (GSO) has a name here and none in iproute2; bits 44 and 58 have none at all
	load_standin sf_count=1 odd_id=26 features=0x0400100300000060
	works mgmtdev show auxiliary/mlx5_core.sf.1 mlx5_standin_odd
	prints_exactly <<-'END'
		auxiliary/mlx5_core.sf.1: 
		  supported_classes net
		  max_supported_vqs 257
		  dev_features MAC GSO VERSION_1 ACCESS_PLATFORM bit_44 bit_58
		mlx5_standin_odd: 
		  supported_classes < unknown class >
		  max_supported_vqs 257
		  dev_features VERSION_1 ACCESS_PLATFORM
	END
	works -j mgmtdev show auxiliary/mlx5_core.sf.1
	has_json '.mgmtdev[].dev_features == ["MAC","GSO","VERSION_1","ACCESS_PLATFORM","bit_44","bit_58"]'
	captures 0 as_vdpa -j mgmtdev show auxiliary/mlx5_core.sf.1
	has_json '.mgmtdev[].dev_features == ["MAC",6,"VERSION_1","ACCESS_PLATFORM",44,58]'
}

@test "parents come and go" {
	load_standin sf_count=3
	works mgmtdev show auxiliary/mlx5_core.sf.3
	echo mlx5_core.sf.3 >/sys/bus/auxiliary/drivers/mlx5_core.sf/unbind
	fails 3 mgmtdev show auxiliary/mlx5_core.sf.3
	works -j mgmtdev show
	has_json '.mgmtdev | has("auxiliary/mlx5_core.sf.3") | not'
	echo mlx5_core.sf.3 >/sys/bus/auxiliary/drivers/mlx5_core.sf/bind
	works mgmtdev show auxiliary/mlx5_core.sf.3
}

@test "a thousand parents are listed once each" {
	load_standin sf_count=1000
	works -j mgmtdev show
	has_json '[.mgmtdev | keys[] | select(startswith("auxiliary/"))] | length == 1000'
	works mgmtdev show
	[ "$(grep -c '^auxiliary/mlx5_core.sf.[0-9]*: $' <<<"$output")" -eq 1000 ]
	works mgmtdev show auxiliary/mlx5_core.sf.777
	prints 'auxiliary/mlx5_core.sf.777: '
}
