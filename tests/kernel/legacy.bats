# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: -c 1
# Called as vdpa. K: what scripts rely on, as literal text. F: what iproute2 gets wrong and this does not. A: what
# vdpactl adds, and vdpa keeps to itself.

load helpers

setup() {
	common_setup
	autoprobe off
}

make_net() { works dev add name net mgmtdev vdpasim_net mac 02:00:00:00:00:01; }

legacy() { # STATUS ARGUMENT...
	captures "$1" as_vdpa "${@:2}"
}

@test "K D1 objects without a command: mgmtdev is help, dev and config are listings, vstats is an error" {
	make_net
	legacy 0 mgmtdev
	[ -z "$raw" ]
	says 'Usage: vdpa mgmtdev show '
	legacy 0 dev
	prints_exactly 'net: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256'
	legacy 0 dev config
	[ "$raw" = $'net: mac 02:00:00:00:00:01 link up link_announce false mtu 1500 \n' ]
	legacy 1 dev vstats
	[ -z "$raw" ]
	says 'Usage: vdpa dev vstats show DEV'
}

@test "K words, prefixes and their order; help is on stderr, 0" {
	make_net
	for words in 'd s' 'd l net' 'de sho'; do
		# shellcheck disable=SC2086 # words
		legacy 0 $words
		prints 'net: type network'
	done
	legacy 0 d c s net
	legacy 0 m s vduse
	prints_exactly $'vduse: \n  supported_classes net block\n  max_supported_vqs 0\n  dev_features'
	for words in help h -h --help 'dev help' 'm h' 'dev c help' 'dev vstats help'; do
		# shellcheck disable=SC2086 # words
		legacy 0 $words
		[ -z "$raw" ]
		says 'Usage: vdpa '
	done
	legacy 0 dev a n b m vdpasim_net
	legacy 0 dev d b
	[ -z "$raw$stderr" ]
}

@test "K what is not understood: its words, 1" {
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086 # words
		legacy 1 $words
		[ -z "$raw" ]
		[ "$stderr" = "$text"$'\n' ] || failed "wanted: $text"
	done <<-'END'
		frob|Object "frob" not found
		dev frob|Command "frob" not found
		mgmtdev frob|Command "frob" not found
		dev vs|Command "vs" not found
		dev se|Command "se" not found
		dev del|String parameter expected
		dev add|device name is not set.
		dev add mgmtdev vdpasim_net|device name is not set.
		dev add name x|management device handle not set.
		dev add name x colour red|Unknown option "colour"
	END
	legacy 1 -n dev show
	says 'Unknown option.'
	legacy 1 -s dev show
	says 'Unknown option.'
}

@test "K failures: the kernel's words, in two lines; with -json an empty section" {
	legacy 1 dev show gone
	[ "$stderr" = $'Error: vdpa: device not found.\nkernel answers: No such device\n' ]
	legacy 1 -j dev show gone
	[ "$raw" = $'{"dev":{}}\n' ]
	legacy 1 mgmtdev show gone
	[[ $stderr == $'Error: vdpa: Fail to find the specified mgmt device.\nkernel answers: No such device\n'* ]]
	legacy 1 dev add name x mgmtdev vdpasim_blk mac 02:00:00:00:00:01
	[[ $stderr == $'Error: vdpa: Some provided attributes are not supported: 0x400.\nkernel answers: Operation not supported\n'* ]]
	legacy 1 -j dev del gone
	[ "$raw" = $'\n' ]
}

@test "K -V, and exit statuses 0 and 1 only" {
	legacy 0 -V
	[[ $raw == vdpa* ]]
	for words in 'dev del gone' 'dev add name x mgmtdev vdpasim_net mtu 1' 'dev show a/b' 'dev vstats show gone qidx 0' ''; do
		status=0
		# shellcheck disable=SC2086 # words
		as_vdpa $words >/dev/null 2>&1 || status=$?
		[[ $status == [01] ]]
	done
}

@test "F D2 no word is dropped: a second device, a lone keyword, junk" {
	make_net
	works dev add name b mgmtdev vdpasim_net
	legacy 1 dev del net b
	device_exists net && device_exists b
	legacy 1 dev add name x mgmtdev vdpasim_net mac
	legacy 1 dev show net junk
	[ -z "$raw" ]
	legacy 1 mgmtdev show vduse junk
	legacy 1 dev set name net mac
	works dev del b
	run ! device_exists x
}

@test "F D3 names of 64 and 255 octets" {
	printf -v name '%064d' 0
	printf -v longer '%0255d' 0
	legacy 0 dev add name "$name" mgmtdev vdpasim_net
	legacy 0 dev add name "$longer" mgmtdev vdpasim_net
	for words in 'dev show' '-jp dev show' 'dev config show'; do
		# shellcheck disable=SC2086 # words
		legacy 0 $words
		prints "$name" "$longer"
	done
	legacy 0 dev del "$longer"
}

