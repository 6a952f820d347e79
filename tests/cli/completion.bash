# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034 # COMP_ variables are bash's
# Two ways to ask for completions. LINE is what was typed up to the cursor; "vdpactl" in it is the one under test,
# unless a test wants none.

bats_require_minimum_version 1.5.0
: "${VDPACTL:?is to be the vdpactl under test}"
: "${TOP_SRCDIR:?is to be the source directory}"
readonly SCRIPT=$TOP_SRCDIR/completions/vdpactl.bash

# offered [LINE]: calls the function as readline would; output is what it puts into COMPREPLY, an entry a line, sorted.
offered() {
	run --separate-stderr "$BASH" --norc --noprofile -c '
		PATH=$2:$PATH
		source "$1" || exit
		COMP_LINE=$3 COMP_POINT=${#3} COMP_TYPE=9 COMP_KEY=9 COMP_WORDS=() COMP_CWORD=-1
		# The words of readline: blanks end them, break characters stand alone.
		rest=$3
		while [[ $rest =~ ^[[:blank:]]*([:=]+|[^[:blank:]:=]+)(.*) ]]; do
			COMP_WORDS+=("${BASH_REMATCH[1]}") rest=${BASH_REMATCH[2]}
		done
		[[ $3 != *[[:blank:]] ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_vdpactl "${COMP_WORDS[0]}" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
		((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}" | sort' \
		bash "$SCRIPT" "${VDPACTL%/*}" "$1"
	[[ $status == 0 && -z $stderr ]] || {
		printf 'status %s, stderr: %s\n' "$status" "$stderr"
		return 1
	}
}

# offers WORD...: that, and no more, in the order of sort.
offers() {
	local want=''
	(($# == 0)) || want=$(printf '%s\n' "$@")
	[[ $output == "$want" ]] || {
		printf 'offered:\n%s\nwanted:\n%s\n' "$output" "$want"
		return 1
	}
}

# typed LINE: types it into a real bash with readline, then TAB; output is the line that results, between < and >.
# With PRELUDE set, bash runs that first.
typed() {
	local dir=$BATS_TEST_TMPDIR/typed
	mkdir -p "$dir"
	rm -f "$dir"/*
	cat >"$dir/rc" <<-END
		PS1='> ' PATH=$(printf %q "${VDPACTL%/*}"):\$PATH HISTFILE=
		bind 'set bell-style none' 2>/dev/null
		bind 'set completion-query-items 0'
		bind 'set page-completions off'
		bind 'set enable-bracketed-paste off'
		bind 'set show-all-if-ambiguous off'
		show_line() { printf '<%s>\n' "\$READLINE_LINE" >$(printf %q "$dir/line"); }
		bind -x '"\C-t": show_line'
		${PRELUDE:-}
		source $(printf %q "$SCRIPT")
		: >$(printf %q "$dir/ready")
	END
	# Not before bash is ready: what comes earlier is the terminal's, which edits lines by itself.
	{
		wait_for "$dir/ready"
		printf '%s\t\024' "$1"
		wait_for "$dir/line"
		printf '\025exit\n'
	} | TERM=dumb timeout 30 script -qec "exec '$BASH' --noprofile --rcfile '$dir/rc' -i" /dev/null >"$dir/screen" 2>&1 || true
	output=$(cat "$dir/line") || {
		cat -v "$dir/screen"
		return 1
	}
	# Nothing but prompt and line is on the screen: no messages.
	run ! grep -E 'bash:|vdpactl:|error|rror:' "$dir/screen"
	output=$(cat "$dir/line")
}

wait_for() { # FILE
	local i
	for ((i = 0; i < 400; i++)); do
		[[ ! -e $1 ]] || return 0
		sleep 0.05
	done
	return 1
}

is() { # LINE
	[[ $output == "<$1>" ]] || {
		printf 'line: %s\nwanted: <%s>\n' "$output" "$1"
		return 1
	}
}
