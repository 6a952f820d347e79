# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion, as far as no kernel is needed: static words, and the script itself.

load completion

# A vdpactl of the test's, which offers what stands in the file "words" and begins with the word in question, and
# writes down what it was asked.
fake() { # WORD...
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	VDPACTL=$BATS_TEST_TMPDIR/bin/vdpactl
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/bin/words"
	cat >"$VDPACTL" <<-'END'
		#!/bin/bash
		cd "${0%/*}"
		printf '%s\n' "$@" >asked
		[[ $1 == --complete ]] || exit 1
		current=${@:2 + $2 + 1:1}
		while IFS= read -r word; do
			[[ $word != "$current"* ]] || printf '%s\n' "$word"
		done <words
		echo noise >&2
	END
	chmod +x "$VDPACTL"
}

asked() { # WORD...
	printf '%s\n' "$@" | diff - "$BATS_TEST_TMPDIR/bin/asked"
}

@test "objects, commands, options" {
	offered 'vdpactl '
	offers dev help mgmtdev
	offered 'vdpactl m'
	offers mgmtdev
	offered 'vdpactl dev s'
	offers set show
	offered 'vdpactl dev vstats '
	offers help show
	offered 'vdpactl -j dev conf'
	offers config
	offered 'vdpactl --js'
	offers --json
	offered 'vdpactl help dev v'
	offers vstats
	offered 'vdpactl nonsense '
	offers
}

@test "keywords: those not given yet" {
	offered 'vdpactl dev add name x m'
	offers mac max_vqp max_vqs mgmtdev mtu
	offered 'vdpactl dev add name x mgmtdev vdpasim_net max_vqs 4 mac random m'
	offers mtu
	offered 'vdpactl dev add name '
	offers
	offered 'vdpactl dev add mac '
	offers random
}

@test "the name vdpa offers the words of vdpa and nothing else" {
	offered 'vdpa dev add name x m'
	offers mac max_vqp mgmtdev mtu
	offered 'vdpa dev add mac '
	offers
	offered 'vdpa --'
	offers --Version --help --json --pretty
	offered '/sbin/vdpa dev del x '
	offers
	offered 'vdpactl dev del x '
	[[ $output == *if_exists* ]]
}

@test "a vdpactl with a path is asked itself, also with ~" {
	PATH=/usr/bin:/bin offered "$VDPACTL mgm"
	offers mgmtdev
	fake one two
	HOME=$BATS_TEST_TMPDIR offered "~/bin/vdpactl o"
	offers one
	cd "$BATS_TEST_TMPDIR"
	offered "./bin/vdpactl o"
	offers one
}

@test "without a vdpactl there is silence" {
	VDPACTL=/nonexistent/vdpactl
	offered '/nonexistent/vdpactl dev '
	offers
	PATH=/usr/bin:/bin offered 'vdpa dev '
	offers
}

@test "words are passed on whole: colons, equals signs, quotes, blanks" {
	fake pci/0000:00:0a.0 pci/0000:00:0b.0
	offered 'vdpactl dev add mgmtdev pci/0000:00:0a.0 name vdpa:0000:65:00.2 x'
	asked --complete 7 vdpactl dev add mgmtdev pci/0000:00:0a.0 name vdpa:0000:65:00.2 x
	offered "vdpactl 'a b' c\\ d \"e \\\" \\x\" '' f=g:h "
	asked --complete 6 vdpactl 'a b' 'c d' 'e " \x' '' f=g:h ''
	offered 'vdpactl dev show $(touch evil) `touch evil` '
	[[ ! -e evil ]]
}

@test "what is replaced begins behind the last colon" {
	fake pci/0000:00:0a.0 pci/0000:00:0b.0
	offered 'vdpactl mgmtdev show '
	offers pci/0000:00:0a.0 pci/0000:00:0b.0
	offered 'vdpactl mgmtdev show pci/0000:00:0'
	offers 0a.0 0b.0
	offered 'vdpactl mgmtdev show pci/0000:'
	offers 00:0a.0 00:0b.0
}

@test "without colons among the break characters the whole word is replaced" {
	fake pci/0000:00:0a.0
	COMP_WORDBREAKS=$' \t\n' offered 'vdpactl mgmtdev show pci/0000:0'
	# bash sets the variable anew: only a real session can change it
	PRELUDE='COMP_WORDBREAKS=${COMP_WORDBREAKS//:}' typed 'vdpactl mgmtdev show pci/0000:0'
	is 'vdpactl mgmtdev show pci/0000:00:0a.0 '
}

