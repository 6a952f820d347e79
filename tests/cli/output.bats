# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2086,SC2154 # lists of words are meant to be split; run sets output, stderr and status
# Where output goes, and what happens when it cannot.

load cli

@test "no vdpa in this kernel: exit status 8 and a hint" {
	needs_no_vdpa
	for words in 'mgmtdev' 'mgmtdev show' 'dev' 'dev show x' 'dev config' 'dev vstats show x' 'dev del x' \
		"dev add name x mgmtdev $NONE" 'dev set name x mac 2:0:0:0:0:1' "dev add name x mgmtdev $NONE mac random"; do
		fails 8 $words
		says 'vdpactl: ' 'hint: '
		fails 8 -q $words
		[[ $stderr != *hint* ]]
	done
}

@test "no vdpa in this kernel, in JSON: the section is there, and why it is empty" {
	needs_no_vdpa
	while read -r section words; do
		run -8 --separate-stderr "$VDPACTL" -j $words
		[[ $(jq -c --arg s "$section" '[.[$s], (.errors[0] | .errno, .code)]' <<<"$output") == \
			'[{},93,"EPROTONOSUPPORT"]' ]]
		[[ $(jq -r '.errors[0].hint' <<<"$output") == ?* ]]
		says 'vdpactl: '
	done <<-'END'
		mgmtdev mgmtdev show
		dev dev
		config dev config
		vstats dev vstats show x
	END
	run -8 --separate-stderr "$VDPACTL" -j dev del x
	[[ $(jq -c keys <<<"$output") == '["errors"]' ]]
}

@test "a full disk is an error" {
	for words in help -V '-j bogus' 'dev help'; do
		run -1 --separate-stderr bash -c '"$@" >/dev/full' bash "$VDPACTL" $words
		says "cannot write to standard output: No space left on device"
	done
	run -1 --separate-stderr bash -c '"$@" >/dev/full' bash "$VDPA" -V
	says 'No space left on device'
}

@test "a closed stdout is an error when there is something to print" {
	run -1 --separate-stderr bash -c '"$@" >&-' bash "$VDPACTL" help
	says "cannot write to standard output: Bad file descriptor"
	run -2 --separate-stderr bash -c '"$@" >&-' bash "$VDPACTL" bogus
	says 'Object "bogus" not found'
	run -2 bash -c '"$@" >&- 2>&- <&-' bash "$VDPACTL" bogus
	[[ -z $output ]]
	parses dev show x >&-
}

@test "a reader that went away is none" {
	run -0 --separate-stderr bash -o pipefail -c '{ sleep 0.2; "$@"; } | true' bash "$VDPACTL" help
	[[ -z $stderr ]]
	yes help | head -n 2000 >commands
	run -0 --separate-stderr bash -o pipefail -c '"$@" | head -n 1' bash "$VDPACTL" -b commands
	[[ -z $stderr && $output == 'Usage: '* ]]
}

@test "output of a batch comes command by command" {
	mkfifo commands
	exec {hold}<>commands
	"$VDPACTL" -b commands >out &
	echo help >&"$hold"
	for ((i = 0; i < 300; i++)); do
		[[ ! -s out ]] || break
		sleep 0.1
	done
	grep -q '^Usage: ' out
	kill $!
	wait $! || true
}
