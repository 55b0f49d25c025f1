#!/usr/bin/env bash
# Builds the RPM package for Rocky Linux, AlmaLinux and RHEL 9 and later, by rpmbuild; Debian's package `rpm` has it too.
# Usage: build-rpm.sh [--binaries DIR] [--release N] [--selinux] [--fast] OUTPUT
#   --binaries DIR   directory of built programs; without it, they are built now, for release
#   --release N      of the package; 1 unless told
#   --selinux        also isomirror-selinux, which is the default on distributions that have SELinux
#   --fast           compresses little, for tests
#   OUTPUT           directory that the packages are put into; made where it is missing
# Prints the paths of the packages. The same sources and programs give the same packages, byte for byte;
# $SOURCE_DATE_EPOCH is their date, that of the changelog unless told. Programs need the C library that they were built
# with, or a newer one: build on the oldest distribution that the package is for. What is built on Debian 12 needs
# glibc 2.34, which Rocky Linux 9 has.
set -euo pipefail
usage() { sed -n '3,12s/^# \{0,1\}//p' "$0"; }
options=() binaries='' payload=w19.zstdio output=''
while [ $# -gt 0 ]; do
    case $1 in
        --binaries) binaries=$(realpath -- "${2:?--binaries needs a directory}"); shift ;;
        --release) options+=(--define "package_release ${2:?--release needs a number}"); shift ;;
        --selinux) options+=(--with selinux) ;;
        --fast) payload=w1.gzdio ;;
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
version=$(awk '$1 == "Version:" { print $2 }' packaging/rpm/isomirror.spec)
changed=$(sed -n '/^%changelog/{n;s/^\* \(.* 2[0-9]*\) .*/\1/p}' packaging/rpm/isomirror.spec)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date --utc --date="$changed" +%s)}
umask 022

top=$(mktemp -d)
trap 'rm -rf -- "$top"' EXIT
mkdir -p "$top/SOURCES"
# What is built elsewhere is only packed: sources and tests stay away then.
tar --create --gzip --exclude-vcs --exclude=./target --exclude=./tests --exclude=./daemon --transform "s|^\.|isomirror-$version|" --file "$top/SOURCES/isomirror-$version.tar.gz" .
# Debian's rpm has no database of packages to look for what is needed to build in, and cannot compress manuals.
if [ -e /etc/debian_version ]; then options+=(--nodeps --define '__brp_compress %{nil}'); fi
rpmbuild -bb --quiet "${options[@]}" --define "_topdir $top" --define "binaries $binaries" \
    --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' --define '_buildhost localhost' \
    --define "_binary_payload $payload" --define '_build_id_links none' packaging/rpm/isomirror.spec >&2
find "$top/RPMS" -name '*.rpm' -exec mv -t "$output" '{}' +
find "$output" -name "isomirror-*$version-*.rpm" -newer "$top/SOURCES" | LC_ALL=C sort