@test "names with special characters come out quoted" {
	fake 'a b' 'c$d' "e'f" 'g,h' 'i*'
	offered 'vdpactl dev show '
	offers 'a\ b' 'c\$d' "e\\'f" 'g,h' 'i\*'
	offered 'vdpactl dev show a\ '
	offers 'a\ b'
	offered 'vdpactl dev show "a'
	offers 'a b'
}

@test "the text behind the cursor does not count" {
	fake show set
	run "$BASH" --norc -c 'source "$1"; PATH=$2:$PATH COMP_LINE="vdpactl dev show x" COMP_POINT=14
		_vdpactl; printf "%s\n" "${COMPREPLY[@]}"' bash "$SCRIPT" "${VDPACTL%/*}"
	[[ $output == $'show' || $output == $'show\nset' ]]
	asked --complete 2 vdpactl dev sh
}

@test "a vdpactl that hangs does not hang the shell" {
	fake one
	printf '#!/bin/bash\nexec sleep 60\n' >"$VDPACTL"
	SECONDS=0
	run timeout 20 "$BASH" --norc -c 'source "$1"; COMP_LINE="$2 " COMP_POINT=$((${#2} + 1))
		_vdpactl; echo "${#COMPREPLY[@]}"; kill %% 2>/dev/null; kill $!' bash "$SCRIPT" "$VDPACTL"
	[[ $output == 0 ]]
	((SECONDS < 10))
}

@test "readline: words, options, the space behind" {
	typed 'vdpactl mg'
	is 'vdpactl mgmtdev '
	typed 'vdpactl dev vst'
	is 'vdpactl dev vstats '
	typed "$VDPACTL mgmtdev li"
	is "$VDPACTL mgmtdev list "
	typed 'vdpa dev add name x max'
	is 'vdpa dev add name x max_vqp '
	typed 'echo; vdpactl mgm'
	is 'echo; vdpactl mgmtdev '
}

@test "readline: colons" {
	fake vdpa:0000:65:00.2
	typed 'vdpactl dev show v'
	is 'vdpactl dev show vdpa:0000:65:00.2 '
	typed 'vdpactl dev show vdpa:'
	is 'vdpactl dev show vdpa:0000:65:00.2 '
	typed 'vdpactl dev show vdpa:0000:6'
	is 'vdpactl dev show vdpa:0000:65:00.2 '
	fake pci/0000:00:0a.0 pci/0000:00:0b.0
	typed 'vdpactl mgmtdev show p'
	is 'vdpactl mgmtdev show pci/0000:00:0'
	typed 'vdpactl mgmtdev show pci/0000:00:0a'
	is 'vdpactl mgmtdev show pci/0000:00:0a.0 '
}

@test "readline: quoting" {
	fake 'a b' 'c$d:e f'
	typed 'vdpactl dev show a'
	is 'vdpactl dev show a\ b '
	typed 'vdpactl dev show a\ '
	is 'vdpactl dev show a\ b '
	typed 'vdpactl dev show "a'
	is 'vdpactl dev show "a b" '
	typed "vdpactl dev show 'a "
	is "vdpactl dev show 'a b' "
	typed 'vdpactl dev show c'
	is 'vdpactl dev show c\$d:e\ f '
	typed 'vdpactl dev show c\$d:e'
	is 'vdpactl dev show c\$d:e\ f '
	fake vdpa:0000:65:00.2
	typed 'vdpactl dev show "vdpa:00'
	is 'vdpactl dev show "vdpa:0000:65:00.2" '
}

@test "readline: features, a comma may follow" {
	fake MAC,MTU
	typed 'vdpactl dev add device_features MAC,M'
	is 'vdpactl dev add device_features MAC,MTU'
}

@test "readline: names of files behind -batch and >" {
	fake nothing
	mkdir "$BATS_TEST_TMPDIR/files"
	cd "$BATS_TEST_TMPDIR/files"
	touch commands.txt
	typed 'vdpactl -batch com'
	is 'vdpactl -batch commands.txt '
	typed 'vdpactl --batch=com'
	is 'vdpactl --batch=commands.txt '
	typed 'vdpactl dev show > com'
	is 'vdpactl dev show > commands.txt '
}

@test "readline: with the bash-completion package loaded" {
	[[ -e /usr/share/bash-completion/bash_completion ]] || skip "expected: no bash-completion package"
	fake vdpa:0000:65:00.2
	PRELUDE='source /usr/share/bash-completion/bash_completion' typed 'vdpactl dev show vdpa:0'
	is 'vdpactl dev show vdpa:0000:65:00.2 '
	PRELUDE='source /usr/share/bash-completion/bash_completion' typed 'sudo vdpactl dev show vdpa:0'
	is 'sudo vdpactl dev show vdpa:0000:65:00.2 '
}
