# SPDX-License-Identifier: GPL-2.0-or-later
# apply and save: whom char devices belong to, and their links.
# kernels: 6.12
# lab: --parents mlx5 -c 1

load helpers
load apply

node_is() { # DEVICE OWNER:GROUP:MODE
	local is
	is=$(stat -c %U:%G:%a "/dev/$(below "$1" 'vhost-vdpa-*')")
	[[ $is == "$2" ]] || failed "the node of $1 is $is, wanted $2"
}

@test "whom a char device belongs to is saved, compared, and given to it again" {
	works dev add name given mgmtdev vdpasim_net driver vhost_vdpa owner nobody mode 0640
	works dev add name plain mgmtdev vdpasim_net driver vhost_vdpa
	works dev add name bare mgmtdev vdpasim_net driver none
	works save
	has_json '[.devices[] | [.name, .owner, .group, .mode]] ==
		[["bare", null, null, null], ["given", "nobody", null, "640"], ["plain", null, null, null]]'
	printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/saved"
	FILE=$BATS_TEST_TMPDIR/saved
	settled
	works dev del given plain bare
	works apply "$FILE"
	prints ' driver vhost_vdpa owner nobody mode 640'
	node_is given nobody:root:640
	node_is plain root:root:600
	[[ -L /dev/vdpa/by-name/given ]]
	settled
	works save
	diff <(printf '%s\n' "$output") "$FILE"
	chown root:12345 "/dev/$(below given 'vhost-vdpa-*')"
	works --dry-run apply "$FILE"
	prints_exactly '~ given owner root -> nobody'
	node_is given root:UNKNOWN:640
	works apply "$FILE"
	prints_exactly '~ given owner root -> nobody'
	node_is given nobody:UNKNOWN:640
	settled
	works save
	has_json '.devices[1].group == "12345"'
	works dev export given format commands
	prints ' driver vhost_vdpa owner nobody group 12345 mode 640'
	works dev export plain format commands
	[[ $output == *' driver vhost_vdpa' ]]
	devices '{"name":"given","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","owner":"daemon","group":"0","mode":"0600"}' \
		'{"name":"bare","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","mode":"666"}'
	works apply "$FILE"
	prints_exactly $'~ given owner nobody -> daemon, group 12345 -> root, mode 640 -> 600\n~ bare driver none -> vhost_vdpa, mode none -> 666'
	node_is given daemon:root:600
	node_is bare root:root:666
	settled
	chgrp daemon "/dev/$(below given 'vhost-vdpa-*')"
	works apply "$FILE"
	prints_exactly '~ given group daemon -> root'
	# Made anew, it has what the file does not speak of.
	devices '{"name":"bare","mgmtdev":"vdpasim_net","mtu":1400,"driver":"vhost_vdpa"}'
	works apply "$FILE"
	prints '~ bare recreate '
	node_is bare root:root:666
	rm -r /dev/vdpa
}

@test "with an owner that this host does not know the device is there, and not given away" {
	devices '{"name":"a","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","owner":"no-such-user","group":"daemon"}' \
		'{"name":"b","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","group":"daemon"}'
	captures 9 vdpactl --dry-run apply "$FILE"
	prints '+ a ' '(failed)' '+ b '
	captures 9 vdpactl apply "$FILE"
	says 'the char device of "a" is not given away: owner "no-such-user" is not the name or number of a user'
	prints '+ a ' '(failed)' '+ b '
	node_is a root:daemon:600
	node_is b root:daemon:600
	# Nothing else is left to do, and it is told each time.
	captures 9 vdpactl apply "$FILE"
	says 'owner "no-such-user" is not'
	prints_exactly '~ a owner root -> no-such-user (failed)'
	rm -r /dev/vdpa
}

@test "char devices get their links, and what is not given of links.conf" {
	local conf=/etc/vdpactl/links.conf
	mkdir -p /etc/vdpactl
	printf '%s\n' 'group daemon' 'mode 660' >"$conf"
	devices '{"name":"a","mgmtdev":"vdpasim_net","driver":"vhost_vdpa"}' \
		'{"name":"b","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","owner":"nobody"}' \
		'{"name":"c","mgmtdev":"vdpasim_net","driver":"vhost_vdpa","group":"root","mode":"600"}'
	works apply "$FILE"
	node_is a root:daemon:660
	node_is b nobody:daemon:660
	node_is c root:root:600
	# Nothing goes without saying where every new one gets something.
	works save
	has_json '.devices[2] | [.owner, .group, .mode] == ["root", "root", "600"]'
	[[ $(readlink /dev/vdpa/by-name/a) == "../../$(below a 'vhost-vdpa-*')" && -L /dev/vdpa/by-name/c ]]
	# Made anew, it is not more open than it was.
	devices '{"name":"c","mgmtdev":"vdpasim_net","mtu":1400,"driver":"vhost_vdpa"}'
	works apply "$FILE"
	prints '~ c recreate '
	node_is c root:root:600
	# A wrong file takes no device away, and is told once.
	works dev del a b c
	echo 'mode rw' >"$conf"
	devices '{"name":"a","mgmtdev":"vdpasim_net","driver":"vhost_vdpa"}' \
		'{"name":"b","mgmtdev":"vdpasim_net","driver":"vhost_vdpa"}'
	captures 0 vdpactl apply "$FILE"
	[[ $(grep -c "$conf:1: mode \"rw\" is not an octal number" <<<"$stderr") == 1 ]]
	node_is a root:root:600
	[[ -L /dev/vdpa/by-name/a && -L /dev/vdpa/by-name/b ]]
	rm -r /dev/vdpa "$conf"
}
