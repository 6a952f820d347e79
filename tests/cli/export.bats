# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # run sets output, stderr and status
# vdpactl dev export, dev link and dev unlink: their words. What they do needs a kernel.

load cli

@test "export: words" {
	parses dev export vdpa0 format qemu
	parses dev export vdpa0 vdpa1 format qemu generic by_name
	parses dev exp vdpa0 format libvirt out x
	parses dev export vdpa0 format cdi output /nowhere
	fails 2 dev export vdpa0
	says '"format FORMAT" is missing'
	fails 2 dev export format qemu
	fails 2 dev export vdpa0 format
	fails 2 dev export vdpa0 format vmware
	says 'format "vmware" is not qemu, libvirt, cdi, deviceinfo or commands'
	fails 2 dev export vdpa0 format libvirt generic
	says 'generic is for format qemu'
	fails 2 dev export vdpa0 format cdi by_name
	says 'by_name is for the formats qemu, libvirt and deviceinfo'
	[[ ! -e x ]]
}

@test "export: completion of formats" {
	run -0 "$VDPACTL" --complete 5 vdpactl dev export vdpa0 format ''
	[[ $output == $'qemu\nlibvirt\ncdi\ndeviceinfo\ncommands' ]]
}

@test "link: words" {
	parses dev link vdpa0
	parses dev link vdpa0 owner root group root mode 660
	parses dev link vdpa0 owner 0 group 0 mode 0
	parses dev unlink "$NONE" || fails 2 dev unlink "$NONE"
	fails 2 dev link
	says 'a device name is expected'
	fails 2 dev link vdpa0 mode 888
	says 'mode "888" is not an octal number from 0 to 777'
	fails 2 dev link vdpa0 mode 1777
	fails 2 dev link vdpa0 owner no-such-user
	says 'owner "no-such-user" is not the name or number of a user'
	fails 2 dev link vdpa0 group 4294967295
	says 'group "4294967295" is not the name or number of a group'
	fails 2 dev link from_udev mode 600
	says 'from_udev'
	fails 2 dev link vdpa0 from_udev
	fails 2 dev unlink
	fails 2 dev link .
	fails 2 dev unlink ..
	fails 2 dev unlink a/b
	says 'cannot be the name of a link'
}

@test "link from_udev: an environment that is no event" {
	fails 1 dev link from_udev
	says 'the environment tells of no event of a vDPA device'
	DEVPATH=/devices/x SUBSYSTEM=net fails 1 dev link from_udev
	DEVPATH=/devices/ SUBSYSTEM=vdpa fails 1 dev link from_udev
	# Of a device that is gone there is no link to remove.
	run -0 --separate-stderr env DEVPATH=/devices/no-such-device SUBSYSTEM=vdpa "$VDPACTL" dev link from_udev
	[[ -z $output$stderr ]]
}
