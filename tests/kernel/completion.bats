# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# builds: gcc
# lab: --parents ifcvf -c 1
# bash completion with what a real kernel has: handles, devices, features.

load helpers
load ../cli/completion

readonly IFCVF=pci/0000:00:0a.0

@test "handles of management devices, with colons" {
	offered 'vdpactl mgmtdev show '
	offers help "$IFCVF" vdpasim_blk vdpasim_net vduse
	offered "vdpactl mgmtdev show vduse p"
	offers "$IFCVF"
	offered 'vdpactl dev add name x mgmtdev pci/0000:00:0'
	offers 0a.0
	typed 'vdpactl dev add name x mgmtdev p' 'vdpactl dev add name x mgmtdev pci/0000:' 'vdpa mgmtdev show pci/0000:00:0'
	is "vdpactl dev add name x mgmtdev $IFCVF " "vdpactl dev add name x mgmtdev $IFCVF " "vdpa mgmtdev show $IFCVF "
}

@test "devices: names with colons, and those named already are not offered again" {
	make_devices vdpa:0000:65:00. 2
	make_devices web 1
	offered 'vdpactl dev show '
	offers driver help mgmtdev type vdpa:0000:65:00.1 vdpa:0000:65:00.2 web1
	offered 'vdpactl dev del web1 v'
	offers vdpa:0000:65:00.1 vdpa:0000:65:00.2
	offered 'vdpactl dev del vdpa:0000:65:00.1 vdpa:0000:65:00.'
	offers 00.2
	offered 'vdpa dev del web1 '
	offers
	typed 'vdpactl dev config show v' 'vdpactl dev set name vdpa:0000:65:00.2 m' \
		'vdpactl dev vstats show vdpa:0000:65:00.2 qidx c'
	is 'vdpactl dev config show vdpa:0000:65:00.' 'vdpactl dev set name vdpa:0000:65:00.2 mac ' \
		'vdpactl dev vstats show vdpa:0000:65:00.2 qidx ctrlvq '
	offered 'vdpactl dev vstats show web1 qidx '
	offers 0 1 2 all ctrlvq
}

@test "names with special characters can be completed, and what results works" {
	local name
	for name in 'a b' "it's" 'x$y*z' 'c:d e'; do
		vdpactl dev add name "$name" mgmtdev vdpasim_net
	done
	offered 'vdpactl dev show '
	offers 'a\ b' 'c:d\ e' driver help "it\\'s" mgmtdev type 'x\$y\*z'
	typed 'vdpactl dev del a' 'vdpactl dev del c:d' 'vdpactl dev del it' 'vdpactl dev del x'
	is 'vdpactl dev del a\ b ' 'vdpactl dev del c:d\ e ' "vdpactl dev del it\\'s " 'vdpactl dev del x\$y\*z '
	while IFS= read -r name; do
		eval "${name:1:-1}"
	done <<<"$output"
	no_devices
}

@test "features: those that the parent offers, in lists" {
	offered 'vdpactl dev add name x mgmtdev vdpasim_net device_features M'
	offers MAC MTU
	offered 'vdpactl dev add name x mgmtdev vdpasim_net device_features MAC,M'
	offers MAC,MTU
	offered 'vdpactl dev add name x mgmtdev vdpasim_net device_features MAC,MTU,S'
	offers MAC,MTU,STATUS
	offered 'vdpactl dev add name x mgmtdev vdpasim_net device_features -CTRL_VQ,-CTRL_'
	offers -CTRL_VQ,-CTRL_MAC_ADDR
	typed "vdpactl dev add name x mgmtdev $IFCVF device_features VERSION_1,RING_R"
	is "vdpactl dev add name x mgmtdev $IFCVF device_features VERSION_1,RING_RESET"
	offered 'vdpa dev add name x mgmtdev vdpasim_net device_features '
	offers
}

@test "a user without privileges gets the same" {
	make_devices web 1
	run -0 setpriv --reuid 65534 --regid 65534 --clear-groups "$VDPACTL" --complete 3 vdpactl dev show ''
	[[ $output == *web1* ]]
}
