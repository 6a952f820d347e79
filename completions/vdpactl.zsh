#compdef vdpactl vdpa
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for vdpactl, also under the name vdpa: vdpactl itself knows the words, and what they mean.

local bin=vdpactl before=${(Q)words[CURRENT - 1]} line value help
local -a asked values shown suffix
case $before in
-b | -batch | --batch) _files && return ;;
device_features) suffix=(-S '') ;; # a comma may follow
esac
[[ ${${(Q)words[1]}:t} != vdpactl ]] || bin=${~${(Q)words[1]}}
asked=("${(@Q)words[1,CURRENT - 1]}" "${(Q)PREFIX}")
# Behind a request that hangs in the kernel, this one would hang too: hence a deadline.
for line in "${(@f)$(timeout 3 $bin --complete-described $((CURRENT - 1)) "${(@)asked}" 2>/dev/null </dev/null)}"; do
	[[ -n $line ]] || continue
	value=${line%%$'\t'*} help=
	[[ $line != *$'\t'* ]] || help=${line#*$'\t'}
	values+=("$value")
	shown+=("$value${help:+  -- $help}")
done
(( $#values )) || return 1
if [[ "${shown[*]}" == *'  -- '* ]]; then
	compadd -V vdpactl -l -d shown "${(@)suffix}" -a values
else
	compadd -V vdpactl "${(@)suffix}" -a values
fi
