#!/bin/bash
# Runs what the host sends over the virtio port, one script at a time.
# Request: "<id> <seconds> <bytes>\n<script>". Reply: "<id> <status> <bytes of stdout> <bytes of stderr>\n<both>".
export LC_ALL=C
# A service's own: programs that look for it mean theirs.
unset RUNTIME_DIRECTORY
exec 3<>/dev/virtio-ports/isomirror.agent
cd /run/guest-agent || exit 1
printf 'ready\n' >&3
while read -r id seconds length <&3; do
    # `-d ''` would stop at a NUL; -N takes exactly that many bytes whatever they are.
    IFS= read -r -N "$length" script <&3
    printf '%s' "$script" >script
    timeout --kill-after=2 "$seconds" bash script >stdout 2>stderr </dev/null 3>&-
    status=$?
    # Sizes are taken of copies: something that the script left running may go on writing.
    cp stdout reply && cp stderr reply.error
    printf '%s %s %s %s\n' "$id" "$status" "$(stat -c %s reply)" "$(stat -c %s reply.error)" >&3
    cat reply reply.error >&3
done
