# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: -c 1
# Options: each alone, in every spelling and place, and together.

load helpers

setup() {
	common_setup
	autoprobe off
	make_devices a 1 mac 02:00:00:00:00:01
}

readonly LINE='a1: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256'
readonly JSON='{"dev":{"a1":{"type":"network","mgmtdev":"vdpasim_net","vendor_id":0,"max_vqs":3,"max_vq_size":256}}}'

@test "-json, -j, --json, --js, anywhere, and together with others" {
	for words in '-json dev show' 'dev -j show' 'dev show --json' '--js dev show' '-jq dev show' '-q dev show -j'; do
		# shellcheck disable=SC2086 # words
		works $words
		prints_exactly "$JSON"
	done
	works -p dev show # without -json nothing to make pretty
	prints_exactly "$LINE"
}

@test "-details and -oneline: each record on one line, in the form of ip" {
	for words in '-d -o dev config show' '-do dev config show' 'dev config show -details -oneline' '--details dev config show --oneline'; do
		# shellcheck disable=SC2086 # words
		works $words
		prints_exactly 'a1: mac 02:00:00:00:00:01 link up link_announce false mtu 1500 \  device_features MTU MAC STATUS CTRL_VQ CTRL_MAC_ADDR ANY_LAYOUT VERSION_1 ACCESS_PLATFORM'
	done
	works -o mgmtdev show vdpasim_blk vduse
	prints_exactly 'vdpasim_blk: \  supported_classes block\  max_supported_vqs 0\  dev_features
vduse: \  supported_classes net block\  max_supported_vqs 0\  dev_features'
	works -o -j dev show
	prints_exactly "$JSON"
	bind a1 virtio_vdpa
	works -s -o dev show
	prints_exactly "$LINE"'\  vstats queue_index 0 queue_type rx rx packets 0 rx bytes 0 rx errors 0 rx overruns 0 rx drops 0 \  vstats queue_index 1 queue_type tx tx packets 0 tx bytes 0 tx errors 0 tx drops 0 \  vstats queue_index 2 queue_type control_vq cvq requests 0 cvq successes 0 cvq errors 0 '
}

@test "-statistics where there are none: the device alone" {
	for words in '-s dev show' '-stats dev show a1' 'dev show -statistics'; do
		# shellcheck disable=SC2086 # words
		works $words
		prints_exactly "$LINE"
	done
}

@test "-no-nice-names: numbers for types, classes and features" {
	for words in '-n dev show' '-numeric dev show' '--no-nice-names dev show'; do
		# shellcheck disable=SC2086 # words
		works $words
		prints_exactly 'a1: type 1 mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256'
	done
	works -n -d dev config show
	prints '  device_features 0x308830028'
	works -nj mgmtdev show vduse
	prints_exactly '{"mgmtdev":{"vduse":{"supported_classes":[1,2],"max_supported_vqs":0,"dev_features":"0x0"}}}'
}

@test "-quiet: no hint, no note, no warning, but the failure" {
	load_standin sf_count=0 odd_id=20
	works dev add name odd mgmtdev mlx5_standin_odd
	captures 0 vdpactl dev config show
	says 'odd is left out'
	works -q dev config show
	prints 'a1: '
	captures 3 vdpactl -q dev add name b mgmtdev pci/none
	[ "$stderr" = 'vdpactl: cannot add device "b": Fail to find the specified management device (No such device)'$'\n' ]
	captures 2 vdpactl -quiet dev show --fly
	[ "$stderr" = 'vdpactl: unknown option "--fly"'$'\n' ]
}

@test "-force alone changes nothing" {
	works -force dev show
	prints_exactly "$LINE"
}

@test "-V and -h, with anything else; help of everything on stdout" {
	works -V
	[[ $output == vdpactl* && $output == *[0-9].[0-9]* ]]
	version=$output
	for words in --Version '-jV dev show' '-version frob'; do
		# shellcheck disable=SC2086 # words
		works $words
		prints_exactly "$version"
	done
	for words in -h help --help 'h' '-j help'; do
		# shellcheck disable=SC2086 # words
		works $words
		prints 'Usage: vdpactl [ OPTIONS ] OBJECT' 'mgmtdev show' '-d, --details'
	done
	for words in 'dev add help' 'dev help add' 'help dev add' 'dev add -h'; do
		# shellcheck disable=SC2086 # words
		works $words
		prints 'Usage: vdpactl dev add name NAME mgmtdev MGMTDEV' 'MAC|random' 'device_features'
	done
	device_exists a1
}

@test "-- ends the options" {
	works dev add mgmtdev vdpasim_net name -- -x
	works dev show -- -x
	prints_exactly '-x: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256'
	works dev del -- -x
}

@test "what is no option, lacks its value or has one too many: 2" {
	while IFS='|' read -r words sentence; do
		# shellcheck disable=SC2086 # words
		fails 2 $words
		says "vdpactl: $sentence"
	done <<-'END'
		-x dev show|unknown option "-x"
		-jx dev show|unknown option "-jx"
		--jsonx dev show|unknown option "--jsonx"
		-b|option "-b" needs a file name
		dev show -batch|option "-batch" needs a file name
		--json=yes dev show|option "--json=yes" takes no value
		-batch - dev show|"dev": with -batch, commands come from the file only
		frob|Object "frob" not found
		dev frob|Command "frob" not found
		dev shwo|Command "shwo" not found
	END
	says 'did you mean "show"?'
}
