# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# builds: gcc asan
# seconds: 60
# Listings are complete: around devices that can't answer, while others come and go, and whatever they are called.

load helpers

setup() {
	common_setup
	autoprobe off
}

# The names in a listing of stdin, one a line, each in its line's beginning.
names_of() { sed -n 's/^\([^ ][^:]*\): .*/\1/p'; }

@test "a device that can't answer, first, in the middle, last, does not hide the others" {
	load_standin sf_count=0 odd_id=20
	vdpactl -b - <<-'END'
		dev add name odd1 mgmtdev mlx5_standin_odd
		dev add name a mgmtdev vdpasim_net
		dev add name odd2 mgmtdev mlx5_standin_odd
		dev add name b mgmtdev vdpasim_blk
		dev add name odd3 mgmtdev mlx5_standin_odd
	END
	# that is what the kernel and iproute2 make of it
	captures 0 iproute2 dev config show
	[ -z "$raw" ]
	captures 0 vdpactl dev config show
	[ "$(names_of <<<"$output")" = $'a\nb' ]
	for odd in odd1 odd2 odd3; do
		says "$odd is left out: cannot show configuration of device \"$odd\": Operation not supported"
	done
	captures 0 vdpactl -d -j dev config show
	has_json '.config | keys_unsorted == ["a", "b"] and .b.capacity == 262144'
	works -j dev show
	has_json '.dev | keys_unsorted == ["odd1", "a", "odd2", "b", "odd3"]'
	captures 0 as_vdpa dev config show
	[ "$(names_of <<<"$output")" = $'a\nb' ]
}

@test "while two processes add and delete hundreds: each listing has every device that stays, once" {
	make_devices stay 100
	for p in x y; do
		printf "dev add name $p%d mgmtdev vdpasim_net\n" {1..150} >"$BATS_TEST_TMPDIR/round"
		printf "dev del $p%d\n" {1..150} >>"$BATS_TEST_TMPDIR/round"
		mapfile -t rounds < <(yes "$BATS_TEST_TMPDIR/round" | head -n 300)
		cat "${rounds[@]}" >"$BATS_TEST_TMPDIR/$p"
		background "$VDPACTL" -batch "$BATS_TEST_TMPDIR/$p"
	done
	wait_until 20 device_exists x1
	wait_until 20 device_exists y1
	for ((i = 0; i < 20; i++)); do
		"$VDPACTL" dev show
		echo
		"$VDPACTL" dev config show
		echo
	done >"$BATS_TEST_TMPDIR/listings"
	kill -0 "${CHILDREN[@]}" # both were at it all the time
	awk -F: '
		function check() {
			if (stay != 100)
				bad = bad "listing " listings ": " stay " of 100 that stay\n"
			listings++
			moving[coming++] = others
			delete seen
			stay = others = 0
		}
		/^$/ { check(); next }
		/^ / { next }
		seen[$1]++ { bad = bad "listing " listings ": " $1 " twice\n" }
		/^stay[0-9]+: / { stay++; next }
		/^[xy][0-9]+: / { others++; total++; next }
		{ bad = bad "listing " listings ": " $0 "\n" }
		END {
			for (i = 1; i < coming; i++)
				changes += moving[i] != moving[i - 1]
			if (listings != 40 || !total || changes < 10)
				bad = bad listings " listings, " changes " changes, " total " passing devices\n"
			printf "%s", bad
			exit bad != ""
		}' "$BATS_TEST_TMPDIR/listings"
}

@test "devices of a parent that disappears during the listing" {
	load_standin sf_count=40
	printf 'dev add name sf%d mgmtdev auxiliary/mlx5_core.sf.%d\n' {1..40}{,} >"$BATS_TEST_TMPDIR/sf"
	works -b "$BATS_TEST_TMPDIR/sf"
	make_devices stay 20
	rmmod mlx5_standin &
	for ((i = 0; i < 5; i++)); do
		captures 0 vdpactl -d dev show
		[ "$(grep -c '^stay[0-9]*: ' <<<"$output")" -eq 20 ]
	done
	wait $!
	STANDIN=
	works dev show
	[ "$(names_of <<<"$output" | grep -c '^sf')" -eq 0 ]
}

