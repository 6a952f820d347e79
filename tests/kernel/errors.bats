# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: --parents mlx5 -c 1
# What the kernel refuses, row by row: exit status, sentence, the kernel's own words, advice.

load helpers

setup() {
	common_setup
	autoprobe off
}

# Each line: STATUS | ARGUMENTS behind "dev add name NAME" | SENTENCE | HINT. No device may come of it.
refusals() {
	local status words sentence hint
	while IFS='|' read -r status words sentence hint; do
		# shellcheck disable=SC2086 # words
		fails "$status" dev add name "$DEV" $words
		says "$sentence" "${hint:+hint: $hint}"
		if device_exists "$DEV"; then
			failed "it was added: $words"
		fi
	done
}

@test "the parent: not there, without its bus, its module not loaded" {
	rmmod vdpa_sim_blk
	refusals <<-END
		3|mgmtdev nothing|cannot add device "$DEV": Fail to find the specified management device (No such device)|
		3|mgmtdev pci/0000:99:00.0|Fail to find the specified management device|
		3|mgmtdev mlx5_core.sf.1|Fail to find the specified management device|a parent on a bus is named BUS/NAME
		3|mgmtdev 0000:03:00.2|Fail to find the specified management device|a parent on a bus is named BUS/NAME
		3|mgmtdev vdpasim_blk|Fail to find the specified management device|load its driver: \`modprobe vdpa_sim_blk\`
	END
	modprobe vdpa_sim_blk
}

@test "numbers out of range: the policy's, the core's, the driver's" {
	refusals <<-END
		1|mgmtdev vdpasim_net mtu 67|cannot add device "$DEV": integer out of range (Numerical result out of range)|mtu: expected 68 to 65535
		1|mgmtdev vdpasim_net mtu 0|integer out of range|mtu: expected 68 to 65535
		1|mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 0|At least one pair of VQs is required (Invalid argument)|
		1|mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 129|cannot add device "$DEV": Invalid argument|a value is not possible for this parent
		1|mgmtdev pci/0000:03:00.2 max_vqs 258|Invalid argument|a value is not possible for this parent
	END
}

@test "an attribute without its feature: the features are named" {
	refusals <<-END
		1|mgmtdev vdpasim_net mac 02:00:00:00:00:01 device_features 0x300000000|Missing features 0x20 for provided attributes|the attributes given need these in device_features too: MAC
		1|mgmtdev vdpasim_net mtu 1400 device_features 0x300000020|Missing features 0x8 for|the attributes given need these in device_features too: MTU
		1|mgmtdev vdpasim_net mac 02:00:00:00:00:01 mtu 1400 device_features 0x300000000|Missing features 0x28 for|the attributes given need these in device_features too: MTU,MAC
		1|mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 2 device_features 0x300000000|Missing features 0x400000 for|the attributes given need these in device_features too: MQ
	END
}

@test "features: not the parent's, too few, or without the address they promise" {
	refusals <<-END
		1|mgmtdev vdpasim_net device_features 0x300000001|cannot add device "$DEV": Invalid argument|CSUM is not offered by management device "vdpasim_net"
		1|mgmtdev vdpasim_net device_features 0x320000001|Invalid argument|CSUM,RING_EVENT_IDX are not offered by management device "vdpasim_net"
		1|mgmtdev auxiliary/mlx5_core.sf.1 device_features 0x304000000|Invalid argument|bit_26 is not offered
		8|mgmtdev auxiliary/mlx5_core.sf.1 device_features 0x100000000|Operation not supported|device_features may need VERSION_1 and ACCESS_PLATFORM
		8|mgmtdev auxiliary/mlx5_core.sf.1 device_features MTU|Operation not supported|device_features may need VERSION_1 and ACCESS_PLATFORM
		1|mgmtdev pci/0000:03:00.2 device_features 0x300000020|Invalid argument|
	END
}

@test "one device a parent: ENOSPC" {
	works dev add name "$DEV.1" mgmtdev auxiliary/mlx5_core.sf.1
	works dev add name "$DEV.p" mgmtdev pci/0000:03:00.2
	refusals <<-END
		1|mgmtdev auxiliary/mlx5_core.sf.1|cannot add device "$DEV": No space left on device|the parent is in use (one device a parent)
		1|mgmtdev pci/0000:03:00.2 mac 02:00:00:00:00:01|No space left on device|the parent is in use
	END
}

@test "vduse: no daemon has made the device" {
	refusals <<-END
		1|mgmtdev vduse|cannot add device "$DEV": Invalid argument|there is no VDUSE device "$DEV": its daemon creates it (/dev/vduse/$DEV)
	END
}

@test "names that the kernel would change or choke on: 2" {
	for name in '' a/b . ..; do
		fails 2 dev add name "$name" mgmtdev vdpasim_net
		says "dev add: name \"$name\""
	done
	printf -v name '%0256d' 0
	fails 2 dev add name "$name" mgmtdev vdpasim_net
	says 'has 256 octets, at most 255 are possible'
	no_devices
	works dev add name a/b mgmtdev vdpasim_net force
	fails 3 dev show a/b
	works dev del 'a!b'
}

@test "an errno of any driver: its exit status, its words" {
	while IFS='|' read -r errno status words; do
		standin_set fail_add "$errno"
		fails "$status" dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1
		says "vdpactl: cannot add device \"$DEV\": $words"
	done <<-'END'
		1|6|Operation not permitted
		2|3|No such file or directory
		5|1|Input/output error
		11|1|Resource temporarily unavailable
		12|1|Cannot allocate memory
		13|6|Permission denied
		16|5|Device or resource busy
		17|4|File exists
		19|3|No such device
		22|1|Invalid argument
		28|1|No space left on device
		34|1|Numerical result out of range
		38|8|Function not implemented
		90|1|Message too long
		95|8|Operation not supported
		105|1|No buffer space available
		110|7|Connection timed out
		512|1|
		4095|1|
	END
	standin_set fail_add 0
}

@test "what the kernel and the attribute are, with -verbose; no advice with -quiet" {
	captures 1 vdpactl -v dev add name "$DEV" mgmtdev vdpasim_net mtu 67
	[ "$stderr" = "vdpactl: cannot add device \"$DEV\": integer out of range (Numerical result out of range)
  kernel: integer out of range
  attribute: mtu
  errno: Numerical result out of range
  hint: mtu: expected 68 to 65535
" ]
	captures 1 vdpactl -q dev add name "$DEV" mgmtdev vdpasim_net mtu 67
	[ "$stderr" = "vdpactl: cannot add device \"$DEV\": integer out of range (Numerical result out of range)
" ]
}

@test "with -json the failure is in the document too" {
	captures 8 vdpactl -j dev add name "$DEV" mgmtdev vdpasim_blk mac 02:00:00:00:00:01
	has_json '(keys == ["errors"]) and (.errors | length == 1) and (.errors[0] | .device == $d and .errno == 95
		and .code == "EOPNOTSUPP" and (.message | contains("0x400")) and (.hint | contains("mac")))' --arg d "$DEV"
	says 'not supported: 0x400'
	captures 2 vdpactl -j dev add name "$DEV" mgmtdev vdpasim_net mtu x
	has_json '.errors[0] | .code == "EINVAL" and (.message | contains("mtu \"x\""))'
}

@test "bad words: 2, with the argument, the value and what is expected" {
	while IFS='|' read -r words sentence; do
		# shellcheck disable=SC2086 # words
		fails 2 dev add $words
		says "vdpactl: dev add: $sentence"
	done <<-'END'
		|"name NAME" is missing
		name x|"mgmtdev MGMTDEV" is missing
		mgmtdev vdpasim_net|"name NAME" is missing
		name x mgmtdev vdpasim_net mtu|a decimal number from 0 to 65535 is expected after "mtu"
		name x mgmtdev vdpasim_net mtu abc|mtu "abc" is not a decimal number from 0 to 65535
		name x mgmtdev vdpasim_net mtu 0x5dc|mtu "0x5dc" is not a decimal number
		name x mgmtdev vdpasim_net mtu 65536|mtu "65536" is not a decimal number from 0 to 65535
		name x mgmtdev vdpasim_net max_vqp 99999999999999999999|max_vqp "99999999999999999999" is not
		name x mgmtdev vdpasim_net mac 1.2.3.4|mac "1.2.3.4" is not a MAC address of six octets
		name x mgmtdev vdpasim_net mac 02:00:00:00:00:1z|mac "02:00:00:00:00:1z" is not
		name x mgmtdev vdpasim_net mac 02:00:00:00:00:01:02|mac "02:00:00:00:00:01:02" is not
		name x mgmtdev vdpasim_net mac ff:ff:ff:ff:ff:ff|mac "ff:ff:ff:ff:ff:ff" is a multicast address
		name x mgmtdev a/b/c|mgmtdev "a/b/c" is not a management device
		name x mgmtdev vdpasim_net max_vqp 1 max_vqs 2|max_vqs and max_vqp
		name x mgmtdev vdpasim_net max_vqs 1|max_vqs "1" makes no pair of queues, the nearest are 2
		name x mgmtdev vdpasim_net mtu 1400 mtu 1500|mtu is given twice
		name x mgmtdev vdpasim_net colour red|unknown argument "colour"
		name x mgmtdev vdpasim_net mca 02:00:00:00:00:01|unknown argument "mca"
	END
	says 'did you mean "mac"?'
	no_devices
}

# These load the stand-in in another way, and nobody loads it again.

@test "an attribute that the parent does not take, for each parent: 8, named, with what it takes" {
	load_standin sf_count=1 odd_id=20 hostile=1
	refusals <<-END
		8|mgmtdev vdpasim_net max_vqp 1|Some provided attributes are not supported: 0x1000 (Operation not supported)|this parent does not take max_vqp; vdpasim_net takes mac mtu device_features
		8|mgmtdev vdpasim_blk mac 02:00:00:00:00:01|not supported: 0x400|this parent does not take mac; vdpasim_blk takes none of them
		8|mgmtdev vdpasim_blk mtu 1500|not supported: 0x2000|this parent does not take mtu
		8|mgmtdev vdpasim_blk max_vqp 1|not supported: 0x1000|this parent does not take max_vqp
		8|mgmtdev vdpasim_blk device_features 0x300000000|not supported: 0x100000|this parent does not take device_features
		8|mgmtdev vdpasim_blk mac 02:00:00:00:00:01 mtu 1500|not supported: 0x2400|this parent does not take mac, mtu
		8|mgmtdev vduse mac 02:00:00:00:00:01|not supported: 0x400|this parent does not take mac; vduse takes none of them
		8|mgmtdev mlx5_standin_odd mac 02:00:00:00:00:01|not supported: 0x400|this parent does not take mac
	END
}

@test "a name that exists: 4, before the driver is touched; with force the kernel says so" {
	load_standin sf_count=2
	works dev add name "$DEV" mgmtdev vdpasim_net
	standin_set fail_add 5 # who asks the driver gets this
	fails 4 dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1
	says "vdpactl: device \"$DEV\" exists already"
	standin_set fail_add 0
	fails 4 dev add name "$DEV" mgmtdev vdpasim_net force
	says "cannot add device \"$DEV\": File exists"
}
