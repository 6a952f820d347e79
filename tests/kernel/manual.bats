# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# builds: gcc
# lab: --parents ifcvf,mlx5 -c 1
# seconds: 40
# The manual's examples: run as they stand there, they print what stands there. Its JSON keys are those that are printed.

load helpers

# What differs from machine to machine.
normal() {
	sed -E 's/\bvirtio[0-9]+/virtioN/g; s/\b(chardev_number) [0-9]+:[0-9]+/\1 N:N/g; s/ open in [0-9]+ / open in N /; s/ pid [0-9]+ / pid N /; s/20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z/TIME/g; s/ [0-9]+\.[0-9]{3} s$/ N s/'
}

# The lines of the page's literal blocks under EXAMPLES; of the tutorial, of all that are not indented.
example_lines() { # PAGE
	awk -v all="$([[ $1 != *tutorial* ]] || echo yes)" '/^\.Sh / { on = all || $2 == "EXAMPLES" } /^\.Ed/ { body = 0 }
		on && body { print } on && /^\.Bd -literal/ && !(all && /indent/) { body = 1 }' \
		"$TOP_SRCDIR/man/$1" | sed 's/^\\&//; s/\\e/\\/g'
}

# What is to be found in the page: each command with its output. A file that "cat" shows is made first.
split_examples() { # PAGE
	COMMANDS=() OUTPUTS=()
	local line
	while IFS= read -r line; do
		case $line in
		'# '* | '$ '*) COMMANDS+=("$line") OUTPUTS+=('') ;;
		*) OUTPUTS[-1]+=$line$'\n' ;;
		esac
	done < <(example_lines "$1")
}

run_example() { # LINE
	local as=()
	[[ $1 != '$ '* ]] || as=(setpriv --reuid 65534 --regid 65534 --clear-groups --)
	# Commands in one shell each: what they start in the background is left to the test.
	timeout "$COMMAND_DEADLINE" "${as[@]}" bash -c "${1#? }" 2>&1 </dev/null
}

