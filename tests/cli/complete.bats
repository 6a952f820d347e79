# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2086,SC2154 # lists of words are meant to be split; run sets output, stderr and status
# vdpactl --complete: the words that are known without a kernel.

load cli

# complete WORD...: completes the last one
complete() {
	run -0 --separate-stderr "$VDPACTL" --complete $(($# - 1)) "$@"
	[[ -z $stderr ]]
}

is() { # WORD...
	diff <(printf '%s\n' "$@") <(printf '%s\n' "$output")
}

@test "objects, commands, aliases" {
	complete vdpactl ''
	is mgmtdev dev vduse save apply restore features check monitor metrics help
	complete vdpactl d
	is dev
	complete vdpactl dev ''
	is show list add del config vstats set replace bind unbind wait resolve users export link unlink help
	complete vdpactl dev co
	is config
	complete vdpactl d c s
	is show
	complete vdpactl help dev a
	is add
	complete vdpactl bogus ''
	is ''
	complete vdpactl dev vst ''
	is ''
}

@test "options" {
	complete vdpactl --st
	is --statistics
	complete vdpactl dev show -pre
	is -pretty
	complete vdpactl -
	prints --json -json --batch -batch
	complete vdpactl -j dev -p sh
	is show
	complete vdpactl -b ''
	is ''
	complete vdpactl -b file dev sh
	is show
	complete vdpa --
	is --Version --help --json --pretty
}

@test "keywords" {
	complete vdpactl dev add ''
	is name mgmtdev mac mtu max_vqp max_vqs device_features driver wait owner group mode force help
	complete vdpactl dev add n x ''
	is mgmtdev mac mtu max_vqp max_vqs device_features driver wait owner group mode force
	complete vdpactl dev add name x mgmtdev y mac random max_vqs 4 mtu 1 ''
	is device_features driver wait owner group mode force
	complete vdpactl dev add force name x m
	is mgmtdev mac mtu max_vqp max_vqs mode
	complete vdpactl dev add name ''
	is ''
	complete vdpactl dev add mtu ''
	is ''
	complete vdpactl dev add mac ''
	is random
	complete vdpactl dev add bogus x ''
	is ''
	complete vdpactl dev del x i
	is if_exists
	complete vdpactl dev vstats show x ''
	is qidx interval count
	complete vdpactl dev vstats show x qidx ''
	prints all ctrlvq
	complete vdpa dev add ''
	is name mgmtdev mac mtu max_vqp device_features
	complete vdpa dev add mac ''
	is ''
	complete /usr/sbin/vdpa dev vstats show x qidx a
	is ''
}

@test "words of commands that vdpa lacks" {
	complete vdpactl dev del ''
	is mgmtdev type driver if_exists force help
	complete vdpactl dev del x ''
	is mgmtdev type driver if_exists force
	complete vdpactl dev del driver ''
	is vhost_vdpa virtio_vdpa none
	complete vdpactl dev show type ''
	is net block
	complete vdpactl dev bind x driver v
	is vhost_vdpa virtio_vdpa
	complete vdpactl dev bind x driver vhost_vdpa wait ''
	is owner group mode force
	complete vdpactl dev wait x ''
	is present bound chardev netdev blockdev absent
	complete vdpactl dev wait x present ''
	is ''
	complete vdpactl dev replace name x mgmtdev y driver virtio_vdpa wait 3 f
	is force
	complete vdpa dev del ''
	is ''
	complete vdpa dev show x ''
	is ''
}

@test "feature names, one after the other" {
	complete vdpactl dev add device_features MA
	is MAC
	complete vdpactl dev add device_features MAC,MT
	is MAC,MTU
	complete vdpactl dev add device_features MAC,MTU,M
	is MAC,MTU,MRG_RXBUF MAC,MTU,MQ
	complete vdpactl dev add device_features -MT
	is -MTU
	complete vdpactl dev add device_features -mac,-MT
	is -mac,-MTU
	complete vdpactl dev add device_features MAC,-MA
	is ''
	complete vdpactl dev add device_features ''
	prints RING_PACKED VERSION_1 CTRL_VQ
}

@test "nonsense gets silence" {
	for words in '' 1 'x vdpactl' '-1 vdpactl' '0 vdpactl' '99999999999 vdpactl' '1' "2 vdpactl dev add x"; do
		run -0 --separate-stderr "$VDPACTL" --complete $words
		[[ -z $stderr ]]
	done
	# a cursor behind the words completes an empty one
	run -0 "$VDPACTL" --complete 3 vdpactl dev
	prints show
	run -0 --separate-stderr bash -c '"$@" >/dev/full' bash "$VDPACTL" --complete 1 vdpactl ''
	[[ -z $stderr ]]
}
