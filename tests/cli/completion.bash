# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016 # what another bash is to expand
# shellcheck disable=SC2154 # run sets status, output and stderr
# Two ways to ask for completions. LINE is what was typed up to the cursor; "vdpactl" in it is the one under test,
# unless a test wants none.

bats_require_minimum_version 1.5.0
: "${VDPACTL:?is to be the vdpactl under test}"
: "${TOP_SRCDIR:?is to be the source directory}"
readonly SCRIPT=$TOP_SRCDIR/completions/vdpactl.bash

# shellcheck source=completions/vdpactl.bash
source "$SCRIPT"

# offered LINE: calls the function as readline would; output is what it puts into COMPREPLY, an entry a line, sorted.
offered() {
	local noise=$BATS_TEST_TMPDIR/noise
	output=$(
		set +eET
		trap - DEBUG ERR
		PATH=${VDPACTL%/*}:$PATH
		COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9 COMP_WORDS=() COMPREPLY=()
		# The words of readline: blanks end them, break characters stand alone.
		rest=$1
		while [[ $rest =~ ^[[:blank:]]*([:=]+|[^[:blank:]:=]+)(.*) ]]; do
			COMP_WORDS+=("${BASH_REMATCH[1]}") rest=${BASH_REMATCH[2]}
		done
		[[ $1 != *[[:blank:]] ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_vdpactl "${COMP_WORDS[0]}" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
		((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}" | sort
	) 2>"$noise"
	[[ ! -s $noise ]] || {
		cat "$noise"
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

# typed LINE...: types each into a real bash with readline, then TAB; output has the lines that result, between < and >.
# With PRELUDE set, bash runs that first.
typed() {
	local dir=$BATS_TEST_TMPDIR/typed
	rm -rf "$dir"
	mkdir -p "$dir"
	cat >"$dir/rc" <<-END
		PS1='> ' PATH=$(printf %q "${VDPACTL%/*}"):\$PATH HISTFILE=
		bind 'set bell-style none' 2>/dev/null
		bind 'set completion-query-items 0'
		bind 'set page-completions off'
		bind 'set enable-bracketed-paste off'
		bind 'set show-all-if-ambiguous off'
		count=0
		show_line() { printf '<%s>\n' "\$READLINE_LINE" >>$(printf %q "$dir/lines"); : >$(printf %q "$dir")/\$((++count)); }
		bind -x '"\C-t": show_line'
		${PRELUDE:-}
		source $(printf %q "$SCRIPT")
		: >$(printf %q "$dir/ready")
	END
	keys "$dir" "$@" | TERM=dumb timeout 120 script -qec "exec '$BASH' --noprofile --rcfile '$dir/rc' -i" /dev/null >"$dir/screen" 2>&1 || true
	# Nothing but prompt and line is on the screen: no messages.
	if ! output=$(cat "$dir/lines") || grep -E 'bash:|vdpactl:|rror:' "$dir/screen"; then
		cat -v "$dir/screen"
		return 1
	fi
}

# keys DIR LINE...: types each line, a TAB, ^T, and ^U when the shell has told of it by DIR/1 and so on.
keys() {
	local dir=$1 line i=0
	# Not before the shell is ready: what comes earlier is the terminal's, which edits lines by itself.
	wait_for "$dir/ready"
	for line in "${@:2}"; do
		printf '%s\t\024' "$line"
		wait_for "$dir/$((++i))"
		printf '\025'
	done
	printf 'exit\n'
}

wait_for() { # FILE
	local i
	for ((i = 0; i < 600; i++)); do
		[[ ! -e $1 ]] || return 0
		sleep 0.05
	done
	return 1
}

is() { # LINE...
	local want
	want=$(printf '<%s>\n' "$@")
	[[ $output == "$want" ]] || {
		printf 'lines:\n%s\nwanted:\n%s\n' "$output" "$want"
		return 1
	}
}
