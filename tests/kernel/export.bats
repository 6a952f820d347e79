# SPDX-License-Identifier: GPL-2.0-or-later
# dev export: what each engine is told, by that engine itself where there is one: QEMU, libvirt's schemas, podman.
# kernels: 6.12
# needs: setup-peers
# lab: --parents mlx5 --peers qemu,libvirt -m 1800

# shellcheck disable=SC2016 # names and filters with dollar signs, hints with backquotes
load helpers
load tools
load disks

readonly ODD="a b'c\"d<e>&f,g\$h"

setup() {
	disks_setup
	UNLINK=()
}

teardown() {
	local path
	for path in "${UNLINK[@]}"; do
		rm -rf "$path"
	done
	disks_teardown
}

net() { # NAME DRIVER [ARGUMENT...]
	vdpactl dev add name "$1" mgmtdev vdpasim_net mac 02:00:00:00:00:01 "${@:3}"
	bind "$1" "$2"
}

blk() { # NAME DRIVER
	vdpactl dev add name "$1" mgmtdev vdpasim_blk
	bind "$1" "$2"
}

# Sets WORDS: what a shell makes of the line.
shell_words() { # LINE
	eval "WORDS=($1)"
}

@test "qemu: a net device, a disk, the generic device" {
	local n b
	net "$DEV" vhost_vdpa mtu 1400
	blk "b$DEV" vhost_vdpa
	n=$(chardev "$DEV") b=$(chardev "b$DEV")
	works dev export "$DEV" "b$DEV" format qemu
	prints_exactly <<-END
		-netdev vhost-vdpa,id=${n#/dev/},vhostdev=$n -device virtio-net-pci,netdev=${n#/dev/},mac=02:00:00:00:00:01,host_mtu=1400
		-blockdev driver=virtio-blk-vhost-vdpa,node-name=${b#/dev/},path=$b,cache.direct=on -device virtio-blk-pci,drive=${b#/dev/}
	END
	works dev export "b$DEV" format qemu generic
	prints_exactly "-device vhost-vdpa-device-pci,vhostdev=$b"
	works -j dev export "b$DEV" format qemu generic
	prints_exactly "-device vhost-vdpa-device-pci,vhostdev=$b"
}

@test "qemu: several queues of a device are all used" {
	load_standin sf_count=1
	vdpactl dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 4 mac 02:00:00:00:00:02
	bind "$DEV" vhost_vdpa
	works dev export "$DEV" format qemu
	prints ',queues=4 -device ' ',mac=02:00:00:00:00:02,mq=on,vectors=10'
	works dev export "$DEV" format libvirt
	prints "<driver queues='4'/>"
}

negotiated() { [[ $(vdpactl dev config show "$DEV") == *negotiated_features* ]]; }

# The network boot of a guest without a disk drives the device: iPXE in QEMU, under TCG in a guest under TCG.
@test "QEMU runs a guest with that line, whose driver takes the device" {
	command -v qemu-system-x86_64 >/dev/null || skip "no QEMU"
	net "$DEV" vhost_vdpa mtu 1400
	works dev export "$DEV" format qemu
	shell_words "$output"
	run ! negotiated
	ulimit -l unlimited
	background qemu-system-x86_64 -M q35 -accel tcg -cpu qemu64 -m 48 -nodefaults -display none -no-reboot -boot n "${WORDS[@]}"
	wait_until 150 negotiated
	works dev config show "$DEV"
	prints 'negotiated_features MTU' 'VERSION_1'
	works check "$DEV"
	prints "used by qemu-system-x86 (process ${CHILDREN[-1]})"
	kill "${CHILDREN[-1]}"
	wait "${CHILDREN[-1]}" || true
}

# What a machine of QEMU's boots from: copies the second sector of its first disk to the third of its second one.
# Ends QEMU with status 3, or 1 when the firmware could not read or write.
boot_sector() {
	printf '\x31\xc0\x8e\xc0\xbb\x00\x7e'                                 # es = 0, bx = 0x7e00: where to
	printf '\xb8\x01\x02\xb9\x02\x00\xba\x80\x00\xcd\x13\x72\x0b'         # reads one sector: 2, of disk 0x80
	printf '\xb8\x01\x03\xb9\x03\x00\xba\x81\x00\xcd\x13\x0f\x93\xc0\xe6\xf4\xf4' # writes one: 3, of disk 0x81; exits
	head -c 473 /dev/zero
	printf '\x55\xaa'
}

# Devices that go by addresses of QEMU's process need memory that can be shared.
boots() { # OPTION...
	ulimit -l unlimited
	captures 3 timeout 120 "$LAB_QEMU" -M q35,memory-backend=ram -object memory-backend-memfd,id=ram,size=48M,share=on -m 48 \
		-accel tcg -cpu qemu64 -nodefaults -display none -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 "$@"
}

@test "QEMU's firmware boots from a disk by either line, and writes to one by the other" {
	local first
	{
		boot_sector
		printf '%-512s' 'what the guest copies'
	} >"$WORK/image"
	truncate -s 2M "$WORK/image"
	disk "file:$WORK/image" driver vhost_vdpa
	blk "b$DEV" vhost_vdpa
	blk "c$DEV" vhost_vdpa

	captures 0 vdpactl dev export "$DEV" format qemu generic
	says 'has virtqueues of 256 descriptors' 'add it with queue_size 1024'
	shell_words "$output"
	first=("${WORDS[@]}")
	works dev export "b$DEV" format qemu
	shell_words "$output"
	boots "${first[@]}" "${WORDS[@]}"
	works dev export "$DEV" format qemu
	shell_words "$output"
	first=("${WORDS[@]}")
	works dev export "c$DEV" format qemu generic
	shell_words "$output"
	boots "${first[@]}" "${WORDS[@]}"

	bind "b$DEV" virtio_vdpa
	bind "c$DEV" virtio_vdpa
	captures 0 cmp -n 512 -i 512:1024 "$WORK/image" "/dev/$(below "b$DEV" 'virtio*/block/*')"
	captures 0 cmp -n 512 -i 512:1024 "$WORK/image" "/dev/$(below "c$DEV" 'virtio*/block/*')"
}

validates() { # ELEMENT
	printf "<domain type='qemu'><name>x</name><memory>1024</memory><os><type>hvm</type></os><devices>%s</devices></domain>" \
		"$1" >"$WORK/domain.xml"
	captures 0 xmllint --noout --relaxng "$LAB_LIBVIRT_SCHEMAS/domain.rng" "$WORK/domain.xml"
}

@test "libvirt: elements that its schemas accept" {
	local n b
	net "$DEV" vhost_vdpa mtu 1400
	blk "b$DEV" vhost_vdpa
	blk "c$DEV" vhost_vdpa
	n=$(chardev "$DEV") b=$(chardev "b$DEV")
	works dev export "$DEV" format libvirt
	prints_exactly <<-END
		<interface type='vdpa'>
		  <mac address='02:00:00:00:00:01'/>
		  <source dev='$n'/>
		  <model type='virtio'/>
		</interface>
	END
	validates "$output"
	run ! validates '<nonsense/>'
	works dev export "b$DEV" "c$DEV" format libvirt
	prints "<source dev='$b'/>" "<target dev='vda' bus='virtio'/>" "<target dev='vdb' bus='virtio'/>"
	validates "$output"
}

@test "cdi: the version that its fields need, a file of each class" {
	local n
	net "$DEV" vhost_vdpa
	net "7$DEV" vhost_vdpa
	net "v$DEV" virtio_vdpa
	blk "b$DEV" virtio_vdpa
	n=$(chardev "$DEV")
	works dev export "$DEV" format cdi
	prints_exactly '{"cdiVersion":"0.3.0","kind":"vdpactl/net","devices":[{"name":"'"$DEV"'","containerEdits":{"deviceNodes":[{"path":"'"$n"'","permissions":"rw"}]}}]}'
	works dev export "$DEV" "7$DEV" format cdi
	has_json '.cdiVersion == "0.5.0" and (.devices | length) == 2'
	works -p dev export "$DEV" "v$DEV" format cdi
	has_json '.cdiVersion == "1.1.0" and .devices[1].containerEdits == {netDevices: [{hostInterfaceName: $i, name: $i}]}' \
		--arg i "$(below "v$DEV" 'virtio*/net/*')"
	fails 2 dev export "$DEV" "b$DEV" format cdi
	says 'a CDI file has devices of one class, and these are of net and block'
	works dev export "$DEV" "b$DEV" "7$DEV" format cdi output "$WORK"
	prints_exactly ''
	captures 0 jq -c '[.kind, (.devices | map(.name))]' "$WORK/vdpactl-net.json" "$WORK/vdpactl-block.json"
	prints_exactly <<-END
		["vdpactl/net",["$DEV","7$DEV"]]
		["vdpactl/block",["b$DEV"]]
	END
	[[ $(jq -r '.devices[].containerEdits.deviceNodes[].path' "$WORK/vdpactl-block.json") == "/dev/$(below "b$DEV" 'virtio*/block/*')" ]]
	[[ -z $(find "$WORK" -name '.*') && $(stat -c %a "$WORK/vdpactl-net.json") == 644 ]]
}

in_podman() { # COMMAND
	podman --storage-driver vfs --cgroup-manager cgroupfs --root "$WORK/storage" --runroot "$WORK/runroot" --tmpdir "$WORK/tmp" \
		run --rm --network none --log-driver none --cgroups disabled --security-opt seccomp=unconfined \
		--device "vdpactl/net=$DEV" --rootfs "$WORK/rootfs" /bin/busybox "$@"
}

@test "podman gives a container the device that it names" {
	command -v podman >/dev/null || skip "no podman"
	net "$DEV" vhost_vdpa
	net "b$DEV" vhost_vdpa
	mkdir -p /etc/cdi "$WORK"/rootfs/{bin,dev,proc,sys,etc,run}
	cp "$(command -v busybox)" "$WORK/rootfs/bin/busybox"
	UNLINK+=(/etc/cdi/vdpactl-net.json)
	works dev export "$DEV" format cdi output /etc/cdi
	captures 0 in_podman stat -c '%n %t %T' "$(chardev "$DEV")"
	prints_exactly "$(stat -c '%n %t %T' "$(chardev "$DEV")")"
	run ! in_podman stat "$(chardev "b$DEV")"
	rm /etc/cdi/vdpactl-net.json
	run ! in_podman true
}

@test "deviceinfo: a device a document, a file for each in a directory" {
	net "$DEV" vhost_vdpa
	net "b$DEV" virtio_vdpa
	works dev export "$DEV" "b$DEV" format deviceinfo
	prints_exactly <<-END
		{"type":"vdpa","version":"1.1.0","vdpa":{"parent-device":"$DEV","driver":"vhost","path":"$(chardev "$DEV")"}}
		{"type":"vdpa","version":"1.1.0","vdpa":{"parent-device":"b$DEV","driver":"virtio","path":"/sys/bus/virtio/devices/$(below "b$DEV" 'virtio*')"}}
	END
	works dev export "$DEV" "b$DEV" format deviceinfo output "$WORK"
	[[ $(jq -r '.vdpa."parent-device"' "$WORK/$DEV-device.json" "$WORK/b$DEV-device.json") == "$DEV"$'\n'"b$DEV" ]]
	works dev export "$DEV" format deviceinfo output "$WORK/one"
	[[ $(jq -r .type "$WORK/one") == vdpa ]]
	fails 2 dev export "$DEV" "b$DEV" format deviceinfo output "$WORK/one"
	says 'a deviceinfo file has one device'
}

# What can be read of a device, but for what is chance.
record() { # DEVICE...
	vdpactl -d dev show "$@" | sed 's/ \(driver_override\|chardev\|chardev_number\|virtio\|netdev\|blockdev\|operstate\) [^ ]*//g'
	vdpactl -d dev config show "$@" | sed '/negotiated/d'
}

run_commands() { # FILE
	local line
	while IFS= read -r line; do
		vdpactl dev add help | grep -q '^  driver ' || line=${line% driver *}
		eval "$line" || return 1
	done <"$1"
}

@test "commands: what they make is the same again" {
	local before
	net "$DEV" virtio_vdpa mtu 1400
	vdpactl dev add name "f$DEV" mgmtdev vdpasim_net device_features MAC,VERSION_1,ACCESS_PLATFORM
	vdpactl dev add name "$ODD" mgmtdev vdpasim_net
	blk "b$DEV" virtio_vdpa
	before=$(record "$DEV" "f$DEV" "$ODD" "b$DEV")
	works dev export "$DEV" "f$DEV" "$ODD" "b$DEV" format commands output "$WORK/commands"
	vdpactl dev del "$DEV" "f$DEV" "$ODD" "b$DEV"
	run_commands "$WORK/commands"
	diff -u <(echo "$before") <(record "$DEV" "f$DEV" "$ODD" "b$DEV")
	works dev del "$ODD"
}

@test "commands: a disk of vdused" {
	local first
	disk "mem:2M" queues 2 queue_size 64 readonly serial 'a b'
	works dev export "$DEV" format commands
	first=$output
	prints "vdpactl vduse add name $DEV type block backend " 'readonly' "serial 'a b'" ' driver virtio_vdpa'
	works vduse del "$DEV"
	eval "$first"
	works dev export "$DEV" format commands
	prints_exactly "$first"
}

@test "commands: what begins as an option does" {
	local first
	vdpactl -- dev add name "-$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01
	vdpactl -- vduse add name "$DEV" type block backend mem:2M serial '-s 1'
	works -- dev export "-$DEV" "$DEV" format commands
	first=$output
	prints "vdpactl -- dev add name -$DEV mgmtdev " "vdpactl -- vduse add name $DEV " " serial '-s 1' "
	vdpactl -- dev del "-$DEV"
	works vduse del "$DEV"
	echo "$first" >"$WORK/commands"
	run_commands "$WORK/commands"
	works -- dev export "-$DEV" "$DEV" format commands
	prints_exactly "$first"
	# Whoever tidies up behind the tests does not know of such names.
	works -- dev del "-$DEV"
}

@test "commands: all that a disk of vdused was made with, and no serial number that it was not" {
	local name first
	name=$(printf 'd%030d' 1)
	disk_named "$name" "mem:2M" cache buffered packed reconnect 7 threads 1 poll_us 50 user nobody
	works dev export "$name" format commands
	prints_exactly "vdpactl vduse add name $name type block backend mem:2M queues 1 queue_size 256 cache buffered packed reconnect 7 threads 1 poll_us 50 user nobody driver virtio_vdpa"
	first=$output
	works vduse del "$name"
	eval "$first"
	works dev export "$name" format commands
	prints_exactly "$first"
	# One that this vdpactl does not understand is not half told.
	printf -- '--more\0' >>"$RUNTIME/$name/options"
	fails 8 dev export "$name" format commands
	says 'cannot read or understand what vdused serves'
}

@test "names that a shell, XML, JSON or a path would choke on" {
	net "$ODD" vhost_vdpa
	works dev link "$ODD"
	works dev export "$ODD" format qemu by_name
	shell_words "$output"
	[[ ${WORDS[0]} == -netdev && ${WORDS[1]} == *"vhostdev=/dev/vdpa/by-name/${ODD//,/,,}" && ${#WORDS[@]} == 4 ]]
	works dev export "$ODD" format libvirt by_name
	prints "<source dev='/dev/vdpa/by-name/a b&apos;c\"d&lt;e>&amp;f,g\$h'/>"
	works dev export "$ODD" format deviceinfo by_name
	has_json '.vdpa."parent-device" == $n and .vdpa.path == "/dev/vdpa/by-name/" + $n' --arg n "$ODD"
	works dev export "$ODD" format commands
	shell_words "$output"
	[[ ${WORDS[4]} == "$ODD" && ${WORDS[5]} == mgmtdev ]]
	fails 8 dev export "$ODD" format cdi
	says 'is no name of a CDI device'
	works dev unlink "$ODD"
	fails 3 dev export "$ODD" format qemu by_name
	says 'no link in /dev/vdpa/by-name leads to' 'hint: make it with `dev link`'
	works dev del "$ODD"
}

@test "a newline and octets that are no text" {
	local odd=$'two\nlines\xff'
	autoprobe off
	vdpactl dev add name "$odd" mgmtdev vdpasim_net
	echo vhost_vdpa >"/sys/bus/vdpa/devices/$odd/driver_override"
	# bash writes a line at a time
	printf %s "$odd" | dd of=/sys/bus/vdpa/drivers_probe status=none
	works dev export "$odd" format commands
	shell_words "$output"
	[[ ${WORDS[4]} == "$odd" ]]
	works dev link "$odd"
	[[ -L /dev/vdpa/by-name/$odd ]]
	fails 8 dev export "$odd" format libvirt by_name
	says 'XML has no way to write'
	works dev export "$odd" format libvirt
	works dev unlink "$odd"
	works dev del "$odd"
}

@test "nothing is half exported" {
	net "$DEV" vhost_vdpa
	net "b$DEV" none
	fails 8 dev export "$DEV" "b$DEV" format qemu
	says 'is bound to no driver' 'hint: bind it to vhost_vdpa first'
	fails 8 dev export "$DEV" "b$DEV" format cdi output "$WORK"
	fails 8 dev export "$DEV" "b$DEV" format deviceinfo
	fails 8 dev export "$DEV" "b$DEV" format deviceinfo output "$WORK"
	fails 3 dev export "$DEV" nothing format commands output "$WORK/file"
	[[ -z $(ls -A "$WORK") ]]
	captures 3 vdpactl -j dev export nothing format cdi
	has_json '.errors[0].device == "nothing"'
	works dev export "b$DEV" format commands
	prints ' driver none'
	fails 3 dev export "$DEV" format qemu output "$WORK/no/such"
	says "cannot write $WORK/no/such: No such file or directory"
	echo before >"$WORK/file"
	works dev export "$DEV" format qemu output "$WORK/file"
	[[ $(<"$WORK/file") == '-netdev '* && $(ls -A "$WORK") == file ]]
	# What is there keeps its mode; commands may have a password in them.
	chmod 640 "$WORK/file"
	works dev export "$DEV" format qemu output "$WORK/file"
	[[ $(stat -c %a "$WORK/file") == 640 ]]
	works dev export "$DEV" format commands output "$WORK/commands"
	[[ $(stat -c %a "$WORK/commands") == 600 ]]
	fails 1 dev export "$DEV" format qemu output /dev/null
	says 'cannot write /dev/null: it is no regular file'
	[[ -c /dev/null ]]
	ln -s file "$WORK/link"
	works dev export "$DEV" format commands output "$WORK/link"
	[[ -L $WORK/link && $(<"$WORK/file") == 'vdpactl dev add '* ]]
}