examples_hold() { # PAGE
	local i command want got faults=0 sleeper=
	cd "$BATS_TEST_TMPDIR"
	PATH=${VDPACTL%/*}:$TOP_BUILDDIR/vdused:$PATH
	split_examples "$1"
	((${#COMMANDS[@]})) || failed "$1 has no examples"
	for ((i = 0; i < ${#COMMANDS[@]}; i++)); do
		command=${COMMANDS[i]} want=${OUTPUTS[i]}
		case $command in
		'# cat '*) printf %s "$want" >"${command#\# cat }" ;;
		*'&')
			eval "exec_background() { exec ${command:2:-1}; }"
			exec_background 3>&- &
			CHILDREN+=("$!") sleeper=$!
			# Not bash any more: it has the file open, and its name.
			wait_until 20 eval '! grep -qx bash "/proc/$sleeper/comm"'
			continue
			;;
		esac
		got=$(run_example "$command") || true
		[[ -z $got ]] || got+=$'\n'
		[[ $got == "$want" ]] || diff -u <(printf '%s\n%s' "$command" "$want" | normal) <(printf '%s\n%s' "$command" "$got" | normal) >&2 ||
			faults=$((faults + 1))
	done
	[[ -z $sleeper ]] || { kill "$sleeper"; wait "$sleeper" || true; }
	((faults == 0)) || failed "$faults examples differ"
}

@test "the examples of vdpactl.8" { examples_hold vdpactl.8; }
@test "the examples of vdpactl-mgmtdev.8" { examples_hold vdpactl-mgmtdev.8; }
@test "the examples of vdpactl-dev.8" { examples_hold vdpactl-dev.8; }
@test "the examples of vdpactl-dev-bind.8" { examples_hold vdpactl-dev-bind.8; }
@test "the examples of vdpactl-dev-config.8" { examples_hold vdpactl-dev-config.8; }
@test "the examples of vdpactl-dev-vstats.8" { examples_hold vdpactl-dev-vstats.8; }
@test "the examples of vdpactl-features.8" { examples_hold vdpactl-features.8; }
@test "the examples of vdpactl-check.8" { examples_hold vdpactl-check.8; }
@test "the examples of vdpactl-dev-export.8" { examples_hold vdpactl-dev-export.8; }
@test "the examples of vdpactl-dev-link.8" { examples_hold vdpactl-dev-link.8; }
@test "the examples of vdpactl-monitor.8" { examples_hold vdpactl-monitor.8; }
@test "the examples of vdpactl-metrics.8" { examples_hold vdpactl-metrics.8; }
@test "the examples of vdpactl-vduse.8" { examples_hold vdpactl-vduse.8; }
@test "the examples of vdpactl-apply.8" { examples_hold vdpactl-apply.8; }
@test "the examples of vdused.8" { examples_hold vdused.8; }
@test "the examples of vdused-backends.7" { examples_hold vdused-backends.7; }
@test "the examples of vdpactl-json.7" { examples_hold vdpactl-json.7; }

@test "the commands of vdpactl-tutorial.7" { examples_hold vdpactl-tutorial.7; }

@test "every page with examples is tried above" {
	local page
	for page in "$TOP_SRCDIR"/man/*.[78]; do
		grep -q "examples_hold ${page##*/};" "$BATS_TEST_FILENAME" || failed "${page##*/} is not tried"
	done
}

@test "the program of libvdpamgmt.3" {
	local example=$BATS_TEST_TMPDIR/example flags=()
	read -ra flags < <(sed -n 's/^VDPA_CFLAGS = //p' "$TOP_BUILDDIR/Makefile")
	gcc "${flags[@]}" -Wall -Wextra -Werror -I"$TOP_SRCDIR/libvdpamgmt" -o "$example" "$TOP_SRCDIR/man/example.c" \
		"$TOP_BUILDDIR/.libs/libvdpamgmt.so" -Wl,-rpath,"$TOP_BUILDDIR/.libs"
	captures 0 "$example" 02:00:00:00:00:01 9000
	prints $'parent vdpasim_net, up to 3 virtqueues\nparent vdpasim_blk, up to 0 virtqueues\n' \
		$'\ndevice example0, MAC 02:00:00:00:00:01, MTU 9000'
	silent
	captures 0 "$example"
	prints 'device example0, MAC 00:00:00:00:00:00, MTU 1500'
	captures 1 "$example" 02:00:00:00:00:01 60
	says 'error: cannot add device "example0": integer out of range' 'kernel: integer out of range' 'hint: mtu: expected'
	captures 1 "$example" nonsense
	says 'error: Invalid argument'
	captures 1 as_nobody "$example"
	says 'Operation not permitted' 'hint: '
	no_devices
}

# "SECTION KEY TYPE" of what vdpactl-json.7 lists.
documented_keys() {
	sed -n 's/^\.Sh \(.*\)/section \L\1/p; s/^\.It \(Qq \)\?Va \("[^"]*"\|[^ ]*\) Ta \([a-z ]*\) Ta .*/\2 \3/p' \
		"$TOP_SRCDIR/man/vdpactl-json.7" |
		awk '$1 == "section" { section = $2 == "failures" ? "errors" : $2; next }
			{
				type = $NF == "objects" || $NF == "strings" || $NF == "features" ? "array" : $NF
				sub(/ (array of )?[a-z]*$/, "")
				gsub(/"/, "")
				gsub(/\\ /, " ")
				print section " \"" $0 "\" " type
			}' | sort -u
}

# The same of the JSON documents on standard input; counters have names of their own.
printed_keys() {
	jq -r 'def of($section; $prefix): to_entries[] | "\($section) \($prefix + .key | tojson) \(.value | type)";
		def known: with_entries(select(.key | IN("queue_index", "queue_type", "queues", "negotiated_features")));
		def queue: with_entries(select(.key | IN("index", "ready", "size", "packed", "in_flight")));
		if .event then of("monitor"; "")
		elif .time then of("rates"; ""), (.error // {} | of("rates"; "error.")),
			(.queues // [] | .[] | of("rates"; "queues."), (.counters[] | of("rates"; "queues.counters.")))
		else
		(.mgmtdev // {} | .[] | of("mgmtdev"; "")),
		(.dev // {} | .[] | of("dev"; ""), (.netdev // {} | of("dev"; "netdev.")),
			(.users // [] | .[] | of("dev"; "users."))),
		(.config // {} | .[] | of("config"; "")),
		(.vstats // {} | .[] | of("vstats"; "")),
		(.vstats // {} | .[] | .queues[] | known | of("vstats"; "queues.")),
		(.vduse // {} | .[] | of("vduse"; "")),
		(.vduse // {} | .[] | .virtqueues[] | queue | of("vduse"; "virtqueues.")),
		(.apply // {} | of("apply"; "")),
		(.apply // {} | .plan // [] | .[] | of("apply"; "plan.")),
		(.features // {} | of("features"; "")),
		(.check // {} | of("check"; ""), (.findings // [] | .[] | of("check"; "findings."))),
		(.errors // [] | .[] | of("errors"; ""))
		end' | sort -u
}

@test "vdpactl-json.7 has the keys that are printed, with their types" {
	local docs=$BATS_TEST_TMPDIR/docs
	load_standin sf_count=1
	vdpactl -batch - <<-END
		dev add name net mgmtdev vdpasim_net mac 02:00:00:00:00:01
		dev add name blk mgmtdev vdpasim_blk
		dev add name hardware mgmtdev pci/0000:00:0a.0
		dev add name pairs mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 2 mac 02:00:00:00:00:02
		dev add name vm mgmtdev vdpasim_net
	END
	bind vm vhost_vdpa
	background sleep 100 4</dev/vhost-vdpa-0
	vdpactl -j -batch - >"$docs" <<-END
		mgmtdev show
		-d -s dev show
		vduse add name disk type block backend mem:1M
		-d -s vduse show
		-d dev config show
		-d dev vstats show net
		dev replace name net mgmtdev vdpasim_net
		dev resolve net
		--dry-run dev del net
		-d features common vdpasim_net 0x20
		features diff MAC MTU
	END
	vdpactl -j check >>"$docs" || true
	{
		vdpactl -j dev vstats show net interval 1 count 1
		autoprobe off
		vdpactl dev add name idle mgmtdev vdpasim_net
		vdpactl -j dev vstats show idle interval 1 count 1
		autoprobe on
	} >>"$docs"
	"$VDPACTL" -j monitor initial count 1 timeout 60 >"$BATS_TEST_TMPDIR/events" 3>&- &
	CHILDREN+=("$!")
	wait_until 20 grep -q synced "$BATS_TEST_TMPDIR/events"
	ip link set "$(cd /sys/bus/vdpa/devices/net/virtio*/net && echo *)" name moved
	wait "${CHILDREN[-1]}"
	cat "$BATS_TEST_TMPDIR/events" >>"$docs"
	if vdpactl -j dev add name other mgmtdev vdpasim_blk mtu 9000 >>"$docs" 2>/dev/null; then
		failed "that worked"
	fi
	vdpactl save "$BATS_TEST_TMPDIR/saved"
	vdpactl -d -j --dry-run apply "$BATS_TEST_TMPDIR/saved" >>"$docs"
	echo '{}' >"$BATS_TEST_TMPDIR/bad"
	vdpactl -q -j apply "$BATS_TEST_TMPDIR/bad" 2>/dev/null >>"$docs" || [[ $? == 2 ]]
	printed_keys <"$docs" >"$BATS_TEST_TMPDIR/printed"
	# The lab's hardware has no VFs, no switchdev mode and one memory.
	documented_keys | grep -vE '^dev "(vf|representor|numa_node)" ' >"$BATS_TEST_TMPDIR/documented"
	[[ -s $BATS_TEST_TMPDIR/printed ]]
	diff -u "$BATS_TEST_TMPDIR/documented" "$BATS_TEST_TMPDIR/printed"
}
