# SPDX-License-Identifier: GPL-2.0-or-later
# dev resolve of what VDUSE devices become. Hardware: resolve_pci.bats.
# kernels: 6.12 7.2
# lab: -c 1

load helpers
load tools
load resolve

@test "VDUSE: node, link to it, disk, virtio device, name; nothing of another" {
	local disk virtio node
	stub a && stub b
	works dev add name a mgmtdev vduse driver vhost_vdpa
	works dev add name b mgmtdev vduse driver virtio_vdpa wait
	node=$(chardev a) disk=$(below b 'virtio*/block/*') virtio=$(below b 'virtio*')
	mkdir -p /dev/vdpa/by-name
	ln -sf "../../${node##*/}" /dev/vdpa/by-name/a
	resolves chardev "$node" a
	resolves chardev /dev/vdpa/by-name/a a
	resolves chardev "${node##*/}" a
	# as in a container: no node here, and one of another device that had the number
	mv "$node" /dev/away
	resolves chardev "${node##*/}" a
	cp -a /dev/vduse/b "$node"
	resolves chardev "${node##*/}" a
	resolves chardev "$node" b
	mv /dev/away "$node"
	resolves blockdev "/dev/$disk" b
	resolves blockdev "$disk" b
	resolves virtio "$virtio" b
	resolves device a a
	resolves chardev /dev/vduse/b b
	works dev unbind b
	fails 3 dev resolve "$virtio"
	says "no vDPA device belongs to \"$virtio\""
	for key in nothing /dev/null /dev/nothing lo 0000:00:00.0 '..' '*' "$disk"; do
		fails 3 dev resolve "$key"
	done
	captures 0 as_nobody "$VDPACTL" dev resolve "$node"
	captures 3 vdpactl -j dev resolve nothing
	has_json '.dev == {} and .errors[0].code == "ENODEV"'
	rm -r /dev/vdpa
}

@test "a VDUSE net device: its interface" {
	stub "$DEV" --type net --queues 2 --features 10028 --mac 02:00:00:00:00:2a
	works dev add name "$DEV" mgmtdev vduse driver virtio_vdpa wait
	resolves netdev "$(below "$DEV" 'virtio*/net/*')" "$DEV"
}

@test "devices come and go while they are listed: no failure, and nothing but what is there" {
	[[ -e /sys/module/vdpa_sim_net ]] || skip "expected: no simulators for this kernel"
	autoprobe off
	seq -f 'dev add name x%g mgmtdev vdpasim_net driver vhost_vdpa' 400 >"$BATS_TEST_TMPDIR/batch"
	echo "dev del x*" >>"$BATS_TEST_TMPDIR/batch"
	background "$VDPACTL" -q -batch "$BATS_TEST_TMPDIR/batch"
	while kill -0 "${CHILDREN[-1]}" 2>/dev/null; do
		works -d -j dev show
		captures 0 vdpactl dev resolve x1 || [[ $status == 3 ]]
	done
	CHILDREN=()
	no_devices
}
