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
	offers apply check dev features help metrics mgmtdev monitor restore save vduse
	offered 'vdpactl m'
	offers metrics mgmtdev monitor
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
	offers mac max_vqp max_vqs mgmtdev mode mtu
	offered 'vdpactl dev add name x mgmtdev vdpasim_net max_vqs 4 mac random m'
	offers mode mtu
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
	COMP_LINE='vdpactl dev show x' COMP_POINT=14 PATH=${VDPACTL%/*}:$PATH
	_vdpactl
	[[ ${COMPREPLY[*]} == show ]]
	asked --complete 2 vdpactl dev sh
}

@test "a vdpactl that hangs does not hang the shell" {
	fake one
	printf '#!/bin/bash\nexec sleep 120\n' >"$VDPACTL"
	SECONDS=0
	COMP_LINE="$VDPACTL " COMP_POINT=$((${#VDPACTL} + 1))
	_vdpactl
	((${#COMPREPLY[@]} == 0 && SECONDS < 60))
	kill "$!"
}

@test "readline: words, options, the space behind" {
	typed 'vdpactl mg' 'vdpactl dev vst' "$VDPACTL mgmtdev li" 'vdpa dev add name x max' 'echo; vdpactl mgm' 'A=b vdpactl --js'
	is 'vdpactl mgmtdev ' 'vdpactl dev vstats ' "$VDPACTL mgmtdev list " 'vdpa dev add name x max_vqp ' \
		'echo; vdpactl mgmtdev ' 'A=b vdpactl --json '
}

@test "readline: colons" {
	fake vdpa:0000:65:00.2 pci/0000:00:0a.0 pci/0000:00:0b.0
	typed 'vdpactl dev show v' 'vdpactl dev show vdpa:' 'vdpactl dev show vdpa:0000:6' 'vdpactl dev show vdpa:0000:65:00.2' \
		'vdpactl mgmtdev show p' 'vdpactl mgmtdev show pci/0000:00:0a'
	is 'vdpactl dev show vdpa:0000:65:00.2 ' 'vdpactl dev show vdpa:0000:65:00.2 ' 'vdpactl dev show vdpa:0000:65:00.2 ' \
		'vdpactl dev show vdpa:0000:65:00.2 ' 'vdpactl mgmtdev show pci/0000:00:0' 'vdpactl mgmtdev show pci/0000:00:0a.0 '
}

@test "readline: quoting" {
	fake 'a b' 'c$d:e f' vdpa:0000:65:00.2
	typed 'vdpactl dev show a' 'vdpactl dev show a\ ' 'vdpactl dev show "a' "vdpactl dev show 'a " 'vdpactl dev show c' \
		'vdpactl dev show c\$d:e' 'vdpactl dev show "vdpa:00'
	is 'vdpactl dev show a\ b ' 'vdpactl dev show a\ b ' 'vdpactl dev show "a b" ' "vdpactl dev show 'a b' " \
		'vdpactl dev show c\$d:e\ f ' 'vdpactl dev show c\$d:e\ f ' 'vdpactl dev show "vdpa:0000:65:00.2" '
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
	typed 'vdpactl -batch com' 'vdpactl --batch=com' 'vdpactl dev show > com'
	is 'vdpactl -batch commands.txt ' 'vdpactl --batch=commands.txt ' 'vdpactl dev show > commands.txt '
}

@test "readline: without colons among the break characters the whole word is replaced" {
	fake pci/0000:00:0a.0
	PRELUDE='COMP_WORDBREAKS=${COMP_WORDBREAKS//:}' typed 'vdpactl mgmtdev show pci/0000:0'
	is 'vdpactl mgmtdev show pci/0000:00:0a.0 '
}

@test "readline: with the bash-completion package loaded" {
	[[ -e /usr/share/bash-completion/bash_completion ]] || skip "expected: no bash-completion package"
	fake vdpa:0000:65:00.2
	PRELUDE='source /usr/share/bash-completion/bash_completion' typed 'vdpactl dev show vdpa:0' 'sudo vdpactl dev show vdpa:0'
	is 'vdpactl dev show vdpa:0000:65:00.2 ' 'sudo vdpactl dev show vdpa:0000:65:00.2 '
}
