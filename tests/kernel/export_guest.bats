# SPDX-License-Identifier: GPL-2.0-or-later
# dev export format qemu: a Linux in QEMU, whose drivers work with what each kind of line brings.
# kernels: 6.12
# builds: gcc
# needs: setup-peers
# lab: --peers qemu -m 1500
# seconds: 90

# That Linux is emulated by what is emulated itself, and boots in a minute or two.
# shellcheck disable=SC2034 # helpers.bash reads it
TEST_DEADLINE=450

load helpers
load tools
load disks

setup() { disks_setup; }
teardown() { disks_teardown; }

# The initramfs of a guest that copies a sector of each disk to the one after it, and waits for packets of its own that
# the simulator gave back.
make_initramfs() { # FILE
	local dir=$WORK/initramfs program module
	mkdir -p "$dir"/{bin,dev,sys}
	cp "$(command -v busybox)" "$dir/bin/busybox"
	for program in arping cat dd insmod ip mount reboot sh sleep; do
		ln -s busybox "$dir/bin/$program"
	done
	for module in failover net_failover virtio_net virtio_blk; do
		find "/lib/modules/$(uname -r)/kernel" -name "$module.ko" -exec cp {} "$dir" \;
		[[ -e $dir/$module.ko ]] || failed "no module $module"
	done
	cat >"$dir/init" <<-'END'
		#!/bin/sh
		mount -t devtmpfs dev /dev
		mount -t sysfs sys /sys
		exec >/dev/ttyS0 2>&1
		for module in failover net_failover virtio_net virtio_blk; do
			insmod /$module.ko
		done
		for disk in vda vdb; do
			dd if=/dev/$disk of=/dev/$disk bs=512 skip=1 seek=2 count=1 conv=fsync 2>/dev/null && echo "$disk copied"
		done
		net=/sys/class/net/eth0
		echo "eth0 $(cat $net/address) $(cat $net/mtu)"
		ip link set eth0 up
		while [ "$(cat $net/statistics/rx_packets)" = 0 ]; do
			arping -c 1 -w 1 -I eth0 192.0.2.1 >/dev/null
		done
		echo "eth0 received"
		reboot -f
	END
	chmod +x "$dir/init"
	(cd "$dir" && find . | cpio -o -H newc --quiet) >"$1"
}

@test "Linux in QEMU: the generic device, a disk by libblkio, a net device" {
	local words=()
	printf '%-512s%-512s' '' 'what the guest copies' >"$WORK/image"
	truncate -s 2M "$WORK/image"
	# The generic device of QEMU offers rings of 1024 entries, whatever the device takes.
	disk "file:$WORK/image" queue_size 1024 driver vhost_vdpa
	vdpactl dev add name "b$DEV" mgmtdev vdpasim_blk
	bind "b$DEV" virtio_vdpa
	dd if="$WORK/image" of="/dev/$(below "b$DEV" 'virtio*/block/*')" bs=1024 count=1 conv=fsync status=none
	bind "b$DEV" vhost_vdpa
	vdpactl dev add name "n$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01 mtu 1400
	bind "n$DEV" vhost_vdpa
	make_initramfs "$WORK/initrd"

	works dev export "$DEV" format qemu generic
	read -ra words <<<"$output"
	works dev export "b$DEV" "n$DEV" format qemu
	read -ra words <<<"${words[*]} ${output//$'\n'/ }"
	ulimit -l unlimited
	captures 0 timeout 400 "$LAB_QEMU" -M q35,memory-backend=ram -object memory-backend-memfd,id=ram,size=96M,share=on -m 96 \
		-accel tcg -cpu qemu64 -nodefaults -display none -no-reboot -serial stdio -kernel "$LAB_VMLINUX" -initrd "$WORK/initrd" \
		-append 'console=ttyS0 loglevel=1 panic=-1 no_timer_check tsc=reliable mitigations=off' "${words[@]}"
	prints 'vda copied' 'vdb copied' 'eth0 02:00:00:00:00:01' '1400' 'eth0 received'

	captures 0 cmp -n 512 -i 512:1024 "$WORK/image" "$WORK/image"
	bind "b$DEV" virtio_vdpa
	captures 0 cmp -n 512 -i 512:1024 "$WORK/image" "/dev/$(below "b$DEV" 'virtio*/block/*')"
}
