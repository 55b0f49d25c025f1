#!/usr/bin/env bash
# Builds the Debian package, for Debian 12 and later and Ubuntu 24.04 and later, by Debian's own tools.
# Usage: build-deb.sh [--binaries DIR] [--revision N] [--fast] OUTPUT
#   --binaries DIR   directory of built programs; without it, they are built now, for release
#   --revision N     of the package, instead of that of packaging/debian/changelog
#   --fast           compresses little, for tests
#   OUTPUT           directory that the package is put into; made where it is missing
# Prints the path of the package. The same sources and programs give the same package, byte for byte;
# $SOURCE_DATE_EPOCH is its date, that of the changelog unless told. Programs need the C library that they were built
# with, or a newer one: build on the oldest distribution that the package is for.
set -euo pipefail
usage() { sed -n '3,10s/^# \{0,1\}//p' "$0"; }
binaries='' revision='' compression=(-Zxz) output=''
while [ $# -gt 0 ]; do
    case $1 in
        --binaries) binaries=$(realpath -- "${2:?--binaries needs a directory}"); shift ;;
        --revision) revision=${2:?--revision needs a number}; shift ;;
        --fast) compression=(-Zgzip -z1) ;;
        -h | --help) usage; exit 0 ;;
        -*) usage >&2; exit 2 ;;
        *) output=$1 ;;
    esac
    shift
done
if [ -z "$output" ]; then usage >&2; exit 2; fi
mkdir -p -- "$output"
output=$(realpath -- "$output")
cd "$(dirname "$0")/.."

if [ -z "$binaries" ]; then
    cargo build --release --locked --bins >&2
    binaries=$(realpath -- "${CARGO_TARGET_DIR:-target}/release")
fi
version=$(dpkg-parsechangelog --file packaging/debian/changelog --show-field Version)
if [ -n "$revision" ]; then version=${version%-*}-$revision; fi
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(dpkg-parsechangelog --file packaging/debian/changelog --show-field Timestamp)}
umask 022

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
# As dpkg's tools want it: a source tree with a directory debian, and in it the tree of the package.
cp -r packaging/debian "$work/debian"
tree=$work/debian/isomirror
packaging/install.sh DESTDIR="$tree" BINARIES="$binaries" PREFIX=/usr SBINDIR=/usr/sbin ZSHDIR=/usr/share/zsh/vendor-completions
strip --strip-unneeded --remove-section=.comment "$tree"/usr/bin/isomirrord "$tree"/usr/bin/isomirror

# Licences that Debian has anyway are named in `copyright`; what is long and for people is compressed.
doc=$tree/usr/share/doc/isomirror
rm -r "$tree/usr/share/licenses"
mv "$doc/CHANGELOG.md" "$doc/changelog"
install -m 644 packaging/debian/changelog "$doc/changelog.Debian"
sed -i "1s/([^)]*)/($version)/" "$doc/changelog.Debian"
install -m 644 packaging/debian/copyright "$doc/copyright"
install -D -m 644 packaging/debian/lintian-overrides "$tree/usr/share/lintian/overrides/isomirror"
find "$tree/usr/share/man" -type f -exec gzip -9n '{}' +
gzip -9n "$doc/changelog" "$doc/changelog.Debian"

mkdir "$tree/DEBIAN"
install -m 755 packaging/debian/{postinst,prerm,postrm} "$tree/DEBIAN/"
packaging/install.sh --list | awk '$1 == "config" { print $3 }' >"$tree/DEBIAN/conffiles"
(cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | LC_ALL=C sort | grep -vxF "$(sed 's|^/||' DEBIAN/conffiles)" | tr '\n' '\0' | xargs -0 md5sum >DEBIAN/md5sums)
(
    cd "$work"
    dpkg-shlibdeps -Tdebian/substvars debian/isomirror/usr/bin/isomirrord debian/isomirror/usr/bin/isomirror
    echo 'misc:Depends=' >>debian/substvars
    dpkg-gencontrol -pisomirror -Tdebian/substvars -Pdebian/isomirror -v"$version" -fdebian/files
) >&2
architecture=$(dpkg --print-architecture)
dpkg-deb --root-owner-group "${compression[@]}" --build "$tree" "$output/isomirror_${version}_$architecture.deb" >&2
printf '%s\n' "$output/isomirror_${version}_$architecture.deb"
