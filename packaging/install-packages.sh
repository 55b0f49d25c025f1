#!/usr/bin/env bash
# Installs packages, named as Debian names them, by whatever package manager is there: apt-get, dnf or pacman.
# Says what it does; where there is none of these, or a package is not to be had, says what is missing and fails.
# Usage: install-packages.sh NAME…
set -euo pipefail

# Debian's name, Fedora's, Arch Linux's; `-` where a distribution does not have it. Others bear one name everywhere.
names() {
    cat <<'TABLE'
apache2-bin        httpd-core          apache
apt-utils          apt-utils           -
createrepo-c       createrepo_c        createrepo_c
dpkg-dev           dpkg-dev            dpkg
debian-installer-12-netboot-amd64 -    -
erofs-utils        erofs-utils         erofs-utils
faketime           libfaketime         libfaketime
fonts-dejavu-core  dejavu-sans-fonts   ttf-dejavu
fuseiso            fuseiso             -
g++                gcc-c++             gcc
gcc                gcc                 gcc
genisoimage        genisoimage         cdrtools
gpg                gnupg2              gnupg
gpg-agent          gnupg2              gnupg
gpgv               gnupg2              gnupg
groff-base         groff-base          groff
grub-common        grub2-tools-extra   grub
grub-efi-amd64-bin grub2-efi-x64-modules grub
grub-pc-bin        grub2-pc-modules    grub
ipxe-qemu          ipxe-roms-qemu      -
isomd5sum          isomd5sum           -
libarchive-tools   bsdtar              libarchive
libc6-dev          glibc-devel         glibc
libosinfo-bin      libosinfo           libosinfo
libudev-dev        systemd-devel       systemd-libs
mmdebstrap         mmdebstrap          -
nginx-light        nginx               nginx
lintian            -                   -
ovmf               edk2-ovmf           edk2-ovmf
pkg-config         pkgconf-pkg-config  pkgconf
qemu-system-x86    qemu-system-x86     qemu-system-x86
rpm                rpm-build           rpm-tools
rpmlint            rpmlint             -
selinux-policy-dev selinux-policy-devel -
shellcheck         ShellCheck          shellcheck
signify-openbsd    signify             signify
udev               systemd-udev        systemd
udftools           udftools            -
wrk                wrk                 -
xorriso            xorriso             libisoburn
TABLE
}
native() { names | awk -v name="$1" -v column="$2" '$1 == name { found = $column } END { print found ? found : name }'; }

if command -v apt-get >/dev/null; then manager=apt-get column=1
elif command -v dnf >/dev/null; then manager=dnf column=2
elif command -v pacman >/dev/null; then manager=pacman column=3
else manager=none column=1; fi

installed() {
    case $manager in
        apt-get) dpkg-query --show --showformat '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed ;;
        dnf) rpm --query --quiet --whatprovides "$1" ;;
        pacman) pacman --query "$1" >/dev/null 2>&1 ;;
        none) false ;;
    esac
}

wanted=() unknown=()
for name in "$@"; do
    package=$(native "$name" "$column")
    if [ "$package" = - ]; then unknown+=("$name")
    elif ! installed "$package"; then wanted+=("$package"); fi
done

if [ ${#wanted[@]} -gt 0 ]; then
    if [ $manager = none ]; then
        printf 'no apt-get, dnf or pacman here; please install: %s\n' "${wanted[*]}" >&2
        exit 1
    fi
    root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { printf 'as root, please run: %s install %s\n' "$manager" "${wanted[*]}" >&2; exit 1; }
        root=(sudo)
    fi
    printf 'installing by %s: %s\n' "$manager" "${wanted[*]}"
    case $manager in
        apt-get)
            "${root[@]}" apt-get update --quiet=2
            "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --option Dpkg::Use-Pty=0 --no-install-recommends "${wanted[@]}"
            ;;
        dnf) "${root[@]}" dnf install --quiet --assumeyes "${wanted[@]}" ;;
        pacman) "${root[@]}" pacman --sync --refresh --needed --noconfirm "${wanted[@]}" ;;
    esac
fi
if [ ${#unknown[@]} -gt 0 ]; then
    printf 'not packaged for this system, please install by hand: %s\n' "${unknown[*]}" >&2
    exit 1
fi
