# SPDX-License-Identifier: GPL-2.0-or-later
# Is the input good Prometheus text, by the rules of its exposition format and `promtool check metrics`?
# Each fault is a line of output; exit status 1 when there is one.

function fault(text) {
	printf "line %d: %s: %s\n", NR, text, $0
	faults++
}

# The name at the front of rest, which is taken off.
function take(pattern,   name) {
	if (!match(rest, pattern) || RSTART != 1)
		return ""
	name = substr(rest, 1, RLENGTH)
	rest = substr(rest, RLENGTH + 1)
	return name
}

# {label="value",...} at the front of rest.  Sets labels.
function take_labels(   label, seen, n) {
	labels = ""
	if (substr(rest, 1, 1) != "{")
		return 1
	rest = substr(rest, 2)
	while (1) {
		label = take("^[a-zA-Z_][a-zA-Z0-9_]*")
		if (label == "" || label ~ /^__/ || label == "le" || label == "quantile" || (label in seen))
			return 0
		seen[label] = 1
		if (substr(rest, 1, 2) != "=\"")
			return 0
		rest = substr(rest, 3)
		n = labels
		labels = labels label "="
		# Any octets but quotes, backslashes and newlines, which have escapes.
		labels = labels take("^([^\"\\\\]|\\\\\\\\|\\\\\"|\\\\n)*") ","
		if (substr(rest, 1, 1) != "\"")
			return 0
		rest = substr(rest, 2)
		if (substr(rest, 1, 1) == "}") {
			rest = substr(rest, 2)
			return 1
		}
		if (substr(rest, 1, 1) != ",")
			return 0
		rest = substr(rest, 2)
	}
}

/^# HELP / {
	if (NF < 4 || ($3 in help)) fault("HELP without text, or again")
	if ($4 !~ /^[A-Z0-9]/ || $0 !~ /\.$/) fault("HELP is no sentence")
	help[$3] = 1
	current = $3
	next
}
/^# TYPE / {
	if (NF != 4 || ($3 in type)) fault("TYPE of nothing, or again")
	if ($3 != current) fault("TYPE is not behind its HELP")
	if ($4 != "counter" && $4 != "gauge") fault("unknown type")
	if ($4 == "counter" && $3 !~ /_total$/) fault("a counter's name does not end in _total")
	if ($4 != "counter" && $3 ~ /_(total|sum|count|bucket)$/) fault("a gauge's name ends like a counter's")
	if ($3 ~ /(milli|micro|nano|kilo|mega|giga)(seconds|bytes)|_(ms|us|octets|minutes|hours|kb|mb)(_|$)/) fault("no base unit")
	type[$3] = $4
	next
}
/^$/ || /^#/ { fault("neither HELP, TYPE nor a sample"); next }
{
	rest = $0
	name = take("^[a-zA-Z_:][a-zA-Z0-9_:]*")
	if (name == "" || !take_labels() || substr(rest, 1, 1) != " ") { fault("no sample"); next }
	if (substr(rest, 2) !~ /^[0-9]+(\.[0-9]+)?$/) fault("no value")
	if (name != current || !(name in type)) fault("not behind its own HELP and TYPE")
	if ((name, labels) in samples) fault("the same sample again")
	samples[name, labels] = 1
	n++
}
END {
	if (!n) { print "no samples"; faults++ }
	exit faults > 0
}