@test "unmanaged devices: in the list with -details, at its end, each once" {
	load_standin sf_count=0 extra=30
	make_devices a 3
	works dev show
	[ "$(names_of <<<"$output")" = $'a1\na2\na3' ]
	works -d -j dev show
	has_json '(.dev | length == 33) and (.dev | keys_unsorted[0:3] == ["a1", "a2", "a3"]) and
		(.dev | keys[3:] | all(startswith("vdpa"))) and ([.dev[] | select(.managed == false)] | length == 30)'
	works dev config show
	[ "$(names_of <<<"$output")" = $'a1\na2\na3' ]
	works -d -s dev show
	[ "$(names_of <<<"$output" | sort | uniq -d)" = '' ]
}

# The kernel itself warns at names of about 1,980 octets and more: its uevent does not fit.
@test "long names: 63, 64, 128, 255 octets, and with force 300 and 1,900" {
	declare -A long
	for n in 63 64 128 255 300 1900; do
		printf -v name "%0${n}d" 0
		long[$n]=$name
		force=
		((n < 256)) || force=force
		echo "dev add name $name mgmtdev vdpasim_net $force"
	done >"$BATS_TEST_TMPDIR/batch"
	works -b "$BATS_TEST_TMPDIR/batch"
	works dev show
	for n in "${!long[@]}"; do
		[[ $'\n'$output == *$'\n'"${long[$n]}: type network mgmtdev "* ]]
	done
	for command in '-d dev show' 'dev config show' '-d -s dev show'; do
		# shellcheck disable=SC2086 # words
		works -j $command
		has_json '.[] | keys | map(length) == [63, 64, 128, 255, 300, 1900]'
	done
	captures 0 as_vdpa dev show
	[ "$(names_of <<<"$output" | wc -l)" -eq 6 ]
	works -j dev show "${long[1900]}"
	has_json '.dev | keys | map(length) == [1900]'
	works dev del "${long[@]}"
	no_devices
}

@test "odd names: blanks, quotes, control characters, formats, UTF-8 and what is none" {
	odd=('a b' 'q"u'\''o\te' $'new\nline' $'e\e[31mred' '%s%n%d' 'über' $'bad\xff\xfe' $'c1\xc2\x9b' 'x: y' '日本' $'\xed\xa0\x80' ' ')
	for name in "${odd[@]}"; do
		works dev add name "$name" mgmtdev vdpasim_net
	done
	works dev show
	rest=' type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256'
	prints_exactly "a b:$rest
q\"u'o\\te:$rest
new\\x0aline:$rest
e\\x1b[31mred:$rest
%s%n%d:$rest
über:$rest
bad\\xff\\xfe:$rest
c1\\xc2\\x9b:$rest
x: y:$rest
日本:$rest
\\xed\\xa0\\x80:$rest
 :$rest"
	for command in 'dev show' 'dev config show' '-d dev show'; do
		# shellcheck disable=SC2086 # words
		works -j $command
		has_json '.[] | keys_unsorted == ["a b", "q\"u\u0027o\\te", "new\nline", "e\u001b[31mred", "%s%n%d", "über",
			"bad\ufffd\ufffd", "c1\u009b", "x: y", "日本", "\ufffd\ufffd\ufffd", " "]'
	done
	fails 3 dev show $'go\ne%s\e'
	says 'cannot show device "go\x0ae%s\x1b": device not found'
	works -j dev show $'new\nline' $'bad\xff\xfe'
	has_json '.dev | length == 2'
	works dev del "${odd[@]}"
	no_devices
}

@test "names that are others' beginnings" {
	make_devices a 1
	vdpactl -b - <<<$'dev add name a mgmtdev vdpasim_net\ndev add name a11 mgmtdev vdpasim_blk'
	works -j dev show a
	has_json '.dev | keys == ["a"]'
	works dev del a1
	works -j dev show
	has_json '.dev | keys == ["a", "a11"]'
}
