# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC1003,SC2086,SC2154 # lists of words are meant to be split; run sets output, stderr and status
# -batch. A word that is no object is told back: so the tests see how a line was cut.

load cli

# batch STATUS OPTION... with the file on stdin
batch() {
	cat >commands
	run "-$1" --separate-stderr "$VDPACTL" "${@:2}" -b commands
}

@test "the forms of the option" {
	echo bogus >commands
	for option in -b -batch --batch -ba; do
		fails 2 $option commands
		says 'vdpactl: commands:1: Object "bogus" not found'
	done
	fails 2 --batch=commands
	fails 2 -bcommands
	run -2 --separate-stderr "$VDPACTL" -b - <commands
	says 'vdpactl: stdin:1: Object "bogus"'
}

@test "nothing to do" {
	batch 0 <<<''
	[[ -z $output$stderr ]]
	batch 0 <<-'END'
		# a comment \
		   # another one
		-q
	END
	[[ $output == 'Usage: '* ]]
	run -0 --separate-stderr "$VDPACTL" -b /dev/null
}

@test "a file that cannot be read" {
	fails 1 -b missing
	says 'cannot open batch file "missing": No such file or directory'
	fails 1 -b .
	says 'cannot read ".": '
	run -1 --separate-stderr "$VDPACTL" -j -b missing
	[[ $(jq -r '.errors[0].code' <<<"$output") == ENOENT ]]
}

@test "words come from the file only" {
	echo help >commands
	fails 2 -b commands dev show
	says '"dev": with -batch, commands come from the file only'
}

@test "quoting" {
	batch 9 -force <<-'END'
		'a b'c"d e"\ f\"
		help
		"q\"u\\o\te"
		'single \ "quoted"'
		''
		a#b
		x	# comment
		"# no comment"
	END
	says '1: Object "a bcd e f""' '3: Object "q"u\o\te"' '4: Object "single \ "quoted""' '5: Object ""' \
		'6: Object "a#b"' '7: Object "x"' '8: Object "# no comment"'
}

@test "lines may be continued, and are counted" {
	batch 9 -force <<-'END'

		hel\
		p
		de\
		v \
		  bogus
		# comment with a backslash \
		"conti\
		nued"
		last
	END
	says '4: Command "bogus"' '8: Object "continued"' '10: Object "last"'
	prints 'Usage: vdpactl'
	printf 'bogus' >commands
	fails 2 -b commands
	says 'commands:1: Object "bogus"'
	printf 'bogus\r\n' >commands
	fails 2 -b commands
	says 'Object "bogus"'
}

@test "lines that cannot be run" {
	batch 2 <<<"dev show 'open"
	says '1: a quote is not closed in the same line'
	batch 2 -force <<-'END'
		"open
		bogus
	END
	says '1: a quote is not closed' '2: Object "bogus"'
	printf 'dev show \\' >commands
	fails 2 -b commands
	says 'the file ends behind a backslash'
	printf 'help\ndev sh\0ow\nbogus\n' >commands
	run -9 --separate-stderr "$VDPACTL" -b commands -force
	says 'commands:2: the line contains a NUL octet' 'commands:3: Object "bogus"'
	{
		head -c 3000000 /dev/zero | tr '\0' x
		echo
		echo bogus
	} >commands
	run -2 --separate-stderr "$VDPACTL" -b commands -force
	says 'commands:1: the line is longer than 65536 octets' 'commands:2: Object "bogus"'
	((${#stderr} < 1000))
	yes 'x' | head -n 100000 | tr '\n' ' ' >commands
	fails 2 -b commands
	says 'longer than'
}

@test "many words" {
	{
		echo -n 'dev show'
		for ((i = 0; i < 10000; i++)); do echo -n " d$i"; done
	} >commands
	run --separate-stderr "$VDPACTL" -q -b commands
	understood
}

@test "the first failure ends it, and gives the exit status" {
	batch 2 <<-'END'
		help
		bogus
		dev help
	END
	prints 'OPTIONS :='
	[[ $output != *'Usage: vdpactl dev '* ]]
	says 'commands:2:'
}

@test "-force goes on" {
	batch 9 -force <<-'END'
		bogus
		dev help
	END
	prints 'Usage: vdpactl dev show'
	batch 2 -force <<-'END'
		bogus
		dev bogus
	END
	says 'commands:1:' 'commands:2:'
	batch 0 --force <<<help
}

@test "options of a line hold for this line" {
	batch 2 -force <<-'END'
		-j bogus
		bogus2
	END
	[[ ${#lines[@]} == 1 && ${lines[0]} == '{"errors":'* ]]
	batch 2 -force -j <<-'END'
		bogus
		bogus2 -p
		bogus3
	END
	[[ ${lines[0]} == '{"errors":'* && ${lines[1]} == '{' && ${lines[-1]} == '{"errors":'* ]]
	printf '%s\n' "$output" | jq -es 'length == 3'
}

@test "no batch in a batch" {
	for line in '-b other' '--batch=-' '-force dev help' 'dev show -b x'; do
		batch 2 <<<"$line"
		says "commands:1: -batch and -force cannot be used inside a batch file"
	done
}

@test "vdpa has no batch" {
	echo help >commands
	run -1 --separate-stderr "$VDPA" -b commands
	says 'Unknown option.'
}