@test "F D4 types of queues without MQ; K D19 a queue has to be named" {
	make_net
	bind net virtio_vdpa
	legacy 0 dev vstats show net qidx 0
	[ "$raw" = $'net: queue_type rx rx packets 0 rx bytes 0 rx errors 0 rx overruns 0 rx drops 0 \n' ]
	legacy 0 -j dev vstats show net qidx 2
	[ "$raw" = $'{"vstats":{"net":{"queue_type":"control_vq","cvq requests":0,"cvq successes":0,"cvq errors":0}}}\n' ]
	legacy 1 dev vstats show net
	says 'kernel answers: Invalid argument'
	legacy 1 dev vstats show net qidx all
	legacy 1 dev vstats show net qidx ctrlvq
}

@test "F D6 counters' names are no formats" {
	load_standin sf_count=0 hostile=1
	works dev add name h mgmtdev mlx5_standin_hostile
	bind h virtio_vdpa
	legacy 0 dev vstats show h qidx 1
	[[ $raw == 'h: queue_type tx biggest 18446744073709551615 rx packets 100 %s%n%s 18446744073709551614 100% 102 '* ]]
	legacy 0 -j dev vstats show h qidx 1
	has_json '.vstats.h | has("%s%n%s") and has("100%")'
}

@test "F D7 D8 bad numbers and addresses get a message" {
	while IFS='|' read -r words bad; do
		# shellcheck disable=SC2086 # words
		legacy 1 dev add name x mgmtdev vdpasim_net $words
		says "$bad"
	done <<-'END'
		mtu abc|"abc"
		mtu 0x5dc|"0x5dc"
		mtu 65536|"65536"
		max_vqp -1|Unknown option
		max_vqp x|"x"
		device_features zz|"zz"
		mac 02:00|"02:00"
		mac 1.2.3.4|"1.2.3.4"
		mac 02:00:00:00:00:1z|"02:00:00:00:00:1z"
	END
	no_devices
	# what it took rightly: no leading zeros; hexadecimal without 0x
	legacy 0 dev add name x mgmtdev vdpasim_net mac 2:0:0:0:0:a device_features 300000028
	legacy 0 dev config show x
	[ "$raw" = $'x: mac 02:00:00:00:00:0a mtu 1500 \n' ]
}

@test "K D9 D10 D11 D12 D13 keys with a blank, bits as numbers, nothing new" {
	load_standin sf_count=1 features=0x300000068
	make_net
	works dev add name b mgmtdev vdpasim_blk
	legacy 0 -j dev config show
	[ "$raw" = '{"config":{"net":{"mac":"02:00:00:00:00:01","link ":"up","link_announce ":false,"mtu":1500},"b":{}}}'$'\n' ]
	legacy 0 -j dev show net
	[ "$raw" = '{"dev":{"net":{"type":"network","mgmtdev":"vdpasim_net","vendor_id":0,"max_vqs":3,"max_vq_size":256}}}'$'\n' ]
	legacy 0 mgmtdev show auxiliary/mlx5_core.sf.1
	prints '  dev_features MTU MAC bit_6 VERSION_1 ACCESS_PLATFORM'
	legacy 0 -jp mgmtdev show auxiliary/mlx5_core.sf.1
	prints '"dev_features": [ "MTU","MAC",6,"VERSION_1","ACCESS_PLATFORM" ]'
	# and what vdpactl adds
	works -d -j dev config show
	has_json '.config.net | .link == "up" and has("device_features")'
	works mgmtdev show auxiliary/mlx5_core.sf.1
	prints 'MTU MAC GSO VERSION_1'
}

@test "F D14 a device that can't answer does not hide the others; A D16 unmanaged ones stay hidden" {
	load_standin sf_count=0 odd_id=20 extra=1
	works dev add name odd mgmtdev mlx5_standin_odd
	make_net
	legacy 0 dev config show
	[ "$raw" = $'net: mac 02:00:00:00:00:01 link up link_announce false mtu 1500 \n' ]
	legacy 0 dev show
	prints_exactly 'odd: type <unknown type> mgmtdev mlx5_standin_odd vendor_id 5555 max_vqs 3 max_vq_size 256
net: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256'
	legacy 1 dev show vdpa0
	[ -z "$raw" ]
	says 'kernel answers: Invalid argument'
}

@test "K D20 D22 add prints nothing, set on a block device warns; F D23 no \"Success\"" {
	legacy 0 dev add name b mgmtdev vdpasim_blk
	[ -z "$raw$stderr" ]
	legacy 0 dev set name b mac 02:00:00:00:00:01
	[ "$stderr" = $'Warning: vdpa: b device not supported.\n' ]
	legacy 1 dev add name b mgmtdev vdpasim_blk
	[[ $stderr == *'kernel answers: File exists'* && $stderr != *Success* ]]
}

@test "F D24 help names what there is" {
	legacy 0 dev help
	says 'dev set name NAME' 'dev vstats show DEV' 'device_features' 'dev config show'
	[[ $stderr != *max_vqs* && $stderr != *force* && $stderr != *if_exists* ]]
}

@test "what is vdpactl's own is unknown to vdpa" {
	make_net
	for words in '-d dev show' '-o dev show' '-b -' 'dev del net force' 'dev del net if_exists' \
		'dev add name x mgmtdev vdpasim_net max_vqs 2' 'dev add name x mgmtdev vdpasim_net mac random' \
		'dev add name x mgmtdev vdpasim_net device_features MAC'; do
		# shellcheck disable=SC2086 # words
		legacy 1 $words </dev/null
		[ -z "$raw" ]
	done
	device_exists net
	run ! device_exists x
}
