# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2086,SC2154 # lists of words are meant to be split; run sets output, stderr and status
# Called as vdpa: its grammar, and the mistakes of it that are not repeated.

load cli

@test "the name counts, not the directory" {
	mkdir vdpa.d
	ln -s "$VDPACTL" vdpa.d/vdpa
	run -1 vdpa.d/vdpa bogus
	[[ $output == 'Object "bogus" not found' ]]
	mkdir -p x/vdpa
	ln -s "$VDPACTL" x/vdpa/vdpactl
	run -2 x/vdpa/vdpactl bogus
}

@test "words that are not there" {
	legacy_fails bogus
	[[ $stderr == 'Object "bogus" not found' ]]
	legacy_fails dev bogus
	[[ $stderr == 'Command "bogus" not found' ]]
	legacy_fails dev se
	legacy_fails dev vst
	legacy_fails dev vstats sho
	legacy_fails mgmtdev add
	legacy_fails ""
}

@test "with -j an error in the words is an empty line" {
	for words in bogus 'dev bogus' 'dev add' 'dev del' 'dev add nme x' 'dev vstats' 'dev set name' \
		'dev show a b' 'dev add name x mgmtdev y mtu abc'; do
		"$VDPA" -j $words 2>/dev/null | diff - <(echo)
		"$VDPA" $words -jp 2>/dev/null | diff - <(echo)
	done
}

@test "abbreviations" {
	for words in 'm s' 'mgmtdev l' 'd' 'd s' 'd li' 'd c' 'd c s x' "d a n x m $NONE" "d a na x mg $NONE ma 1" \
		'd d x' 'dev vstats show x qidx 0' 'dev set n x mac 2:0:0:0:0:1' \
		"d a max_vq 3 mgmt $NONE nam x"; do
		legacy_parses $words
		[[ $words == *' ma '* || $words == *max_vq* ]] || parses $words
	done
	for words in "dev add name x mgmtdev $NONE mt 1500" "dev add name x mgmtdev $NONE device_feat 1" \
		'dev vstats show x q 1' 'dev vst show x'; do
		legacy_fails $words
	done
}

@test "words of vdpactl are none of vdpa's" {
	for words in "dev add name x mgmtdev $NONE force" "dev add name x mgmtdev $NONE max_vqs 2" \
		"dev add name x mgmtdev $NONE mac random" "dev add name x mgmtdev $NONE device_features MAC,MTU" \
		'dev del x if_exists' 'dev del x force' 'dev vstats show x qidx all' 'dev vstats show x qidx ctrlvq' \
		'dev add help' "dev add name x mgmtdev $NONE driver vhost_vdpa" "dev add name x mgmtdev $NONE wait" \
		'dev show mgmtdev x' 'dev show x type net' 'dev del x driver none' 'dev bind x driver vhost_vdpa' 'dev wait x present' \
		'dev resolve x' 'dev users x' "dev replace name x mgmtdev $NONE" 'dev unbind x'; do
		legacy_fails $words
		[[ $stderr != *'kernel answers'* ]]
	done
}

@test "the last word is looked at, too" {
	for words in 'dev show a junk' 'dev del a b' 'mgmtdev show a junk' 'dev config show a junk' \
		"dev add name x mgmtdev $NONE junk" 'dev set name x mac 2:0:0:0:0:1 junk'; do
		legacy_fails $words
		[[ $stderr == "Unknown option \"${words##* }\"" ]]
	done
	for words in "dev add name x mgmtdev $NONE mac" "dev add name x mgmtdev" 'dev vstats show x qidx' \
		'dev set name x mac'; do
		legacy_fails $words
		says "is expected after \"${words##* }\""
	done
}

@test "bad numbers and addresses are told" {
	for value in 'mtu abc' 'mtu 0x5dc' 'mtu 65536' 'max_vqp x' 'mac 1:2:3' 'mac 1.2.3.4' 'mac 02:00:00:00:00:1z' \
		'device_features zz'; do
		legacy_fails dev add name x mgmtdev $NONE $value
		says "${value% *} \"${value#* }\" is not"
	done
	legacy_fails dev vstats show x qidx all
}

@test "what worked goes on working" {
	# the last of several, addresses that no interface has, hexadecimal without 0x
	legacy_parses dev add name x name y mgmtdev $NONE mtu 1 mtu 2
	legacy_parses dev add name x mgmtdev $NONE mac 00:00:00:00:00:00
	legacy_parses dev add name x mgmtdev $NONE mac 1:0:5e:0:0:1
	legacy_parses dev add name x mgmtdev $NONE device_features 12
	legacy_parses dev add name x mgmtdev $NONE device_features 0x12 mtu 1500
	legacy_parses dev set name no-such-device
}

@test "required arguments" {
	legacy_fails dev add
	legacy_fails dev add name x
	[[ $stderr == 'management device handle not set.' ]]
	legacy_fails dev add mgmtdev x
	[[ $stderr == 'device name is not set.' ]]
	legacy_fails dev set mac 2:0:0:0:0:1
	legacy_fails dev del
	legacy_fails dev vstats show
}

@test "without the kernel's family" {
	needs_no_vdpa
	for words in 'mgmtdev show' 'dev' 'dev show x' 'dev config' '-j dev show' '-jp dev vstats show x qidx 0' \
		'-j dev del x'; do
		legacy_fails $words
		says 'Failed to connect to vdpa Netlink'
	done
}
