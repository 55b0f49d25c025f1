#!/bin/bash
# Everything that the host can see of the name $1 at one moment, in parts that begin with "@@PART".
export LC_ALL=C
part() { printf '\n@@%s\n' "$1"; }
part state
cat /run/isomirror/state.json
part mounts
awk '$5 ~ "^/srv/isomirror/"' /proc/1/mountinfo
part listed
ls -1A /srv/isomirror
part mounted
# As a web server reads it.
timeout 20 runuser -u www-data -- sha256sum "/srv/isomirror/$1/filler" 2>&1
part status
curl -sS -m 20 -o /run/served -w '%{http_code}\n' "http://127.0.0.1:8080/$1/filler" 2>&1
part served
sha256sum </run/served
part index
curl -sS -m 20 http://127.0.0.1:8080/index.json 2>&1
