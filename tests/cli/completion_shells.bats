# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2154 # what the other shell is to expand; run sets output
# Completion in zsh, by a real one with its line editor, and in fish, which tells without.

load completion

setup() {
	local shell=${BATS_TEST_DESCRIPTION%%:*}
	command -v "$shell" >/dev/null || skip "no $shell here"
}

# typed_zsh LINE...: types each and a TAB; output has the lines that result, between < and >.
typed_zsh() {
	local dir=$BATS_TEST_TMPDIR/typed
	rm -rf "$dir"
	mkdir -p "$dir/functions"
	cp "$TOP_SRCDIR/completions/vdpactl.zsh" "$dir/functions/_vdpactl"
	cat >"$dir/.zshrc" <<-END
		PS1='> ' PATH=$(printf %q "${VDPACTL%/*}"):\$PATH fpath=($(printf %q "$dir/functions") \$fpath)
		unsetopt beep
		setopt no_always_last_prompt
		LISTMAX=0
		autoload -U compinit && compinit -u -D
		count=0
		show-line() { print -r -- "<\$BUFFER>" >>$(printf %q "$dir/lines"); : >$(printf %q "$dir")/\$((++count)); }
		zle -N show-line
		bindkey -e
		bindkey '^T' show-line
		bindkey '^U' kill-whole-line
		zle-line-init() { : >$(printf %q "$dir/ready"); }
		zle -N zle-line-init
	END
	keys "$dir" "$@" | TERM=dumb ZDOTDIR=$dir timeout 120 script -qec "exec zsh -d -i" /dev/null >"$dir/screen" 2>&1 || true
	if ! output=$(cat "$dir/lines") || grep -E 'zsh:|_vdpactl:|vdpactl:' "$dir/screen"; then
		cat -v "$dir/screen"
		return 1
	fi
}

in_fish() { # LINE
	output=$(PATH=${VDPACTL%/*}:$PATH fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
		"$TOP_SRCDIR/completions/vdpactl.fish" "$1" 2>&1 | sort)
}

@test "zsh: words, keywords, options, features" {
	typed_zsh 'vdpactl mg' 'vdpactl dev add name x mgmtdev y mt' 'vdpactl dev add name x mgmtdev y max' \
		'vdpactl --js' 'vdpactl dev add device_features CSUM,MT' 'vdpactl dev add mac r'
	is 'vdpactl mgmtdev ' 'vdpactl dev add name x mgmtdev y mtu ' 'vdpactl dev add name x mgmtdev y max_vq' \
		'vdpactl --json ' 'vdpactl dev add device_features CSUM,MTU' 'vdpactl dev add mac random '
}

@test "zsh: the name vdpa, words in quotes, a path" {
	typed_zsh 'vdpa dev add name "a b" mgm' "vdpactl dev add name 'a b' mtu 1500 mgm" "$VDPACTL mgm" 'vdpa dev del x if' \
		'vdpactl nonsense m'
	is 'vdpa dev add name "a b" mgmtdev ' "vdpactl dev add name 'a b' mtu 1500 mgmtdev " "$VDPACTL mgmtdev " \
		'vdpa dev del x if' 'vdpactl nonsense m'
}

@test "zsh: what the words mean is told; a file behind -b" {
	mkdir "$BATS_TEST_TMPDIR/files"
	: >"$BATS_TEST_TMPDIR/files/lines.batch"
	typed_zsh 'vdpactl dev ' "vdpactl -b $BATS_TEST_TMPDIR/files/li"
	is 'vdpactl dev ' "vdpactl -b $BATS_TEST_TMPDIR/files/lines.batch "
	grep -q 'del *-- delete devices' "$BATS_TEST_TMPDIR/typed/screen"
}

@test "fish: words, keywords, options, features, with what they mean" {
	in_fish 'vdpactl mg'
	offers $'mgmtdev\tthe management devices, which vDPA devices are made from'
	in_fish 'vdpactl dev add name x mgmtdev y mt'
	offers $'mtu\tof a net device, in octets'
	in_fish 'vdpactl --js'
	offers $'--json\tprint JSON'
	in_fish 'vdpactl dev add device_features CSUM,MT'
	offers CSUM,MTU
	in_fish "vdpactl dev add name 'a b' mac r"
	offers random
}

@test "fish: the name vdpa, a path, a file behind -b" {
	in_fish 'vdpa dev del x '
	offers
	in_fish "$VDPACTL mg"
	offers $'mgmtdev\tthe management devices, which vDPA devices are made from'
	mkdir "$BATS_TEST_TMPDIR/files"
	: >"$BATS_TEST_TMPDIR/files/lines.batch"
	in_fish "vdpactl -b $BATS_TEST_TMPDIR/files/li"
	offers "$BATS_TEST_TMPDIR/files/lines.batch"
}

@test "fish: none of this is the completion of files" {
	cd "$BATS_TEST_TMPDIR"
	: >nonsense-file
	in_fish 'vdpactl dev add name x nonsense-'
	offers
}
