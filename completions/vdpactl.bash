# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion for vdpactl, also under the name vdpa: vdpactl itself knows the words.

_vdpactl() {
	local line=${COMP_LINE:0:COMP_POINT} words=() word='' any='' quote='' start=0 bin=vdpactl c i
	# Not COMP_WORDS: readline breaks those at colons. start is where in the last word readline begins to replace.
	for ((i = 0; i < ${#line}; i++)); do
		c=${line:i:1}
		if [[ -z $quote && $c == [[:blank:]] ]]; then
			[[ -z $any ]] || words+=("$word")
			word='' any='' start=0
			continue
		fi
		any=yes
		if [[ $c == "$quote" ]]; then
			quote=''
		elif [[ -z $quote && $c == [\"\'] ]]; then
			quote=$c start=${#word}
		elif [[ $c == \\ && $quote != \' ]]; then
			c=${line: ++i:1}
			[[ -z $quote || $c == [\$\`\"\\] ]] || word+=\\
			word+=$c
		else
			word+=$c
			[[ $quote || $c != [:=] || $COMP_WORDBREAKS != *"$c"* ]] || start=${#word}
		fi
	done
	words+=("$word")
	COMPREPLY=()
	case "${words[*]: -2:1} $word" in
	-b\ * | -batch\ * | --batch\ * | *[\<\>]\ * | *\ -batch=* | *\ --batch=*) # the name of a file
		compopt -o default 2>/dev/null
		return
		;;
	device_features\ *) # a comma may follow
		compopt -o nospace 2>/dev/null
		;;
	esac
	[[ ${words[0]##*/} != vdpactl ]] || bin=${words[0]/#\~\//$HOME/}
	# Behind a request that hangs in the kernel, this one would hang too: hence a deadline.
	while IFS= read -r -t 3 word; do
		c=${word:start}
		if [[ -z $quote ]]; then
			printf -v c %q "$c"
			c=${c//\\,/,}
		fi
		[[ $c == *[\$\`\"\'\\!]* && $quote || $c == "''" ]] || COMPREPLY+=("$c")
	done < <("$bin" --complete $((${#words[@]} - 1)) "${words[@]}" 2>/dev/null </dev/null)
}

complete -o nosort -F _vdpactl vdpactl vdpa 2>/dev/null || complete -F _vdpactl vdpactl vdpa
