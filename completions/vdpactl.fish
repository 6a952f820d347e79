# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for vdpactl, also under the name vdpa: vdpactl itself knows the words, and what they mean.

function __vdpactl_words
    set -l words (commandline -opc)
    set -l bin vdpactl
    set -l name (string replace -r '.*/' '' -- $words[1])
    test "$name" != vdpactl; or set bin $words[1]
    # Behind a request that hangs in the kernel, this one would hang too: hence a deadline.
    timeout 3 $bin --complete-described (count $words) $words (commandline -ct) 2>/dev/null </dev/null
end

function __vdpactl_wants_file
    set -l words (commandline -opc)
    contains -- $words[-1] -b -batch --batch
end

for command in vdpactl vdpa
    complete -c $command -n 'not __vdpactl_wants_file' -f -k -a '(__vdpactl_words)'
end
complete -c vdpactl -n __vdpactl_wants_file -F
