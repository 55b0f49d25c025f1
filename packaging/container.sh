#!/usr/bin/env bash
# Makes an OCI image of the built programs and the libraries that they need, and of nothing else: no shell, no packages.
# Usage: container.sh OUTPUT [PROGRAMS]
#   OUTPUT     a directory (OCI image layout), made new; or a file whose name ends in .tar (the same as an archive)
#   PROGRAMS   directory of isomirrord and isomirror, target/release unless told
# In the container isomirrord serves the images of /images by HTTP on port 8080, as an ordinary user. It needs no
# privilege, no device and no writable root file system; /var/lib/isomirror and /run/isomirror are volumes.
# The same programs give the same image, byte for byte; $SOURCE_DATE_EPOCH is its date, 0 unless told.
set -euo pipefail
usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }
case ${1:-} in -h | --help) usage; exit 0 ;; esac
if [ $# -lt 1 ] || [ $# -gt 2 ] || [ -z "$1" ]; then usage >&2; exit 2; fi
here=$(dirname "$(realpath "$0")")
output=$(realpath -m -- "$1") programs=$(realpath -m -- "${2:-$here/../target/release}")
fail() { printf 'container: %s\n' "$*" >&2; exit 1; }
for tool in tar sha256sum ldd jq; do
    command -v "$tool" >/dev/null || fail "no \`$tool\` here; please install it"
done
for program in isomirrord isomirror; do
    [ -x "$programs/$program" ] || fail "no \`$programs/$program\`; run \`cargo build --release --bins\` first"
done
[ ! -e "$output" ] || fail "\`$output\` is there already"

epoch=${SOURCE_DATE_EPOCH:-0}
version=$("$programs/isomirrord" --version | cut -d' ' -f2)
case $(uname -m) in
    x86_64) architecture=amd64 ;;
    aarch64) architecture=arm64 ;;
    *) architecture=$(uname -m) ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
root=$work/root layout=$work/layout

# What the container has in it. Libraries keep their paths: the loader's is built into the programs.
install -D -t "$root/usr/bin" "$programs/isomirrord" "$programs/isomirror"
ldd "$programs/isomirrord" "$programs/isomirror" | grep -o '/[^ ]* (0x' | cut -d' ' -f1 | sort -u |
    while read -r library; do install -D "$library" "$root$library"; done
certificates=/etc/ssl/certs/ca-certificates.crt
if [ -e $certificates ]; then install -D -m 644 $certificates "$root$certificates"; fi
mkdir -p "$root"/{images,tmp,proc,sys,dev} "$root"/etc/isomirror "$root"/srv/isomirror "$root"/var/lib/isomirror "$root"/run/isomirror
chmod 1777 "$root/tmp"
echo 'isomirror:x:65532:65532::/var/lib/isomirror:/bin/false' >"$root/etc/passwd"
echo 'isomirror:x:65532:' >"$root/etc/group"
cat >"$root/etc/isomirror/isomirror.yaml" <<'YAML'
# Of the container; mount a file over it to have another one.
media: {drives: none, directories: [/images]}
mount: {backend: none}
serve: {listen: "[::]:8080"}
YAML

# Puts a file among the blobs and prints its descriptor.
blob() {
    local file=$1 type=$2 digest
    digest=$(sha256sum <"$file" | cut -d' ' -f1)
    mkdir -p "$layout/blobs/sha256"
    jq -cn --arg type "$type" --arg digest "sha256:$digest" --argjson size "$(stat -c %s "$file")" \
        '{mediaType: $type, digest: $digest, size: $size}'
    mv "$file" "$layout/blobs/sha256/$digest"
}
archive() { tar --create --sort=name --format=gnu --mtime="@$epoch" --owner="$3" --group=0 --numeric-owner --directory="$1" --file="$2" "${@:4}"; }

# Two layers: volumes take over the owner of what they are put upon, and only these two directories are the user's. The
# group may write them too: where a platform chooses another user, it is one of group 0.
chmod 775 "$root/var/lib/isomirror" "$root/run/isomirror"
archive "$root" "$work/layer.tar" 0 --exclude=./var/lib/isomirror --exclude=./run/isomirror .
archive "$root" "$work/places.tar" 65532 ./var/lib/isomirror ./run/isomirror
layers=()
for layer in layer places; do layers+=("$(blob "$work/$layer.tar" application/vnd.oci.image.layer.v1.tar)"); done
printf '%s\n' "${layers[@]}" | jq -s \
    --arg architecture "$architecture" --arg version "$version" --arg created "$(date --utc --date="@$epoch" +%FT%TZ)" '{
        created: $created, architecture: $architecture, os: "linux",
        config: {
            User: "65532:65532", ExposedPorts: {"8080/tcp": {}}, Entrypoint: ["/usr/bin/isomirrord"], WorkingDir: "/",
            Env: ["PATH=/usr/bin", "RUNTIME_DIRECTORY=/run/isomirror", "STATE_DIRECTORY=/var/lib/isomirror"],
            Volumes: {"/var/lib/isomirror": {}, "/run/isomirror": {}}, StopSignal: "SIGTERM",
            Labels: {
                "org.opencontainers.image.title": "isomirror", "org.opencontainers.image.version": $version,
                "org.opencontainers.image.licenses": "Apache-2.0 OR MIT"
            }
        },
        rootfs: {type: "layers", diff_ids: map(.digest)}
    }' >"$work/config.json"
config=$(blob "$work/config.json" application/vnd.oci.image.config.v1+json)
printf '%s\n' "${layers[@]}" | jq -s --argjson config "$config" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: $config, layers: .}' >"$work/manifest.json"
manifest=$(blob "$work/manifest.json" application/vnd.oci.image.manifest.v1+json)
jq -n --argjson manifest "$manifest" --arg version "$version" \
    '{schemaVersion: 2, manifests: [$manifest + {annotations: {
        "org.opencontainers.image.ref.name": $version, "io.containerd.image.name": ("localhost/isomirror:" + $version)
    }}]}' >"$layout/index.json"
echo '{"imageLayoutVersion": "1.0.0"}' >"$layout/oci-layout"

mkdir -p "$(dirname "$output")"
case $output in
    *.tar) archive "$layout" "$output" 0 oci-layout index.json blobs ;;
    *) mv "$layout" "$output" ;;
esac
printf '%s: isomirror %s for %s\n' "$output" "$version" "$architecture"
